#include "archive/selector.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "archive/glob.h"
#include "archive/object_lookup.h"

namespace archive {
namespace {

using base::ErrorKind;

constexpr std::uint64_t kManifestBytesMax = 4ULL << 30;
constexpr std::uint64_t kManifestRangeBytes = 8 << 20;

bool any_match(const std::vector<std::string>& patterns, std::string_view text) {
    return std::ranges::any_of(patterns, [&](const std::string& p) { return glob_match(p, text); });
}

bool is_chosen(const Source& source, std::string_view key) {
    const std::string_view below = key.substr(std::min(source.prefix.size(), key.size()));
    return (source.include.empty() || any_match(source.include, below)) &&
           !any_match(source.exclude, below);
}

io::Task<base::Status> add_prefix(Selection& selection, s3client::S3Client& client,
                                  const Source& source, s3client::CallContext context) {
    context.access = &source.access;
    selection.read_with(source.access);
    std::string token;
    do {
        auto page = co_await client.list_objects(source.bucket, source.prefix, token, context);
        if (!page) co_return std::unexpected(with_access_hint(page.error(), source.access));
        for (const s3client::ListedObject& object : page->objects) {
            if (!is_chosen(source, object.key)) continue;
            auto added = selection.add(source.bucket,
                                       {.key = object.key,
                                        .version_id = {},
                                        .etag = object.etag,
                                        .size = object.size,
                                        .last_modified_s = object.last_modified_s,
                                        .archived = object.is_archived()},
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

// Objects that the request names, in batches whose answers are held at once.
constexpr std::size_t kBatch = 4096;

io::Task<base::Status> add_objects(ObjectLookup& lookup, const Source& source) {
    std::vector<WantedObject> batch;
    for (const ObjectChoice& choice : *source.objects) {
        batch.push_back({source.bucket, choice, std::nullopt});
        if (batch.size() < kBatch && &choice != &source.objects->back()) continue;
        if (auto added = co_await lookup.add(batch, source.access); !added) co_return added;
        batch.clear();
    }
    co_return base::Status{};
}

class TextReceiver final : public s3client::BodyReceiver {
  public:
    explicit TextReceiver(std::size_t size) : text_(size, '\0') {}
    base::Bytes buffer() override {
        return {reinterpret_cast<std::byte*>(text_.data()) + at_, text_.size() - at_};
    }
    void received(std::size_t n) override { at_ += n; }
    std::string_view text() const { return text_; }

  private:
    std::string text_;
    std::size_t at_ = 0;
};

base::Status check_allowed(const std::vector<WantedObject>& objects,
                           const ArchiveRequest& request) {
    if (!request.scope) return {};
    for (const WantedObject& object : objects) {
        if (request.scope->may_read(object.bucket, object.choice.key)) continue;
        return base::fail(ErrorKind::denied, "not_allowed",
                          fmt::format("it names {}/{}, which the token of the job may not read",
                                      object.bucket, object.choice.key));
    }
    return {};
}

// Objects that a file in S3 names, a range of it at a time; parsed off the reactor.
io::Task<base::Status> add_manifest(ObjectLookup& lookup, s3client::S3Client& client,
                                    io::Reactor& reactor, io::WorkerThread& worker,
                                    const ArchiveRequest& request, const Source& source,
                                    s3client::CallContext context) {
    const ObjectAddress& file = *source.manifest;
    context.access = &source.access;
    const auto about = [&](base::Error error) {
        error = with_access_hint(std::move(error), source.access);
        error.key = fmt::format("{}/{}", file.bucket, file.key);
        error.detail = fmt::format("the manifest {}: {}", error.key, error.detail);
        return std::unexpected(std::move(error));
    };
    const s3client::ObjectVersion object{file.bucket, file.key, file.version_id};
    auto head = co_await client.head_object(object, s3client::WithChecksum::no, context);
    if (!head) co_return about(head.error());
    if (head->size > kManifestBytesMax) {
        co_return about(
            {ErrorKind::exhausted,
             "manifest_too_large",
             fmt::format("has {} bytes, at most {} are read", head->size, kManifestBytesMax),
             0,
             {},
             {}});
    }
    ManifestLines lines;
    std::vector<WantedObject> batch;
    for (std::uint64_t at = 0; at < head->size;) {
        const std::uint64_t size = std::min(head->size - at, kManifestRangeBytes);
        TextReceiver receiver(size);
        auto got = co_await client.get_object(
            {.object = object, .etag = head->etag, .object_size = head->size, .range = {at, size}},
            receiver, context);
        if (!got) co_return about(got.error());
        at += size;
        auto parsed = co_await worker.run(reactor, [&]() -> base::Status {
            if (auto ok = lines.feed(receiver.text(), batch); !ok) return ok;
            if (at == head->size) {
                if (auto ok = lines.finish(batch); !ok) return ok;
            }
            return check_allowed(batch, request);
        });
        if (!parsed) co_return about(parsed.error());
        for (std::span<const WantedObject> left = batch; !left.empty();) {
            const auto now = left.first(std::min(left.size(), kBatch));
            if (auto added = co_await lookup.add(now, source.access); !added) co_return added;
            left = left.subspan(now.size());
        }
        batch.clear();
    }
    co_return base::Status{};
}

}  // namespace

io::Task<base::Result<Selection>> select_objects(s3client::S3Client& client, io::Reactor& reactor,
                                                 io::WorkerThread& worker,
                                                 const ArchiveRequest& request,
                                                 s3client::CallContext context) {
    Selection selection(request);
    ObjectLookup lookup(selection, client, reactor, context);
    for (const Source& source : request.sources) {
        base::Status added;
        if (source.manifest) {
            added =
                co_await add_manifest(lookup, client, reactor, worker, request, source, context);
        } else if (source.objects) {
            added = co_await add_objects(lookup, source);
        } else {
            added = co_await add_prefix(selection, client, source, context);
        }
        if (!added) co_return std::unexpected(added.error());
    }
    if (auto usable = selection.check(); !usable) co_return std::unexpected(usable.error());
    co_return selection;
}

}  // namespace archive
