#include "archive/object_lookup.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "io/task_scope.h"

namespace archive {
namespace {

using base::ErrorKind;

// What a HEAD would have said of an object that need not be asked for.
s3client::ObjectHead head_of(const KnownObject& known) {
    s3client::ObjectHead head;
    head.size = known.size;
    head.etag = known.etag;
    head.last_modified_s = known.last_modified_s;
    return head;
}

// Answers that must agree before an object counts as missing or as empty, and HEADs for it at most.
constexpr unsigned kAgreeing = 3, kAskedMax = 9;

// The version that is asked for may be a delete marker, which is 405 instead of 404.
bool is_missing(const base::Error& error) {
    return error.kind == ErrorKind::not_found || error.http_status == 405;
}

}  // namespace

io::Task<base::Result<s3client::ObjectHead>> head_surely(s3client::S3Client& client,
                                                         s3client::ObjectVersion object,
                                                         s3client::CallContext context) {
    auto head = co_await client.head_object(object, s3client::WithChecksum::no, context);
    context.fresh_connection = true;
    for (unsigned agreeing = 1, asked = 1; agreeing < kAgreeing; ++asked) {
        // A GET with If-Match shows whether a HEAD was of another object; nothing is read of these.
        const bool unread = head ? head->size == 0 : is_missing(head.error());
        if (!unread) break;
        auto again = co_await client.head_object(object, s3client::WithChecksum::no, context);
        const bool same = head ? again && again->size == 0 && again->etag == head->etag
                               : !again && is_missing(again.error());
        agreeing = same ? agreeing + 1 : 1;
        if (!same && asked >= kAskedMax)
            co_return base::fail({ErrorKind::corrupt,
                                  "wrong_answer",
                                  fmt::format("{}/{}: HEAD is answered in different ways",
                                              object.bucket, object.key),
                                  0,
                                  {},
                                  object.bucket + "/" + object.key});
        head = std::move(again);
    }
    co_return head;
}

io::Task<base::Status> ObjectLookup::add(std::span<const WantedObject> objects,
                                         const s3client::Access& access) {
    objects_ = objects;
    context_.access = &access;
    selection_.read_with(access);
    heads_.assign(objects.size(), std::unexpected(base::Error{}));
    next_ = 0;
    io::TaskScope scope(reactor_);
    for (std::size_t i = 0; i < std::min(kWindow, objects.size()); ++i) scope.spawn(ask_some());
    co_await scope.join();
    if (auto exist = co_await check_buckets(); !exist) co_return exist;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        if (auto added = add_one(objects[i], heads_[i]); !added) co_return added;
    }
    co_return base::Status{};
}

io::Task<void> ObjectLookup::ask_some() {
    while (next_ < objects_.size() && !failed_) {
        const WantedObject& object = objects_[next_];
        Head& head = heads_[next_++];
        if (object.known) {
            head = head_of(*object.known);
            continue;
        }
        head = co_await head_surely(
            client_, {object.bucket, object.choice.key, object.choice.version_id}, context_);
        // What failed will fail the job, and those before it have been asked: no need to ask on.
        failed_ = failed_ || (!head && !is_missing(head.error()));
    }
}

// A HEAD's 404 has no body to say whether the object is missing or its whole bucket: asked for each
// bucket in which nothing has been found yet.
io::Task<base::Status> ObjectLookup::check_buckets() {
    for (std::size_t i = 0; i < objects_.size(); ++i) {
        if (heads_[i] && !objects_[i].known && !buckets_.contains(objects_[i].bucket))
            buckets_.insert(objects_[i].bucket);
    }
    for (std::size_t i = 0; i < objects_.size(); ++i) {
        const WantedObject& object = objects_[i];
        if (heads_[i] || heads_[i].error().kind != ErrorKind::not_found ||
            buckets_.contains(object.bucket)) {
            continue;
        }
        auto page = co_await client_.list_objects(object.bucket, object.choice.key, {}, context_);
        if (!page && page.error().code == "NoSuchBucket") co_return std::unexpected(page.error());
        buckets_.insert(object.bucket);  // who may not list it finds out by the objects
    }
    co_return base::Status{};
}

base::Status ObjectLookup::add_one(const WantedObject& object, const Head& head) {
    if (!head && is_missing(head.error()))
        return selection_.add_missing(object.bucket, object.choice.key);
    if (!head) return std::unexpected(with_access_hint(head.error(), *context_.access));
    return selection_.add(object.bucket,
                          {.key = object.choice.key,
                           .version_id = object.choice.version_id,
                           .etag = head->etag,
                           .size = head->size,
                           .last_modified_s = head->last_modified_s,
                           .archived = head->is_archived()},
                          object.choice.name);
}

}  // namespace archive
