// Buckets and their objects. A Store owns the buckets and the open uploads of one server;
// everything here is thread-safe, objects are immutable once stored and shared by the requests that
// send them. Kinds of buckets: memory, directory (directory.cc), synthetic (synthetic.cc,
// read-only) and sink (memory without the bytes).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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

struct Object {
    std::uint64_t size = 0;
    std::string etag;  // without quotes
    base::UtcTime last_modified{};
    std::string content_type = "binary/octet-stream";
    HeaderList headers;  // returned as given: x-amz-meta-*, cache-control, ..., encryption
    std::string storage_class = "STANDARD";
    std::string tagging;
    Checksum checksum;
    std::optional<std::uint32_t> crc32;     // of all bytes, if it is known
    std::vector<std::uint64_t> part_sizes;  // of a multipart object
    std::uint64_t generation = 0;           // differs for each write of a key
    std::shared_ptr<const Body> body;       // none in a sink
    std::shared_ptr<TempFile> file;         // directory buckets: the bytes on their way in
};
using ObjectRef = std::shared_ptr<const Object>;

// One line of a listing.
struct Entry {
    std::string key;
    std::uint64_t size = 0;
    std::string etag;
    base::UtcTime last_modified{};
    std::string storage_class;
    std::string checksum_algorithm;
    std::string checksum_type;
};
Entry entry_of(std::string_view key, const Object& object);

struct PutCondition {
    std::optional<std::string> if_match;  // an ETag without quotes, or "*"
    bool if_none_match = false;           // "*", the only form S3 takes
    // Complete only: the generation when the upload was created (0: there was no object).
    std::optional<std::uint64_t> generation_at_create;
};
Answered<void> check_put(const PutCondition& condition, const Object* existing);

class Bucket {
  public:
    virtual ~Bucket() = default;
    virtual ObjectRef find(std::string_view key) = 0;
    virtual Answered<void> put(std::string_view key, Object object,
                               const PutCondition& condition) = 0;
    virtual Answered<void> remove(std::string_view key) = 0;
    virtual bool is_empty() = 0;
    // The first entry whose key is > from, or >= from; false at the end.
    virtual bool next(std::string_view from, bool inclusive, Entry& entry) = 0;
    virtual void begin_listing() {}  // a first page is about to be made
    virtual base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t size) = 0;
    // Joins parts of an upload, in order; blocks if they are files.
    virtual base::Result<Stored> join(std::span<const Stored> parts) = 0;
    virtual bool blocks() const { return false; }  // join() copies bytes
    virtual bool writable() const { return true; }
    base::UtcTime created{};
};

std::shared_ptr<Bucket> make_memory_bucket(std::shared_ptr<MemoryBudget> budget);
std::shared_ptr<Bucket> make_sink_bucket();
base::Result<std::shared_ptr<Bucket>> make_directory_bucket(const std::string& root,
                                                            const std::string& name);
base::Result<std::shared_ptr<Bucket>> make_synthetic_bucket(std::string_view spec,
                                                            std::string_view cache_file,
                                                            int threads);

struct Part {
    std::uint64_t size = 0;
    std::string etag;
    std::uint32_t crc32 = 0;
    std::string checksum;  // in the upload's algorithm, base64
    base::UtcTime last_modified{};
    Stored stored;
};

// The mutex guards `parts` and `closed`; the rest does not change.
struct Upload {
    std::string id, bucket_name, key;
    std::shared_ptr<Bucket> bucket;
    Object target;          // what the object will carry: type, metadata, class, tags
    std::string algorithm;  // "" if Create named none
    std::string checksum_type;
    base::UtcTime initiated{};
    std::uint64_t generation_at_create = 0;
    std::mutex mutex;
    bool closed = false;  // completed or aborted
    std::map<int, Part> parts;
};
using UploadRef = std::shared_ptr<Upload>;

class Store {
  public:
    Store(std::string root, std::uint64_t max_memory_bytes);
    base::Status prepare();  // makes the folders under root

    std::shared_ptr<Bucket> bucket(std::string_view name);
    Answered<void> create_bucket(std::string_view name, base::UtcTime now);
    Answered<void> delete_bucket(std::string_view name);
    void add_bucket(std::string_view name, std::shared_ptr<Bucket> bucket);
    std::vector<std::pair<std::string, base::UtcTime>> buckets();

    void add_upload(UploadRef upload);
    UploadRef upload(std::string_view bucket, std::string_view key, std::string_view id);
    void remove_upload(const Upload& upload);
    std::vector<UploadRef> uploads(std::string_view bucket);  // by key, then id; "" for all buckets
    std::uint64_t upload_count();
    std::uint64_t stored_bytes() const { return s3sim::stored_bytes(*budget_); }

  private:
    std::mutex mutex_;
    const std::string root_;
    std::shared_ptr<MemoryBudget> budget_;
    std::map<std::string, std::shared_ptr<Bucket>, std::less<>> buckets_;
    std::map<std::pair<std::string, std::string>, UploadRef> uploads_;  // by (bucket/key, id)
};

bool valid_bucket_name(std::string_view name);
std::uint64_t next_generation();

}  // namespace s3sim
