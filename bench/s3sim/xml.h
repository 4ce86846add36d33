// XML out, by hand and in order; XML in, by pugixml, with the documents S3 takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3sim/errors.h"

namespace s3sim {

inline constexpr std::string_view kS3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

class XmlWriter {
  public:
    XmlWriter() { out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"; }
    XmlWriter& root(std::string_view name);  // with S3's namespace
    XmlWriter& open(std::string_view name);
    XmlWriter& close(std::string_view name);
    XmlWriter& text(std::string_view name, std::string_view value);
    XmlWriter& number(std::string_view name, std::uint64_t value);
    XmlWriter& flag(std::string_view name, bool value) {
        return text(name, value ? "true" : "false");
    }
    std::string finish() { return std::move(out_); }

  private:
    std::string out_;
};

struct CompletedPart {
    std::uint64_t number = 0;
    std::string etag;  // without quotes
    std::string checksum_crc32;
    std::string checksum_sha256;
};
Answered<std::vector<CompletedPart>> parse_complete(std::string_view xml);

struct DeleteRequest {
    bool quiet = false;
    std::vector<std::pair<std::string, std::string>> objects;  // key, version or ""
};
Answered<DeleteRequest> parse_delete(std::string_view xml);
Answered<std::string> parse_versioning(std::string_view xml);  // "Enabled" or "Suspended"

struct RestoreRequest {
    std::optional<std::uint64_t> days;
    std::string tier = "Standard";
};
Answered<RestoreRequest> parse_restore(std::string_view xml);
Answered<std::string> parse_location_constraint(std::string_view xml);  // "" if there is none

std::string unquote(std::string_view etag);

}  // namespace s3sim
