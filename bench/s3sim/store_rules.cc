// The profile's rules that concern more than one operation.
#include <algorithm>
#include <utility>

#include "s3sim/operations.h"

namespace s3sim {
namespace {

std::string written_key(const Request& request) { return request.bucket + '/' + request.key; }

// A Complete that is sent again is no second writer.
std::string writer_of(const Exchange& exchange) {
    return exchange.upload ? exchange.upload->id : exchange.request_id;
}

bool is_conditional_write(const Request& request) {
    return request.has_header("if-match") || request.has_header("if-none-match");
}

// A store that keeps objects as files has none at "a" beside one at "a/b". The codes are MinIO's
// (cmd/api-errors.go).
Answered<void> check_folders(Bucket& bucket, const std::string& key) {
    for (auto slash = key.find('/'); slash != std::string::npos; slash = key.find('/', slash + 1)) {
        if (slash > 0 && bucket.find(key.substr(0, slash))) {
            return refuse(400, "XMinioParentIsObject",
                          "Object-prefix is already an object, please choose a different "
                          "object-prefix name.");
        }
    }
    Entry entry;
    if (bucket.next(key + '/', true, entry) && entry.key.starts_with(key + '/')) {
        return refuse(409, "XMinioObjectExistsAsDirectory",
                      "Object name already exists as a directory.");
    }
    return {};
}

}  // namespace

// Rules that need no body.
Answered<void> Service::check_store_rules(const Exchange& exchange) {
    const Request& request = exchange.request;
    if (profile_.virtual_host_only && !request.bucket.empty() && !request.virtual_host) {
        return refuse(403, "SecondLevelDomainForbidden",
                      "The bucket you are attempting to access must be addressed using OSS third "
                      "level domain.");
    }
    const Operation operation = exchange.operation;
    if (operation == Operation::PutObject || operation == Operation::UploadPart) {
        const std::uint64_t before = data_writes_.fetch_add(1);
        if (profile_.passing_400_every != 0 && before % profile_.passing_400_every == 0)
            return refuse(400, "InvalidRequest", "The request body was too small");
    }
    if (exchange.upload && operation != Operation::AbortMultipartUpload &&
        operation != Operation::ListParts) {
        const std::scoped_lock lock(exchange.upload->mutex);
        if (exchange.upload->spoilt) return refuse("InternalError");
    }
    return {};
}

// Rules about the key that is to be written.
Answered<void> Service::check_write(const Exchange& exchange) {
    const Request& request = exchange.request;
    if (profile_.write_conflicts && is_conditional_write(request)) {
        const std::scoped_lock lock(writing_mutex_);
        const auto at = writing_.find(written_key(request));
        if (at != writing_.end() && std::ranges::any_of(at->second, [&](const std::string& who) {
                return who != writer_of(exchange);
            })) {
            return refuse("ConditionalRequestConflict");
        }
    }
    return profile_.folders_exclusive ? check_folders(*exchange.bucket, request.key)
                                      : Answered<void>();
}

// Counts a write of the key until the result is destroyed, which must be before the Service is.
std::shared_ptr<void> Service::mark_writing(const Exchange& exchange) {
    const std::string who = writer_of(exchange);
    const std::scoped_lock lock(writing_mutex_);
    const auto at = writing_.try_emplace(written_key(exchange.request)).first;
    at->second.push_back(who);
    return {nullptr, [this, key = at->first, who](void*) {
                const std::scoped_lock again(writing_mutex_);
                auto& writers = writing_[key];
                writers.erase(std::ranges::find(writers, who));
                if (writers.empty()) writing_.erase(key);
            }};
}

Refusal Service::gone_upload(std::string_view id, Operation operation) const {
    const bool named = profile_.gone_upload_named;
    if (!named && operation == Operation::ListParts) return known_refusal("NoSuchKey");
    if (!named && operation == Operation::CompleteMultipartUpload)
        return known_refusal("InternalError");
    Refusal refusal = known_refusal("NoSuchUpload");
    refusal.extra = {{"UploadId", std::string(id)}};
    return refusal;
}

void Service::abandon(const Exchange& exchange) {
    if (!profile_.cut_part_spoils || exchange.operation != Operation::UploadPart ||
        !exchange.upload || exchange.refusal) {
        return;
    }
    const std::scoped_lock lock(exchange.upload->mutex);
    exchange.upload->spoilt = true;
}

}  // namespace s3sim
