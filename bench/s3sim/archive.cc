// Archived objects, and RestoreObject, which brings them back for some days.
#include "s3sim/archive.h"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>

#include "s3sim/operations.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

constexpr std::string_view kTiering = "INTELLIGENT_TIERING";
constexpr std::uint64_t kDaysMax = 36'500;

bool in_archive_tier(const Object& object) {
    return object.storage_class == kTiering && !object.archive_status.empty();
}
bool is_ongoing(const Object& object, base::UtcTime now) {
    return object.restore && now < object.restore->ready;
}

// S3 lets a copy expire at midnight UTC, after at least the days that were asked for.
base::UtcTime expiry_after(base::UtcTime ready, std::uint64_t days) {
    return std::chrono::floor<std::chrono::days>(ready) + std::chrono::days(days + 1);
}

Answered<void> check_days(const Object& object, const RestoreRequest& wanted) {
    if (object.storage_class == kTiering) {
        if (!wanted.days) return {};
        return refuse(400, "InvalidArgument",
                      "Days cannot be given for an object in INTELLIGENT_TIERING");
    }
    if (!wanted.days) return refuse("MalformedXML");
    if (*wanted.days == 0 || *wanted.days > kDaysMax) {
        return refuse(400, "InvalidArgument", "restoration days should be at least 1",
                      {{"ArgumentName", "Days"}, {"ArgumentValue", std::to_string(*wanted.days)}});
    }
    return {};
}

}  // namespace

bool is_archive_class(std::string_view storage_class) {
    return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

bool is_archived(const Object& object, base::UtcTime now) {
    const bool arrived = object.restore && now >= object.restore->ready;
    if (is_archive_class(object.storage_class)) return !arrived || now >= object.restore->expires;
    return in_archive_tier(object) && !arrived;  // there it moves back for good
}

Answered<void> check_readable(const Object& object, base::UtcTime now, std::string_view message) {
    if (!is_archived(object, now)) return {};
    Refusal refusal{403, "InvalidObjectState", std::string(message), {}};
    refusal.extra.emplace_back("StorageClass", object.storage_class);
    if (object.storage_class == kTiering)
        refusal.extra.emplace_back("AccessTier", object.archive_status);
    return std::unexpected(std::move(refusal));
}

void add_archive_headers(Response& response, const Object& object, base::UtcTime now) {
    if (in_archive_tier(object) && is_archived(object, now))
        response.add("x-amz-archive-status", object.archive_status);
    if (is_ongoing(object, now)) {
        response.add("x-amz-restore", "ongoing-request=\"true\"");
    } else if (is_archive_class(object.storage_class) && !is_archived(object, now)) {
        response.add("x-amz-restore", fmt::format("ongoing-request=\"false\", expiry-date=\"{}\"",
                                                  format_http_date(object.restore->expires)));
    }
}

// 202 for a restore that begins, 200 for one that only lives longer now.
Answered<Response> Service::restore_object(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto found = find_object(*exchange.bucket, request, true);
    if (!found) return std::unexpected(found.error());
    const Object& object = **found;
    const auto wanted = parse_restore(document_of(exchange));
    if (!wanted) return std::unexpected(wanted.error());
    const base::UtcTime time = now();
    const bool restored = is_archive_class(object.storage_class) && !is_archived(object, time);
    if (!restored && !is_archived(object, time)) {
        return refuse(403, "InvalidObjectState",
                      "Restore is not allowed for the object's current storage class",
                      {{"StorageClass", object.storage_class}});
    }
    if (auto ok = check_days(object, *wanted); !ok) return std::unexpected(std::move(ok.error()));
    if (wanted->tier == "Expedited" && object.storage_class == "DEEP_ARCHIVE")
        return refuse(400, "InvalidArgument", "DEEP_ARCHIVE has no Expedited retrieval");
    if (is_ongoing(object, time)) return refuse("RestoreAlreadyInProgress");
    Restore restore;
    restore.ready =
        restored ? object.restore->ready : time + std::chrono::milliseconds(options_.restore_ms);
    restore.expires = wanted->days ? expiry_after(std::max(time, restore.ready), *wanted->days)
                                   : base::UtcTime::max();
    exchange.bucket->amend(request.key, shown_version(object), [&](Object& stored) {
        if (stored.generation == object.generation) stored.restore = restore;
    });
    Response response;
    response.status = restored ? 200 : 202;
    return response;
}

Answered<void> Service::restore_now(std::string_view bucket_name, std::string_view key) {
    const auto bucket = store_.bucket(bucket_name);
    if (!bucket) return refuse("NoSuchBucket", {{"BucketName", std::string(bucket_name)}});
    const ObjectRef object = bucket->find(key);
    if (!object) return refuse("NoSuchKey", {{"Key", std::string(key)}});
    if (!is_archived(*object, now())) {
        return refuse(400, "InvalidRequest", "Only an archived object can be restored.");
    }
    bucket->amend(key, shown_version(*object), [&](Object& stored) {
        stored.restore = Restore{.ready = now(), .expires = now() + std::chrono::days(3650)};
    });
    return {};
}

Answered<void> Service::set_archive_status(std::string_view bucket_name, std::string_view key,
                                           std::string_view status) {
    const auto bucket = store_.bucket(bucket_name);
    if (!bucket) return refuse("NoSuchBucket", {{"BucketName", std::string(bucket_name)}});
    const ObjectRef object = bucket->find(key);
    if (!object) return refuse("NoSuchKey", {{"Key", std::string(key)}});
    if (object->storage_class != kTiering) {
        return refuse(400, "InvalidRequest", "Only INTELLIGENT_TIERING has archive tiers.");
    }
    if (!status.empty() && status != kArchiveAccess && status != kDeepArchiveAccess) {
        return refuse(400, "InvalidRequest",
                      "The status is ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS or empty.");
    }
    bucket->amend(key, shown_version(*object), [&](Object& stored) {
        stored.archive_status = status;
        stored.restore.reset();
    });
    return {};
}

}  // namespace s3sim
