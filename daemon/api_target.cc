#include "daemon/api_target.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace s3zipd {

std::optional<Target> parse_target(std::string_view text) {
    const auto parsed = boost::urls::parse_origin_form({text.data(), text.size()});
    if (!parsed) return std::nullopt;
    Target target;
    for (const auto& segment : parsed->segments()) target.segments.push_back(segment);
    for (const auto& parameter : parsed->params()) {
        target.parameters.emplace_back(parameter.key, parameter.value);
    }
    return target;
}

}  // namespace s3zipd
