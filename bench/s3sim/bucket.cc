#include "s3sim/bucket.h"

#include <atomic>

namespace s3sim {

Entry entry_of(std::string_view key, const Object& object) {
    return {std::string(key),     object.size,          object.etag,
            object.last_modified, object.storage_class, object.checksum.algorithm,
            object.checksum.type, object.restore};
}

Answered<void> check_put(const PutCondition& condition, const Object* existing) {
    const auto& at_create = condition.generation_at_create;
    const auto failed = [](const char* which) {
        return refuse("PreconditionFailed", {{"Condition", which}});
    };
    if (condition.if_none_match) {
        if (existing != nullptr) return failed("If-None-Match");
        if (at_create && *at_create != 0) return refuse("ConditionalRequestConflict");
    }
    if (condition.if_match) {
        if (existing == nullptr) return refuse("NoSuchKey");
        if (*condition.if_match != "*" && *condition.if_match != existing->etag)
            return failed("If-Match");
        if (at_create && *at_create != existing->generation)
            return refuse("ConditionalRequestConflict");
    }
    return {};
}

ObjectRef Bucket::find_version(std::string_view key, std::string_view version_id) {
    return version_id.empty() || version_id == kNullVersion ? find(key) : nullptr;
}

bool Bucket::next_history(std::string_view from, bool inclusive, std::string& key,
                          std::vector<ObjectRef>& versions) {
    Entry entry;
    if (!next(from, inclusive, entry)) return false;
    auto object = std::make_shared<Object>();  // what a listing says of it, no more
    object->size = entry.size;
    object->etag = std::move(entry.etag);
    object->last_modified = entry.last_modified;
    object->storage_class = std::move(entry.storage_class);
    key = std::move(entry.key);
    versions.assign(1, std::move(object));
    return true;
}

Answered<void> Bucket::set_versioning(Versioning) {
    return refuse(501, "NotImplemented",
                  "Only buckets in memory have versions: no synthetic ones, sinks or folders.");
}

std::uint64_t next_generation() {
    static std::atomic<std::uint64_t> counter{0};
    return ++counter;
}

}  // namespace s3sim
