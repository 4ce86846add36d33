#include "s3client/environment.h"

#include <cstdlib>
#include <utility>

namespace s3client {

Environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return std::string(value);
    };
}

Environment fixed_environment(std::map<std::string, std::string, std::less<>> variables) {
    return [held = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = held.find(name);
        if (found == held.end() || found->second.empty()) return std::nullopt;
        return found->second;
    };
}

}  // namespace s3client
