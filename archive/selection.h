// A Selection is every object that the sources name, as S3 describes it now: key, version, ETag,
// size, time. It is the only step of planning that talks to S3; the Manifest, made from it, is
// pure.
//
// Filled by one task, select_objects() (selector.h), then handed over. Keys are packed into its
// pool: 48 bytes an object besides them, its ETag and version. It ends with an error of
// plan_limits.h when it grows too large. Not thread-safe while it is added to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "archive/object_report.h"
#include "archive/plan_limits.h"
#include "archive/request.h"
#include "base/error.h"
#include "zip/name_pool.h"

namespace archive {

// An object as S3 describes it.
struct FoundObject {
    std::string_view key;
    std::string_view version_id;
    std::string_view etag;  // without quotes; may be empty
    std::uint64_t size = 0;
    std::int64_t last_modified_s = 0;
    bool archived = false;  // must be restored before it can be read
};

// The same, packed, on its way to being an entry: the texts stand one after the other in the pool.
class ManifestEntry {
  public:
    std::string_view key() const { return {text_, key_size_}; }
    std::string_view version_id() const { return {text_ + key_size_, version_size_}; }
    std::string_view etag() const { return {text_ + key_size_ + version_size_, etag_size_}; }
    // In a Selection the name that the request gives, or empty; in a Manifest the entry's name.
    std::string_view name() const { return {name_, name_size_}; }
    bool is_directory() const { return name_size_ != 0 && name_[name_size_ - 1] == '/'; }
    void set_name(std::string_view name);  // which stays where it is
    // Copies all four into the pool, packed by way of `buffer`. REQUIRES: each fits kTextBytesMax.
    struct Texts {
        std::string_view key, version_id, etag, name;
    };
    void pack(zip::NamePool& pool, const Texts& texts, std::string& buffer);
    static constexpr std::size_t kTextBytesMax = 65'535;

    std::uint64_t size = 0;
    std::int64_t mtime_unix_s = 0;
    std::uint32_t bucket = 0;  // index into the buckets of its Selection or Manifest

  private:
    std::uint16_t key_size_ = 0, version_size_ = 0, etag_size_ = 0, name_size_ = 0;
    const char* text_ = "";
    const char* name_ = "";
};

class Selection {
  public:
    explicit Selection(const ArchiveRequest& request, PlanLimits limits = {});

    // How the objects are read that are added from here on; at first as anybody would.
    void read_with(const s3client::Access& access);
    // Takes an object, skips it, or remembers it as one that fails the job (check()). An error ends
    // the selection at once: so many have failed that more need not be found.
    base::Status add(std::string_view bucket, const FoundObject& object,
                     std::string_view explicit_name);
    base::Status add_missing(std::string_view bucket, std::string_view key);
    // Takes over what S3 says now of an object that its listing has named again. Its entry keeps
    // its place.
    base::Status replace(std::size_t index, const FoundObject& object);
    std::size_t count() const { return objects_.size(); }
    std::string_view key_of(std::size_t index) const { return objects_[index].key(); }

    const PlanLimits& limits() const { return limits_; }
    // Memory that the listing under way takes outside the Selection.
    void charge_listing(std::uint64_t bytes) { listing_bytes_ = bytes; }
    // An estimate of what the plan takes at its largest: see kPlannedEntryBytes.
    std::uint64_t plan_memory_bytes() const;
    base::Status check_limits() const { return check_plan(limits_, plan_memory_bytes(), count()); }

    // After the last add: the error of all objects that were missing or archived, naming the first
    // of them and how many there are.
    base::Status check() const;

  private:
    friend class Manifest;  // which takes all of it
    struct Unusable {
        std::string bucket, key;
        bool archived = false;
    };
    base::Status refuse(std::string_view bucket, std::string_view key, bool archived);
    base::Status check_texts(std::string_view bucket, const FoundObject& object,
                             std::string_view name) const;
    std::uint32_t bucket_index(std::string_view bucket);

    PlanLimits limits_;
    std::uint64_t listing_bytes_ = 0;
    std::string destination_bucket_, destination_key_;
    bool skips_;  // on_missing
    std::unique_ptr<zip::NamePool> pool_ = std::make_unique<zip::NamePool>();
    std::unique_ptr<ObjectReport> report_ = std::make_unique<ObjectReport>();
    std::vector<s3client::AccessedBucket> buckets_;
    struct SameAccess {
        s3client::Access access;
        std::map<std::string, std::uint32_t, std::less<>> indices;  // of its buckets
    };
    std::vector<SameAccess> accesses_{1};
    std::size_t access_ = 0;                  // the one that objects are added with
    std::uint32_t last_bucket_ = UINT32_MAX;  // objects of one bucket come in runs
    std::vector<ManifestEntry> objects_;
    std::vector<Unusable> unusable_;
    std::string text_;  // of the object being added
};

}  // namespace archive
