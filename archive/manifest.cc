#include "archive/manifest.h"

#include <fmt/format.h>
#include <algorithm>
#include <tuple>

#include "archive/missing_list.h"
#include "zip/name_set.h"

namespace archive {

using base::ErrorKind;

// Gives each entry its final name. Lives as long as names are settled: it takes about as much
// memory as the manifest itself.
class Manifest::Namer {
  public:
    Namer(zip::NamePool& pool, const Options& options)
        : options_{options.strip_prefix, options.flatten, options.names},
          set_(pool,
               options.on_duplicate == OnDuplicate::rename ? zip::OnDuplicate::rename
                                                           : zip::OnDuplicate::fail,
               options.names == zip::NamePolicy::raw ? zip::NameEquality::exact
                                                     : zip::NameEquality::folded) {}

    struct Named {
        zip::NameKind kind = zip::NameKind::file;
        std::string_view name;
        std::string_view why_renamed;  // empty: it has the name that was asked for
    };
    base::Result<Named> name(const ManifestEntry& entry) {
        auto name = entry.name().empty()
                        ? zip::entry_name_from_key(entry.key(), entry.size, options_)
                        : zip::entry_name_explicit(entry.name(), entry.size, options_.policy);
        if (!name) return std::unexpected(name.error());
        const std::string_view stored = entry.name().empty() ? entry.key() : entry.name();
        const auto claimed = set_.claim(name->kind, name->name, stored);
        if (!claimed) return std::unexpected(claimed.error());
        return Named{claimed->kind, claimed->name,
                     name->rewritten    ? "unsafe"
                     : claimed->renamed ? "duplicate"
                                        : ""};
    }
    // A name of ours, which gives way to everybody's.
    base::Result<std::string_view> free_name(std::string_view wanted) {
        const std::size_t dot = zip::extension_begin(wanted);
        std::string name(wanted);
        for (std::uint64_t n = 2;; ++n) {
            const auto claimed = set_.claim(zip::NameKind::file, name);
            if (claimed) return claimed->name;
            if (claimed.error().code != "duplicate_name") return std::unexpected(claimed.error());
            name = fmt::format("{} ({}){}", wanted.substr(0, dot), n, wanted.substr(dot));
        }
    }

    std::uint64_t bytes() const { return set_.bytes(); }

  private:
    const zip::NameOptions options_;
    zip::NameSet set_;
};

Manifest::Manifest(Selection selection, const Options& options)
    : timestamps_(options.timestamps),
      pool_(std::move(selection.pool_)),
      buckets_(std::move(selection.buckets_)),
      entries_(std::move(selection.objects_)) {}

base::Result<std::shared_ptr<const Manifest>> Manifest::make(Selection selection,
                                                             const ArchiveRequest& request) {
    const Options& options = request.options;
    const PlanLimits limits = selection.limits();
    auto report = std::move(selection.report_);
    std::shared_ptr<Manifest> manifest(new Manifest(std::move(selection), options));
    if (options.order == EntryOrder::key) manifest->sort_by_key();
    {
        Namer namer(*manifest->pool_, options);
        if (auto named = manifest->settle_names(namer, *report, limits); !named)
            return std::unexpected(named.error());
        if (options.list_missing) {
            if (auto added = manifest->add_missing_list(namer, *report); !added)
                return std::unexpected(added.error());
        }
    }
    manifest->entries_.shrink_to_fit();
    manifest->report_ = std::move(report);
    if (manifest->count() == 0 && options.on_empty == OnEmpty::fail) {
        const Source& first = request.sources.front();
        const std::string where =
            first.manifest ? fmt::format("{}/{}", first.manifest->bucket, first.manifest->key)
                           : fmt::format("{}/{}", first.bucket, first.prefix);
        return std::unexpected(
            base::Error{ErrorKind::not_found,
                        "no_objects",
                        fmt::format("nothing to archive: no object matches {}{}", where,
                                    request.sources.size() > 1 ? " or the other sources" : ""),
                        0,
                        {},
                        where});
    }
    return manifest;
}

void Manifest::sort_by_key() {
    const auto order = [this](const ManifestEntry& e) {
        return std::tuple(e.key(), std::string_view(bucket_of(e)), e.version_id(), e.name());
    };
    if (!std::ranges::is_sorted(entries_, {}, order)) std::ranges::sort(entries_, {}, order);
}

base::Status Manifest::settle_names(Namer& namer, ObjectReport& report, const PlanLimits& limits) {
    std::size_t kept = 0;
    for (ManifestEntry& entry : entries_) {
        const auto named = namer.name(entry);
        if (!named) {
            base::Error error = named.error();
            error.key = fmt::format("{}/{}", bucket_of(entry), entry.key());
            error.detail = fmt::format("{}: {}", error.key, error.detail);
            return std::unexpected(std::move(error));
        }
        if (named->kind == zip::NameKind::skip) continue;  // a marker that needs no entry
        // Keys of many folders make more names than there are entries.
        const std::uint64_t memory = entries_.size() * sizeof(ManifestEntry) + pool_->bytes() +
                                     report.bytes() + namer.bytes();
        if (auto fits = check_plan(limits, memory, entries_.size()); !fits) return fits;
        entry.set_name(named->name);
        if (!named->why_renamed.empty())
            report.rename(bucket_of(entry), entry.key(), entry.name(), named->why_renamed);
        source_bytes_ += entry.size;
        entries_[kept++] = entry;
    }
    entries_.resize(kept);
    return {};
}

base::Status Manifest::add_missing_list(Namer& namer, const ObjectReport& report) {
    missing_list_ = missing_list(report.skipped());
    if (missing_list_.empty()) return {};
    const auto name = namer.free_name(kMissingListName);
    if (!name) return std::unexpected(name.error());
    ManifestEntry entry;
    entry.set_name(*name);
    entry.size = missing_list_.size();
    // As new as the newest of the others: the same objects must give the same archive.
    for (const ManifestEntry& other : entries_)
        entry.mtime_unix_s = std::max(entry.mtime_unix_s, other.mtime_unix_s);
    missing_list_at_ = entries_.size();
    entries_.push_back(entry);
    return {};
}

zip::Entry Manifest::entry(std::uint64_t index) const {
    const ManifestEntry& e = entries_[index];
    const bool is_directory = e.is_directory();
    return {.name = e.name(),
            .size = e.size,
            .mtime_unix_s = timestamps_ == Timestamps::fixed ? zip::kDosEpochUnixS : e.mtime_unix_s,
            .unix_mode = is_directory ? zip::kDirectoryMode : zip::kFileMode,
            .is_directory = is_directory};
}

}  // namespace archive
