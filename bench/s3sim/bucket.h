// Objects, and the buckets that hold them. Everything here is thread-safe; objects are immutable
// once stored and shared by the requests that send them. Kinds of buckets: memory (the only one
// with versions), sink (memory without the bytes), directory and synthetic (read-only); each has a
// source file of its name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "s3sim/body.h"
#include "s3sim/errors.h"

namespace s3sim {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Checksum {
    std::string algorithm;  // "CRC32", "SHA256"; empty: none is stored
    std::string type;       // "FULL_OBJECT", "COMPOSITE"
    std::string value;      // as it goes over the wire
};

// RestoreObject's copy of an archived object: on its way until `ready`, gone from `expires` on.
struct Restore {
    base::UtcTime ready{}, expires{};
};

struct Object {
    std::uint64_t size = 0;
    std::string etag;  // without quotes
    base::UtcTime last_modified{};
    std::string content_type = "binary/octet-stream";
    HeaderList headers;  // returned as given: x-amz-meta-*, cache-control, ..., encryption
    std::string storage_class = "STANDARD";
    std::string archive_status;  // INTELLIGENT_TIERING only: ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS
    std::optional<Restore> restore;
    std::string tagging;
    Checksum checksum;
    std::optional<std::uint32_t> crc32;     // of all bytes, if it is known
    std::vector<std::uint64_t> part_sizes;  // of a multipart object
    std::uint64_t generation = 0;           // differs for each write of a key
    std::string version_id;                 // empty: the version that S3 calls "null"
    bool delete_marker = false;
    std::shared_ptr<const Body> body;  // none in a sink
    std::shared_ptr<TempFile> file;    // directory buckets: the bytes on their way in
};
using ObjectRef = std::shared_ptr<const Object>;

inline constexpr std::string_view kNullVersion = "null";
inline std::string_view shown_version(const Object& object) {
    return object.version_id.empty() ? kNullVersion : std::string_view(object.version_id);
}

// One line of a listing.
struct Entry {
    std::string key;
    std::uint64_t size = 0;
    std::string etag;
    base::UtcTime last_modified{};
    std::string storage_class;
    std::string checksum_algorithm;
    std::string checksum_type;
    std::optional<Restore> restore = std::nullopt;
};
Entry entry_of(std::string_view key, const Object& object);

struct PutCondition {
    std::optional<std::string> if_match;  // an ETag without quotes, or "*"
    bool if_none_match = false;           // "*", the only form S3 takes
    // Complete only: the generation when the upload was created (0: there was no object).
    std::optional<std::uint64_t> generation_at_create;
};
Answered<void> check_put(const PutCondition& condition, const Object* existing);

enum class Versioning : std::uint8_t { off, enabled, suspended };

struct Removed {
    bool found = true;       // false: there was no such version
    std::string version_id;  // of what was removed or of the new marker; "" where nothing has one
    bool delete_marker = false;  // a marker was removed, or made
};

class Bucket {
  public:
    virtual ~Bucket() = default;
    virtual ObjectRef find(std::string_view key) = 0;  // none if a delete marker is the newest
    // A version, markers too; "" for the newest.
    virtual ObjectRef find_version(std::string_view key, std::string_view version_id);
    // Returns the new version's id; "" if it has none.
    virtual Answered<std::string> put(std::string_view key, Object object,
                                      const PutCondition& condition) = 0;
    virtual Answered<Removed> remove(std::string_view key, std::string_view version_id,
                                     base::UtcTime now) = 0;
    // Changes what is said of a stored version, not its bytes; nothing if there is no such version.
    virtual void amend(std::string_view, std::string_view /*version_id*/,
                       const std::function<void(Object&)>&) {}
    virtual bool is_empty() = 0;
    virtual void discard() {}  // the bucket was empty and is deleted
    // The first entry whose key is > from, or >= from; false at the end.
    virtual bool next(std::string_view from, bool inclusive, Entry& entry) = 0;
    // The same, of keys that have any version; `versions` with the newest first, for a listing.
    virtual bool next_history(std::string_view from, bool inclusive, std::string& key,
                              std::vector<ObjectRef>& versions);
    virtual void begin_listing() {}  // a first page is about to be made
    virtual base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t size) = 0;
    // Joins parts of an upload, in order; blocks if they are files.
    virtual base::Result<Stored> join(std::span<const Stored> parts) = 0;
    virtual bool blocks() const { return false; }  // join() copies bytes
    virtual bool writable() const { return true; }
    virtual Versioning versioning() { return Versioning::off; }
    virtual Answered<void> set_versioning(Versioning);  // refuses, but for memory buckets
    base::UtcTime created{};
};

std::shared_ptr<Bucket> make_memory_bucket(std::shared_ptr<MemoryBudget> budget);
std::shared_ptr<Bucket> make_sink_bucket();
base::Result<std::shared_ptr<Bucket>> make_directory_bucket(const std::string& root,
                                                            const std::string& name);
base::Result<std::shared_ptr<Bucket>> make_synthetic_bucket(std::string_view spec,
                                                            std::string_view cache_file,
                                                            int threads);

std::uint64_t next_generation();

}  // namespace s3sim
