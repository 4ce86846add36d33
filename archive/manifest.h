// The Manifest: every entry of the archive, in order, with its name, size and ETag. After it is
// made nothing about the archive's shape is open.
//
// make() is a pure function of what was selected and the request: it orders the objects, settles
// their names, reports the changed ones, and adds the list of missing objects where that is asked
// for. It takes some 0.4 s for a million objects, so call it off the reactors. Immutable once made
// and shared by all reactors; strings are views into its pool.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "archive/object_report.h"
#include "archive/request.h"
#include "archive/selection.h"
#include "zip/entry.h"

namespace archive {

inline constexpr std::string_view kMissingListName = "_MISSING.txt";

class Manifest final : public zip::EntryList {
  public:
    // Errors name the key: clashing or unsafe names; no_objects if there are none; those of
    // plan_limits.h, by the limits of the selection.
    static base::Result<std::shared_ptr<const Manifest>> make(Selection selection,
                                                              const ArchiveRequest& request);

    std::uint64_t count() const override { return entries_.size(); }
    zip::Entry entry(std::uint64_t index) const override;
    const ManifestEntry& operator[](std::uint64_t index) const { return entries_[index]; }
    const std::string& bucket_of(const ManifestEntry& entry) const {
        return buckets_[entry.bucket].name;
    }
    // With how its objects are read; `index` is an entry's `bucket`.
    const s3client::AccessedBucket& bucket(std::uint32_t index) const { return buckets_[index]; }
    // What the entry holds if it is no object's: the list of missing ones. Else empty.
    std::string_view text_of(std::uint64_t index) const {
        return index == missing_list_at_ ? std::string_view(missing_list_) : std::string_view{};
    }
    std::uint64_t source_bytes() const { return source_bytes_; }  // to read from S3
    std::uint64_t memory_bytes() const {
        return entries_.capacity() * sizeof(ManifestEntry) + pool_->bytes() + report_->bytes();
    }
    std::size_t bucket_count() const { return buckets_.size(); }
    const std::shared_ptr<const ObjectReport>& report() const { return report_; }

  private:
    class Namer;
    friend class ManifestDecoder;  // which makes one again
    Manifest(Selection selection, const Options& options);
    void sort_by_key();
    base::Status settle_names(Namer& namer, ObjectReport& report, const PlanLimits& limits);
    base::Status add_missing_list(Namer& namer, const ObjectReport& report);

    const Timestamps timestamps_;
    std::unique_ptr<zip::NamePool> pool_;
    std::vector<s3client::AccessedBucket> buckets_;
    std::vector<ManifestEntry> entries_;
    std::shared_ptr<const ObjectReport> report_;
    std::string missing_list_;
    std::uint64_t missing_list_at_ = UINT64_MAX;
    std::uint64_t source_bytes_ = 0;
};

}  // namespace archive
