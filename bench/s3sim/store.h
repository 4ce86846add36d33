// The buckets of one server and the uploads open in them. Thread-safe. Without a root, buckets are
// made in memory; with one, every folder below it is a bucket.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3sim/bucket.h"

namespace s3sim {

struct Part {
    std::uint64_t size = 0;
    std::string etag;
    std::uint32_t crc32 = 0;
    std::string checksum;  // in the upload's algorithm, base64
    base::UtcTime last_modified{};
    Stored stored;
};

// The mutex guards `parts`, `closed` and `spoilt`; the rest does not change.
struct Upload {
    std::string id, bucket_name, key;
    std::shared_ptr<Bucket> bucket;
    Object target;          // what the object will carry: type, metadata, class, tags
    std::string algorithm;  // "" if Create named none
    std::string checksum_type;
    base::UtcTime initiated{};
    std::string initiator;  // the access key that signed Create
    std::uint64_t generation_at_create = 0;
    std::mutex mutex;
    bool closed = false;  // completed or aborted
    bool spoilt = false;  // unusable, see Profile::cut_part_spoils
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

}  // namespace s3sim
