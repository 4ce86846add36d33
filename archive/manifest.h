// The Manifest: every object that goes into the archive, in order, with its entry name, size and
// ETag. After it is made nothing about the archive's shape is open.
//
// Immutable once made and shared by all reactors. Strings are views into its pool; about 100 bytes
// an entry besides its key, name and ETag. make_manifest() lists and asks S3 on one reactor; add_*
// are its pure half.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/job.h"
#include "archive/request.h"
#include "s3client/client.h"
#include "zip/entry.h"
#include "zip/name_set.h"

namespace archive {

struct ManifestEntry {
    std::string_view key;
    std::string_view version_id;
    std::string_view etag;  // without quotes; may be empty
    std::string_view name;
    std::uint64_t size = 0;
    std::int64_t mtime_unix_s = 0;
    std::uint32_t bucket = 0;  // index into Manifest::buckets
    bool is_directory = false;
};

// An object as S3 describes it, on its way into a manifest.
struct FoundObject {
    std::string_view key;
    std::string_view version_id;
    std::string_view etag;
    std::uint64_t size = 0;
    std::int64_t last_modified_s = 0;
    std::string_view storage_class;
};

class Manifest final : public zip::EntryList {
  public:
    explicit Manifest(const ArchiveRequest& request);

    // Takes one object, or skips it and remembers why. Errors name the key: clashing names,
    // archived objects.
    base::Status add(std::string_view bucket, const FoundObject& object,
                     std::string_view explicit_name);
    void skip(std::string_view bucket, std::string_view key, std::string_view reason);
    // After the last add(): frees what only settling names needed, about half of all it holds.
    void seal() { names_.reset(); }

    std::uint64_t count() const override { return entries_.size(); }
    zip::Entry entry(std::uint64_t index) const override;
    const ManifestEntry& operator[](std::uint64_t index) const { return entries_[index]; }
    const std::string& bucket_of(const ManifestEntry& entry) const {
        return buckets_[entry.bucket];
    }
    const std::vector<SkippedObject>& skipped() const { return skipped_; }
    std::uint64_t source_bytes() const { return source_bytes_; }

  private:
    std::uint32_t bucket_index(std::string_view bucket);

    const Destination destination_;
    const Options options_;
    zip::NamePool pool_;
    std::unique_ptr<zip::NameSet> names_;
    std::vector<std::string> buckets_;
    std::vector<ManifestEntry> entries_;
    std::vector<SkippedObject> skipped_;
    std::uint64_t source_bytes_ = 0;
};

// Lists prefixes and asks for explicit objects, in the order of the request.
io::Task<base::Result<std::shared_ptr<const Manifest>>> make_manifest(
    s3client::S3Client& client, io::Reactor& reactor, const ArchiveRequest& request,
    s3client::CallContext context);

}  // namespace archive
