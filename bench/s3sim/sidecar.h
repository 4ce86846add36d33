// What a file does not say about an object, kept beside it under ROOT/.s3sim/meta: one text file an
// object, "name value" lines, values percent-encoded. A sidecar counts only while the file has the
// size and time of change it was written for.
#pragma once

#include <sys/stat.h>
#include <optional>
#include <string>
#include <string_view>

#include "s3sim/bucket.h"

namespace s3sim {

// The identity of a file's content, as far as stat(2) can tell.
struct FileStamp {
    std::uint64_t size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const struct stat& info);

base::Status write_sidecar(const std::string& path, const std::string& temp_folder,
                           std::string_view key, const FileStamp& stamp, const Object& object);
// The object (without its bytes) and the key; nothing if the sidecar is absent or was written for
// other bytes.
std::optional<std::pair<std::string, Object>> read_sidecar(const std::string& path,
                                                           const FileStamp& stamp);

}  // namespace s3sim
