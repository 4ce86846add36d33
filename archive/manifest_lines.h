// Manifest files: which objects to archive, one JSON object a line (JSON Lines), in S3.
//
//   {"bucket":"b","key":"k","name":"entry name","version_id":"...",
//    "size":1,"etag":"...","last_modified":"2026-11-20T13:05:02Z","storage_class":"..."}
//
// bucket and key are required. With size (not 0), etag and last_modified S3 need not be asked for
// the object, unless it is in an archive storage class. Unknown fields, wrong types and lines over
// kManifestLineMax are errors that name the line. Empty lines are skipped, as are a byte order mark
// and the CR of CR LF. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/request.h"
#include "base/error.h"

namespace archive {

inline constexpr std::size_t kManifestLineMax = 256 << 10;

// What a listing or a HEAD would have said.
struct KnownObject {
    std::uint64_t size = 0;
    std::string etag;  // without quotes
    std::int64_t last_modified_s = 0;
};
struct WantedObject {
    std::string bucket;
    ObjectChoice choice;
    std::optional<KnownObject> known;
};

base::Result<WantedObject> parse_manifest_line(std::string_view line);

// Cuts a file that comes in pieces into lines, and parses them. Not thread-safe.
class ManifestLines {
  public:
    // Appends what is whole now to `out`; after the last piece finish() takes what has no newline.
    base::Status feed(std::string_view piece, std::vector<WantedObject>& out);
    base::Status finish(std::vector<WantedObject>& out);

  private:
    base::Status take(std::string_view line, std::vector<WantedObject>& out);
    std::string begun_;  // a line whose end has not come
    std::uint64_t line_ = 0;
};

}  // namespace archive
