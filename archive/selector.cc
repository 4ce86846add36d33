#include "archive/selector.h"

#include <fmt/format.h>
#include <algorithm>
#include <memory>

#include "archive/access_hint.h"
#include "archive/listing.h"
#include "archive/object_lookup.h"

namespace archive {
namespace {

using base::ErrorKind;

constexpr std::uint64_t kManifestBytesMax = 4ULL << 30;
constexpr std::uint64_t kManifestRangeBytes = 8 << 20;
// Parsed in one turn of the worker, some 10 ms.
constexpr std::size_t kManifestSliceBytes = 1 << 20;

bool is_cancelled(const s3client::CallContext& context) {
    return context.cancel != nullptr && context.cancel->cancelled();
}

std::unexpected<base::Error> cancelled() {
    return base::fail(ErrorKind::cancelled, "cancelled", "cancelled");
}

// Completes the objects of a page whose sizes the store leaves out; those that a HEAD does not find
// are no objects.
io::Task<base::Status> find_sizes(s3client::ListObjectsPage& page, s3client::S3Client& client,
                                  const Source& source, s3client::CallContext context) {
    std::vector<s3client::ListedObject> found;
    found.reserve(page.objects.size());
    for (s3client::ListedObject& object : page.objects) {
        if (!object.size_known) {
            auto head = co_await head_surely(client, {source.bucket, object.key, {}}, context);
            if (!head && head.error().kind == ErrorKind::not_found) continue;
            if (!head) co_return std::unexpected(with_access_hint(head.error(), source.access));
            object.size = head->size;
            object.etag = std::move(head->etag);
            object.last_modified_s = head->last_modified_s;
        }
        found.push_back(std::move(object));
    }
    page.objects = std::move(found);
    co_return base::Status{};
}

// Objects below a prefix. Its pages are taken on the worker: their cost depends on the patterns of
// the request and on the store.
io::Task<base::Status> add_prefix(Selection& selection, s3client::S3Client& client,
                                  io::Reactor& reactor, io::WorkerThread& worker,
                                  const Source& source, s3client::CallContext context) {
    context.access = &source.access;
    selection.read_with(source.access);
    auto listing =
        co_await worker.run(reactor, [&] { return std::make_unique<Listing>(selection, source); });
    std::string token;
    do {
        auto page = co_await client.list_objects(source.bucket, source.prefix, token, context);
        if (!page) co_return std::unexpected(with_access_hint(page.error(), source.access));
        token = std::move(page->next_continuation_token);
        if (!std::ranges::all_of(page->objects, &s3client::ListedObject::size_known)) {
            if (auto sized = co_await find_sizes(*page, client, source, context); !sized)
                co_return sized;
        }
        for (std::span<const s3client::ListedObject> left = page->objects; !left.empty();) {
            auto taken = co_await worker.run(reactor, [&] { return listing->take_some(left); });
            if (!taken) co_return taken;
            if (is_cancelled(context)) co_return cancelled();
        }
        if (auto ended = listing->end_page(token); !ended) co_return ended;
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
    auto head = co_await head_surely(client, object, context);
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
        for (std::string_view rest = receiver.text(); !rest.empty();) {
            const std::string_view slice = rest.substr(0, kManifestSliceBytes);
            rest.remove_prefix(slice.size());
            const bool is_last = rest.empty() && at == head->size;
            auto parsed = co_await worker.run(reactor, [&]() -> base::Status {
                if (auto ok = lines.feed(slice, batch); !ok) return ok;
                if (is_last) {
                    if (auto ok = lines.finish(batch); !ok) return ok;
                }
                return check_allowed(batch, request);
            });
            if (!parsed) co_return about(parsed.error());
            if (is_cancelled(context)) co_return cancelled();
            for (std::span<const WantedObject> left = batch; !left.empty();) {
                const auto now = left.first(std::min(left.size(), kBatch));
                if (auto added = co_await lookup.add(now, source.access); !added) co_return added;
                left = left.subspan(now.size());
            }
            batch.clear();
        }
    }
    co_return base::Status{};
}

}  // namespace

io::Task<base::Result<Selection>> select_objects(s3client::S3Client& client, io::Reactor& reactor,
                                                 io::WorkerThread& worker,
                                                 const ArchiveRequest& request, PlanLimits limits,
                                                 s3client::CallContext context) {
    Selection selection(request, limits);
    ObjectLookup lookup(selection, client, reactor, context);
    for (const Source& source : request.sources) {
        base::Status added;
        if (source.manifest) {
            added =
                co_await add_manifest(lookup, client, reactor, worker, request, source, context);
        } else if (source.objects) {
            added = co_await add_objects(lookup, source);
        } else {
            added = co_await add_prefix(selection, client, reactor, worker, source, context);
        }
        if (!added) co_return std::unexpected(added.error());
    }
    if (auto usable = selection.check(); !usable) co_return std::unexpected(usable.error());
    co_return selection;
}

}  // namespace archive
