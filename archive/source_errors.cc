#include "archive/source_errors.h"

#include <fmt/format.h>
#include <string_view>

namespace archive {

base::Error source_error(base::Error error) {
    using base::ErrorKind;
    std::string_view what;
    if (error.kind == ErrorKind::precondition &&
        (error.code == "PreconditionFailed" || error.code == "wrong_object")) {
        what = "changed";
    } else if (error.kind == ErrorKind::not_found && error.code != "NoSuchBucket") {
        what = "was deleted";
    } else if (error.code == "InvalidObjectState") {
        error.code = "object_archived";
        return error;
    } else {
        return error;
    }
    error.kind = ErrorKind::precondition;
    error.code = "source_changed";
    error.detail = fmt::format("{} {} after it was listed: {}", error.key, what, error.detail);
    return error;
}

base::Error checksum_mismatch(const std::string& bucket, const ShardEntry& entry,
                              std::uint32_t stored, std::uint32_t read) {
    const std::string object = bucket + "/" + entry.key;
    return {base::ErrorKind::corrupt,
            "checksum_mismatch",
            fmt::format("{}: S3 has stored CRC-32 {:08x}, what it gave has {:08x}", object, stored,
                        read),
            0,
            {},
            object};
}

}  // namespace archive
