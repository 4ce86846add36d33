#include "archive/selector.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/glob.h"
#include "io/task_scope.h"

namespace archive {
namespace {

using base::ErrorKind;

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
    std::string token;
    do {
        auto page = co_await client.list_objects(source.bucket, source.prefix, token, context);
        if (!page) co_return std::unexpected(page.error());
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

// Asks for explicit objects side by side, and adds them in the order of the request.
class ObjectLookup {
  public:
    static constexpr std::size_t kWindow = 64;  // HEADs under way

    ObjectLookup(Selection& selection, s3client::S3Client& client, io::Reactor& reactor,
                 const Source& source, s3client::CallContext context)
        : selection_(selection),
          client_(client),
          reactor_(reactor),
          source_(source),
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
        if (!head && head.error().kind == ErrorKind::not_found)
            return selection_.add_missing(source_.bucket, choice.key);
        if (!head) return std::unexpected(head.error());
        return selection_.add(source_.bucket,
                              {.key = choice.key,
                               .version_id = choice.version_id,
                               .etag = head->etag,
                               .size = head->size,
                               .last_modified_s = head->last_modified_s,
                               .archived = head->is_archived()},
                              choice.name);
    }

    Selection& selection_;
    s3client::S3Client& client_;
    io::Reactor& reactor_;
    const Source& source_;
    s3client::CallContext context_;
    std::vector<base::Result<s3client::ObjectHead>> heads_;
    std::size_t next_ = 0;
    bool failed_ = false;
    bool bucket_exists_ = false;
};

}  // namespace

io::Task<base::Result<Selection>> select_objects(s3client::S3Client& client, io::Reactor& reactor,
                                                 const ArchiveRequest& request,
                                                 s3client::CallContext context) {
    Selection selection(request);
    for (const Source& source : request.sources) {
        base::Status added;
        if (source.objects) {
            ObjectLookup lookup(selection, client, reactor, source, context);
            added = co_await lookup.run();
        } else {
            added = co_await add_prefix(selection, client, source, context);
        }
        if (!added) co_return std::unexpected(added.error());
    }
    if (auto usable = selection.check(); !usable) co_return std::unexpected(usable.error());
    co_return selection;
}

}  // namespace archive
