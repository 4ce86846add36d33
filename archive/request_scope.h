// The objects that a request may name, where who posts it is limited to some: a token of the daemon
// may be for some buckets and prefixes only. Plain data, copied freely; pure.
//
// What the body names is checked when it is posted; what a manifest file names, and an archive made
// earlier, when the job meets them: so the scope goes along with the request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace archive {

struct ArchiveRequest;

// The keys of a bucket that start with `prefix`; an empty one is the whole bucket.
struct ObjectPrefix {
    std::string bucket, prefix;
    auto operator<=>(const ObjectPrefix&) const = default;
};

struct RequestScope {
    // None: all. As narrowed() makes them, so that one look decides, however many there are.
    std::optional<std::vector<ObjectPrefix>> sources, destinations;

    // `key` may also be a prefix, for all that is below it. Never with a segment "." or "..", which
    // somebody on the way may take for a path.
    bool may_read(std::string_view bucket, std::string_view key) const;
    bool may_write(std::string_view bucket, std::string_view key) const;
    bool operator==(const RequestScope&) const = default;
};

// In order, without those that are below another.
std::vector<ObjectPrefix> narrowed(std::vector<ObjectPrefix> prefixes);

// Error: denied "not_allowed", whose `key` is the JSON pointer of the field at fault.
base::Status check_scope(const ArchiveRequest& request, const RequestScope& scope);

}  // namespace archive
