#include "archive/manifest.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/glob.h"
#include "io/task_scope.h"

namespace archive {
namespace {

using base::ErrorKind;

// S3 refuses to read these without a restore: GLACIER is Flexible Retrieval, GLACIER_IR is
// readable.
bool is_archived(std::string_view storage_class) {
    return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

base::Error about(std::string_view bucket, std::string_view key, ErrorKind kind,
                  std::string_view code, std::string detail) {
    return {kind, std::string(code), std::move(detail), 0, {}, fmt::format("{}/{}", bucket, key)};
}

bool any_match(const std::vector<std::string>& patterns, std::string_view text) {
    return std::ranges::any_of(patterns, [&](const std::string& p) { return glob_match(p, text); });
}

bool is_chosen(const Source& source, std::string_view key) {
    const std::string_view below = key.substr(std::min(source.prefix.size(), key.size()));
    return (source.include.empty() || any_match(source.include, below)) &&
           !any_match(source.exclude, below);
}

}  // namespace

Manifest::Manifest(const ArchiveRequest& request)
    : destination_(request.destination),
      options_(request.options),
      names_(std::make_unique<zip::NameSet>(
          pool_, request.options.on_duplicate == OnDuplicate::rename ? zip::OnDuplicate::rename
                                                                     : zip::OnDuplicate::fail)) {}

std::uint32_t Manifest::bucket_index(std::string_view bucket) {
    // Objects of one bucket come together, and there are few.
    for (std::size_t i = buckets_.size(); i-- > 0;) {
        if (buckets_[i] == bucket) return static_cast<std::uint32_t>(i);
    }
    buckets_.emplace_back(bucket);
    return static_cast<std::uint32_t>(buckets_.size() - 1);
}

void Manifest::skip(std::string_view bucket, std::string_view key, std::string_view reason) {
    skipped_.push_back({std::string(bucket), std::string(key), std::string(reason)});
}

base::Status Manifest::add(std::string_view bucket, const FoundObject& object,
                           std::string_view explicit_name) {
    if (bucket == destination_.bucket && object.key == destination_.key) {
        skip(bucket, object.key, "destination");  // an archive cannot hold itself
        return {};
    }
    if (is_archived(object.storage_class)) {
        if (options_.on_missing == OnMissing::skip) {
            skip(bucket, object.key, "archived");
            return {};
        }
        return base::fail(
            about(bucket, object.key, ErrorKind::denied, "object_archived",
                  fmt::format("{}/{} is in storage class {} and must be restored first", bucket,
                              object.key, object.storage_class)));
    }
    auto named = explicit_name.empty()
                     ? zip::entry_name_from_key(object.key, object.size,
                                                {options_.strip_prefix, options_.flatten})
                     : zip::entry_name_explicit(explicit_name, object.size);
    if (named && named->kind == zip::NameKind::skip)
        return {};  // a marker of a folder that needs no entry
    base::Result<zip::ClaimedName> claimed;
    if (named) claimed = names_->claim(named->kind, named->name);
    if (!named || !claimed) {
        const base::Error& why = named ? claimed.error() : named.error();
        return base::fail(about(bucket, object.key, why.kind, why.code,
                                fmt::format("{}/{}: {}", bucket, object.key, why.detail)));
    }
    if (claimed->kind == zip::NameKind::skip) return {};  // this directory has its entry already
    ManifestEntry& entry = entries_.emplace_back();
    entry.key = pool_.add(object.key);
    entry.version_id = pool_.add(object.version_id);
    entry.etag = pool_.add(object.etag);
    entry.name = claimed->name;
    entry.size = object.size;
    entry.mtime_unix_s =
        options_.timestamps == Timestamps::fixed ? zip::kDosEpochUnixS : object.last_modified_s;
    entry.bucket = bucket_index(bucket);
    entry.is_directory = claimed->kind == zip::NameKind::directory;
    source_bytes_ += object.size;
    return {};
}

zip::Entry Manifest::entry(std::uint64_t index) const {
    const ManifestEntry& e = entries_[index];
    return {.name = e.name,
            .size = e.size,
            .mtime_unix_s = e.mtime_unix_s,
            .unix_mode = e.is_directory ? zip::kDirectoryMode : zip::kFileMode,
            .is_directory = e.is_directory};
}

namespace {

io::Task<base::Status> add_prefix(Manifest& manifest, s3client::S3Client& client,
                                  const Source& source, s3client::CallContext context) {
    std::string token;
    do {
        auto page = co_await client.list_objects(source.bucket, source.prefix, token, context);
        if (!page) co_return std::unexpected(page.error());
        for (const s3client::ListedObject& object : page->objects) {
            if (!is_chosen(source, object.key)) continue;
            auto added = manifest.add(source.bucket,
                                      {.key = object.key,
                                       .version_id = {},
                                       .etag = object.etag,
                                       .size = object.size,
                                       .last_modified_s = object.last_modified_s,
                                       .storage_class = object.storage_class},
                                      {});
            if (!added) co_return added;
        }
        if (page->next_continuation_token == token && !token.empty()) {
            co_return base::fail(
                ErrorKind::corrupt, "bad_listing",
                fmt::format("the listing of {}/{} goes in circles", source.bucket, source.prefix));
        }
        token = std::move(page->next_continuation_token);
    } while (!token.empty());
    co_return base::Status{};
}

// Asks for explicit objects side by side, and adds them in the order of the request.
class ObjectLookup {
  public:
    static constexpr std::size_t kWindow = 64;  // HEADs under way

