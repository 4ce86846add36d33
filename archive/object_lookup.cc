#include "archive/object_lookup.h"

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

// The version that is asked for may be a delete marker, which is 405 instead of 404.
bool is_missing(const base::Error& error) {
    return error.kind == ErrorKind::not_found || error.http_status == 405;
}

}  // namespace

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
        const s3client::ObjectVersion version{object.bucket, object.choice.key,
                                              object.choice.version_id};
        head = co_await client_.head_object(version, s3client::WithChecksum::no, context_);
        // Nothing in a 404 shows which request it answers, and a job may leave out what is missing:
        // a connection of its own cannot carry the answer to another.
        if (!head && is_missing(head.error())) {
            s3client::CallContext alone = context_;
            alone.fresh_connection = true;
            head = co_await client_.head_object(version, s3client::WithChecksum::no, alone);
        }
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
