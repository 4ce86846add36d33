// What a user asks for: the typed form of the body of POST /archives (docs/API.md). Plain data,
// copied freely. validate() checks what can be known without S3; its error's `key` is the JSON
// pointer of the field at fault.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/part_layout.h"
#include "archive/request_scope.h"
#include "base/error.h"
#include "s3client/access.h"
#include "zip/names.h"

namespace archive {

struct ObjectChoice {
    std::string key;
    std::string name;        // entry name; empty: made from the key
    std::string version_id;  // empty: the current version
};

struct ObjectAddress {
    std::string bucket, key;
    std::string version_id;  // empty: the current version
};

// Exactly one of: everything below a prefix, `objects`, `manifest`.
struct Source {
    std::string bucket;                // not with `manifest`
    std::string prefix;                // everything below it, unless `objects` is given
    std::vector<std::string> include;  // glob patterns on the key after the prefix; empty: all
    std::vector<std::string> exclude;  // wins over include
    std::optional<std::vector<ObjectChoice>>
        objects;                            // explicit objects, in this order; must not be empty
    std::optional<ObjectAddress> manifest;  // a file that names objects: manifest_lines.h
    s3client::Access access;                // to all objects of this source, and to its manifest
};

struct ServerSideEncryption {
    // "AES256", "aws:kms", "aws:kms:dsse", or "customer": with the key of Destination::access;
    // empty: the bucket's default
    std::string type{};
    std::string key_id{};                          // of KMS; empty: its default
    std::optional<bool> bucket_key_enabled{};      // aws:kms only; none: as the bucket has it
    std::map<std::string, std::string> context{};  // of KMS
};

struct Destination {
    std::string bucket;
    std::string key;
    bool overwrite = false;
    std::string storage_class;  // empty: STANDARD
    std::map<std::string, std::string> tags;
    std::map<std::string, std::string> metadata;
    std::string content_type;  // empty: application/zip
    std::string content_disposition;
    std::string cache_control;
    ServerSideEncryption sse;
    s3client::Access access;
};

enum class OnDuplicate : std::uint8_t { fail, rename };
enum class OnMissing : std::uint8_t { fail, skip };
enum class OnEmpty : std::uint8_t { fail, archive };
enum class Timestamps : std::uint8_t { source, fixed };
// given: as listed or named by the request. key: by key, bucket and version, whatever order the
// request has them in.
enum class EntryOrder : std::uint8_t { given, key };

// Whether a store that does not check our checksums will do; what it did is in the result.
enum class Checksums : std::uint8_t { automatic, required };

// How the bytes of source objects are checked that have no stored CRC-32. stored: not at all.
// md5: against the ETag, where it is an MD5 of the object.
enum class VerifySources : std::uint8_t { stored, md5 };

struct Options {
    std::string strip_prefix;
    bool flatten = false;
    zip::NamePolicy names = zip::NamePolicy::safe;
    EntryOrder order = EntryOrder::given;
    OnDuplicate on_duplicate = OnDuplicate::fail;
    OnMissing on_missing = OnMissing::fail;
    bool list_missing = false;  // with `skip`: name them in an entry, _MISSING.txt
    OnEmpty on_empty = OnEmpty::fail;
    Timestamps timestamps = Timestamps::source;
    std::string comment;                // at most 65,535 bytes
    int priority = 0;                   // -100..100, higher first in the queue
    std::uint64_t part_size_bytes = 0;  // 5 MiB..5 GiB; 0: chosen by the planner
    std::string role_arn;               // whose keys sign all of the job's requests; empty: ours
    std::string external_id;            // told to STS with role_arn
    Checksums checksums = Checksums::automatic;
    PartLayout part_layout = PartLayout::automatic;  // automatic: EngineConfig::part_layout
    VerifySources verify_sources = VerifySources::stored;
    bool reuse = false;  // an earlier archive of the same objects will do, if it is unchanged
};

struct ArchiveRequest {
    std::vector<Source> sources;
    Destination destination;
    Options options;
    std::string notify_url;  // who is told when the job has ended; empty: nobody
    // Not of the body: what who posted it may name; none: everything.
    std::shared_ptr<const RequestScope> scope{};
};

base::Status validate(const ArchiveRequest& request);

}  // namespace archive
