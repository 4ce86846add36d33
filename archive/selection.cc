#include "archive/selection.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"

namespace archive {
namespace {

using base::ErrorKind;

// After so many missing or archived objects, more are not looked for.
constexpr std::size_t kUnusableMax = 1000;
constexpr std::size_t kUnusableNamed = 10;
constexpr std::size_t kTextSizeMax = ManifestEntry::kTextBytesMax;
// Bytes for each entry without its texts, at the largest moment of planning: its record twice (a
// vector that grows or shrinks is copied), its name in a table, and its bytes in the journal.
constexpr std::uint64_t kPlannedEntryBytes = 2 * sizeof(ManifestEntry) + 100;

base::Error about(std::string_view bucket, std::string_view key, ErrorKind kind,
                  std::string_view code, std::string detail) {
    return {kind, std::string(code), std::move(detail), 0, {}, fmt::format("{}/{}", bucket, key)};
}

}  // namespace

void ManifestEntry::set_name(std::string_view name) {
    CHECK(name.size() <= kTextSizeMax);
    name_ = name.data();
    name_size_ = static_cast<std::uint16_t>(name.size());
}

void ManifestEntry::pack(zip::NamePool& pool, const Texts& texts, std::string& buffer) {
    buffer.assign(texts.key).append(texts.version_id).append(texts.etag).append(texts.name);
    const std::string_view packed = pool.add(buffer);
    text_ = packed.data();
    key_size_ = static_cast<std::uint16_t>(texts.key.size());
    version_size_ = static_cast<std::uint16_t>(texts.version_id.size());
    etag_size_ = static_cast<std::uint16_t>(texts.etag.size());
    set_name(packed.substr(packed.size() - texts.name.size()));
}

Selection::Selection(const ArchiveRequest& request, PlanLimits limits)
    : limits_(limits),
      destination_bucket_(request.destination.bucket),
      destination_key_(request.destination.key),
      skips_(request.options.on_missing == OnMissing::skip) {}

base::Status Selection::add(std::string_view bucket, const FoundObject& object,
                            std::string_view explicit_name) {
    if (bucket == destination_bucket_ && object.key == destination_key_) {
        report_->skip(bucket, object.key, "destination");  // an archive cannot hold itself
        return check_limits();
    }
    if (object.archived) return refuse(bucket, object.key, true);
    if (auto fits = check_texts(bucket, object, explicit_name); !fits) return fits;
    ManifestEntry& entry = objects_.emplace_back();
    entry.pack(*pool_, {object.key, object.version_id, object.etag, explicit_name}, text_);
    entry.size = object.size;
    entry.mtime_unix_s = object.last_modified_s;
    entry.bucket = bucket_index(bucket);
    return check_limits();
}

base::Status Selection::check_texts(std::string_view bucket, const FoundObject& object,
                                    std::string_view name) const {
    if (object.key.size() <= kTextSizeMax && object.version_id.size() <= kTextSizeMax &&
        object.etag.size() <= kTextSizeMax && name.size() <= kTextSizeMax) {
        return {};
    }
    return base::fail(about(bucket, object.key.substr(0, 200), ErrorKind::invalid, "bad_listing",
                            "a key, ETag or version id of over 65,535 bytes"));
}

base::Status Selection::replace(std::size_t index, const FoundObject& object) {
    ManifestEntry& entry = objects_[index];
    entry.size = object.size;
    entry.mtime_unix_s = object.last_modified_s;
    if (entry.etag() == object.etag) return {};
    if (auto fits = check_texts(buckets_[entry.bucket].name, object, {}); !fits) return fits;
    entry.pack(*pool_, {object.key, object.version_id, object.etag, {}}, text_);
    return check_limits();
}

std::uint64_t Selection::plan_memory_bytes() const {
    return objects_.size() * kPlannedEntryBytes + pool_->bytes() + report_->bytes() +
           listing_bytes_;
}

base::Status Selection::add_missing(std::string_view bucket, std::string_view key) {
    return refuse(bucket, key, false);
}

base::Status Selection::refuse(std::string_view bucket, std::string_view key, bool archived) {
    if (skips_) {
        report_->skip(bucket, key, archived ? "archived" : "not_found");
        return check_limits();
    }
    unusable_.push_back({std::string(bucket), std::string(key), archived});
    return unusable_.size() < kUnusableMax ? base::Status{} : check();
}

base::Status Selection::check() const {
    if (unusable_.empty()) return {};
    const bool archived = unusable_.front().archived;
    const auto same = [archived](const Unusable& u) { return u.archived == archived; };
    const auto count = std::ranges::count_if(unusable_, same);
    std::string names;
    std::size_t named = 0;
    for (const Unusable& object : unusable_) {
        if (!same(object)) continue;
        if (++named > kUnusableNamed) break;
        names += fmt::format("{}{}/{}", named == 1 ? "" : ", ", object.bucket, object.key);
    }
    if (named > kUnusableNamed) {
        names += fmt::format(" and {}{} more", unusable_.size() < kUnusableMax ? "" : "at least ",
                             static_cast<std::size_t>(count) - kUnusableNamed);
    }
    const Unusable& first = unusable_.front();
    if (archived) {
        return base::fail(
            about(first.bucket, first.key, ErrorKind::denied, "object_archived",
                  fmt::format("in an archive storage class, to be restored first: {}", names)));
    }
    return base::fail(about(first.bucket, first.key, ErrorKind::not_found, "NoSuchKey",
                            fmt::format("no such object: {}", names)));
}

void Selection::read_with(const s3client::Access& access) {
    const auto same = std::ranges::find(accesses_, access, &SameAccess::access);
    access_ = static_cast<std::size_t>(same - accesses_.begin());
    if (same == accesses_.end()) accesses_.push_back({access, {}});
    last_bucket_ = UINT32_MAX;
}

std::uint32_t Selection::bucket_index(std::string_view bucket) {
    if (last_bucket_ < buckets_.size() && buckets_[last_bucket_].name == bucket)
        return last_bucket_;
    SameAccess& same = accesses_[access_];
    auto found = same.indices.find(bucket);
    if (found == same.indices.end()) {
        const auto index = static_cast<std::uint32_t>(buckets_.size());
        found = same.indices.emplace(bucket, index).first;
        buckets_.push_back({std::string(bucket), same.access});
    }
    return last_bucket_ = found->second;
}

}  // namespace archive