    ObjectLookup(Manifest& manifest, s3client::S3Client& client, io::Reactor& reactor,
                 const Source& source, const Options& options, s3client::CallContext context)
        : manifest_(manifest),
          client_(client),
          reactor_(reactor),
          source_(source),
          options_(options),
          context_(context) {}

    io::Task<base::Status> run() {
        const std::size_t total = source_.objects->size();
        for (std::size_t first = 0; first < total; first += kBatch) {
            const std::size_t last = std::min(total, first + kBatch);
            heads_.assign(last - first, std::unexpected(base::Error{}));
            next_ = first;
            io::TaskScope scope(reactor_);
            for (std::size_t i = 0; i < std::min(kWindow, last - first); ++i)
                scope.spawn(ask(first, last));
            co_await scope.join();
            if (auto exists = co_await check_bucket(first); !exists) co_return exists;
            for (std::size_t i = first; i < last; ++i) {
                if (auto added = add((*source_.objects)[i], heads_[i - first]); !added)
                    co_return added;
            }
        }
        co_return base::Status{};
    }

  private:
    static constexpr std::size_t kBatch = 4096;  // answers held at once

    io::Task<void> ask(std::size_t first, std::size_t last) {
        while (next_ < last && !failed_) {
            const std::size_t i = next_++;
            const ObjectChoice& choice = (*source_.objects)[i];
            heads_[i - first] =
                co_await client_.head_object({source_.bucket, choice.key, choice.version_id},
                                             s3client::WithChecksum::no, context_);
            const auto& head = heads_[i - first];
            // What failed will fail the job, and those before it have been asked: no need to ask
            // on.
            failed_ = failed_ || (!head && head.error().kind != ErrorKind::not_found);
        }
    }

    // A HEAD's 404 has no body to say whether the object is missing or its whole bucket. Asked only
    // while no object has been found.
    io::Task<base::Status> check_bucket(std::size_t first) {
        const auto is_found = [](const auto& head) { return head.has_value(); };
        const auto is_missing = [](const auto& head) {
            return !head && head.error().kind == ErrorKind::not_found;
        };
        bucket_exists_ = bucket_exists_ || std::ranges::any_of(heads_, is_found);
        if (bucket_exists_ || std::ranges::none_of(heads_, is_missing)) co_return base::Status{};
        auto page = co_await client_.list_objects(source_.bucket, (*source_.objects)[first].key, {},
                                                  context_);
        if (!page && page.error().code == "NoSuchBucket") co_return std::unexpected(page.error());
        bucket_exists_ = page.has_value();  // who may not list it finds out by the objects
        co_return base::Status{};
    }

    base::Status add(const ObjectChoice& choice, const base::Result<s3client::ObjectHead>& head) {
        if (!head) {
            if (head.error().kind == ErrorKind::not_found &&
                options_.on_missing == OnMissing::skip) {
                manifest_.skip(source_.bucket, choice.key, "not_found");
                return {};
            }
            return std::unexpected(head.error());
        }
        return manifest_.add(source_.bucket,
                             {.key = choice.key,
                              .version_id = choice.version_id,
                              .etag = head->etag,
                              .size = head->size,
                              .last_modified_s = head->last_modified_s,
                              .storage_class = head->storage_class},
                             choice.name);
    }

    Manifest& manifest_;
    s3client::S3Client& client_;
    io::Reactor& reactor_;
    const Source& source_;
    const Options& options_;
    s3client::CallContext context_;
    std::vector<base::Result<s3client::ObjectHead>> heads_;
    std::size_t next_ = 0;
    bool failed_ = false;
    bool bucket_exists_ = false;
};

}  // namespace

io::Task<base::Result<std::shared_ptr<const Manifest>>> make_manifest(
    s3client::S3Client& client, io::Reactor& reactor, const ArchiveRequest& request,
    s3client::CallContext context) {
    auto manifest = std::make_shared<Manifest>(request);
    for (const Source& source : request.sources) {
        base::Status added;
        if (source.objects) {
            ObjectLookup lookup(*manifest, client, reactor, source, request.options, context);
            added = co_await lookup.run();
        } else {
            added = co_await add_prefix(*manifest, client, source, context);
        }
        if (!added) co_return std::unexpected(added.error());
    }
    manifest->seal();
    if (manifest->count() == 0 && request.options.on_empty == OnEmpty::fail) {
        const Source& first = request.sources.front();
        co_return base::fail(about(
            first.bucket, first.prefix, ErrorKind::not_found, "no_objects",
            fmt::format("nothing to archive: no object matches {}/{}{}", first.bucket, first.prefix,
                        request.sources.size() > 1 ? " or the other sources" : "")));
    }
    co_return std::shared_ptr<const Manifest>(std::move(manifest));
}

}  // namespace archive
