#include "daemon/routes_parameters.h"

#include <fmt/format.h>
#include <charconv>
#include <set>

#include "config/limits.h"

namespace s3zipd {
namespace {

std::optional<archive::JobState> parse_state(std::string_view text) {
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = static_cast<archive::JobState>(i);
        if (archive::to_string(state) == text) return state;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> repeated_parameter(const Target& target) {
    std::set<std::string_view> seen;
    for (const auto& [name, text] : target.parameters) {
        const bool is_empty = name.empty() && text.empty();  // as between "&&"
        if (!is_empty && !seen.insert(name).second) return name;
    }
    return std::nullopt;
}

Problem bad_parameter(std::string_view name, std::string_view wrong) {
    Problem problem = make_problem("bad-parameter", fmt::format("{} {}", name, wrong));
    problem.parameter = name;
    return problem;
}

std::string read_limit(std::string_view text, std::size_t max, std::size_t& limit) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, limit);
    if (error == std::errc() && at == end && limit >= 1 && limit <= max) return {};
    return fmt::format("must be from 1 to {}", max);
}

std::optional<Problem> read_parameter(std::string_view name, const std::string& text,
                                      ListQuery& query) {
    std::string wrong;
    if (name == "state") {
        query.state = parse_state(text);
        if (!query.state) wrong = "is not a state of a job";
    } else if (name == "limit") {
        wrong = read_limit(text, config::kListLimitMax, query.limit);
    } else if (name == "cursor") {
        query.cursor = text;
        constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        if (text.size() != 26 || text.find_first_not_of(kAlphabet) != std::string::npos) {
            wrong = kNoCursor;
        }
    } else {
        wrong = kNoParameter;
    }
    if (wrong.empty()) return std::nullopt;
    return bad_parameter(name, wrong);
}

}  // namespace s3zipd
