#include "archive/request_scope.h"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>
#include <utility>

#include "archive/request.h"

namespace archive {
namespace {

bool is_below(const ObjectPrefix& p, std::string_view bucket, std::string_view key) {
    return p.bucket == bucket && key.starts_with(p.prefix);
}

bool has_dot_segment(std::string_view key) {
    for (;;) {
        const std::string_view segment = key.substr(0, key.find('/'));
        if (segment == "." || segment == "..") return true;
        if (segment.size() == key.size()) return false;
        key.remove_prefix(segment.size() + 1);
    }
}

// Whatever stands between a prefix and a key that it is one of, in order, is below that prefix; so
// only the last one that is not after the key can be one of its prefixes.
bool covers(const std::optional<std::vector<ObjectPrefix>>& prefixes, std::string_view bucket,
            std::string_view key) {
    if (!prefixes) return true;
    const auto after =
        std::ranges::upper_bound(*prefixes, std::pair(bucket, key), {}, [](const ObjectPrefix& p) {
            return std::pair<std::string_view, std::string_view>(p.bucket, p.prefix);
        });
    return after != prefixes->begin() && is_below(*std::prev(after), bucket, key) &&
           !has_dot_segment(key);
}

base::Status not_allowed(std::string pointer, std::string_view verb, std::string_view bucket,
                         std::string_view key) {
    return base::fail({base::ErrorKind::denied,
                       "not_allowed",
                       fmt::format("the token may not {} {}/{}", verb, bucket, key),
                       0,
                       {},
                       std::move(pointer)});
}

base::Status check_source(const Source& source, std::size_t index, const RequestScope& scope) {
    const auto at = [&](std::string_view field) {
        return fmt::format("/sources/{}/{}", index, field);
    };
    if (source.manifest) {
        const auto& [bucket, key, version] = *source.manifest;
        if (scope.may_read(bucket, key)) return {};
        return not_allowed(at("manifest"), "read", bucket, key);
    }
    if (!source.objects) {
        if (scope.may_read(source.bucket, source.prefix)) return {};
        return not_allowed(at(source.prefix.empty() ? "bucket" : "prefix"), "read", source.bucket,
                           source.prefix);
    }
    for (std::size_t i = 0; i < source.objects->size(); ++i) {
        const std::string& key = (*source.objects)[i].key;
        if (!scope.may_read(source.bucket, key))
            return not_allowed(at(fmt::format("objects/{}/key", i)), "read", source.bucket, key);
    }
    return {};
}

}  // namespace

std::vector<ObjectPrefix> narrowed(std::vector<ObjectPrefix> prefixes) {
    std::ranges::sort(prefixes);
    std::vector<ObjectPrefix> kept;
    for (ObjectPrefix& p : prefixes) {
        if (kept.empty() || !is_below(kept.back(), p.bucket, p.prefix))
            kept.push_back(std::move(p));
    }
    return kept;
}

bool RequestScope::may_read(std::string_view bucket, std::string_view key) const {
    return covers(sources, bucket, key);
}

bool RequestScope::may_write(std::string_view bucket, std::string_view key) const {
    return covers(destinations, bucket, key);
}

base::Status check_scope(const ArchiveRequest& request, const RequestScope& scope) {
    if (scope.sources) {
        for (std::size_t i = 0; i < request.sources.size(); ++i) {
            if (auto allowed = check_source(request.sources[i], i, scope); !allowed) return allowed;
        }
    }
    const Destination& destination = request.destination;
    if (scope.may_write(destination.bucket, destination.key)) return {};
    return not_allowed("/destination", "write", destination.bucket, destination.key);
}

}  // namespace archive
