#include "config/near_name.h"

#include <algorithm>
#include <vector>

namespace config {
namespace {

constexpr std::size_t kLengthMax = 64;  // of a name worth comparing

// Optimal string alignment: Levenshtein's distance, an exchange of neighbours counting once.
std::size_t distance(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> rows((a.size() + 1) * width);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
        return rows[i * width + j];
    };
    for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
    for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
            at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + differs});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
        }
    }
    return at(a.size(), b.size());
}

}  // namespace

std::string_view near_name(std::string_view written, std::span<const std::string> names) {
    if (written.size() > kLengthMax) return {};
    std::string_view best;
    std::size_t least = written.size() < 6 ? 2 : 3;
    for (const std::string& name : names) {
        const std::size_t far = distance(written, name);
        if (far >= least) continue;
        least = far;
        best = name;
    }
    return best;
}

std::string did_you_mean(std::string_view written, std::span<const std::string> names) {
    const std::string_view name = near_name(written, names);
    return name.empty() ? "" : std::string(" (did you mean ").append(name).append("?)");
}

}  // namespace config
