// Which operation a request is: by method, by what it addresses, and by its sub-resource.
#include <array>
#include <utility>

#include "s3sim/numbers.h"
#include "s3sim/operations.h"

namespace s3sim {
namespace {

constexpr std::array<std::string_view, 26> kNames = {"ListBuckets",
                                                     "CreateBucket",
                                                     "HeadBucket",
                                                     "DeleteBucket",
                                                     "GetBucketLocation",
                                                     "ListObjectsV2",
                                                     "ListMultipartUploads",
                                                     "ListObjectVersions",
                                                     "PutBucketVersioning",
                                                     "GetBucketVersioning",
                                                     "DeleteObjects",
                                                     "PutObject",
                                                     "CopyObject",
                                                     "GetObject",
                                                     "HeadObject",
                                                     "DeleteObject",
                                                     "GetObjectTagging",
                                                     "RestoreObject",
                                                     "CreateMultipartUpload",
                                                     "UploadPart",
                                                     "UploadPartCopy",
                                                     "ListParts",
                                                     "CompleteMultipartUpload",
                                                     "AbortMultipartUpload",
                                                     "Control",
                                                     "Unknown"};

// Sub-resources that make a request another operation than the plain one; those we do not know are
// refused.
constexpr std::array<std::string_view, 8> kSubresources = {
    "uploads", "uploadId", "tagging", "location", "delete", "versioning", "versions", "restore"};
constexpr std::array<std::string_view, 14> kUnsupported = {
    "acl",       "attributes", "cors",         "encryption", "legal-hold",
    "lifecycle", "logging",    "notification", "policy",     "replication",
    "retention", "select",     "torrent",      "website"};

Operation bucket_operation(const Request& request, std::string_view sub) {
    const std::string_view method = request.method;
    if (method == "PUT" && sub.empty()) return Operation::CreateBucket;
    if (method == "HEAD" && sub.empty()) return Operation::HeadBucket;
    if (method == "DELETE" && sub.empty()) return Operation::DeleteBucket;
    if (method == "GET" && sub == "location") return Operation::GetBucketLocation;
    if (method == "GET" && sub == "uploads") return Operation::ListMultipartUploads;
    if (method == "GET" && sub.empty() && request.parameter_or("list-type", "") == "2")
        return Operation::ListObjectsV2;
    if (method == "GET" && sub == "versions") return Operation::ListObjectVersions;
    if (method == "PUT" && sub == "versioning") return Operation::PutBucketVersioning;
    if (method == "GET" && sub == "versioning") return Operation::GetBucketVersioning;
    if (method == "POST" && sub == "delete") return Operation::DeleteObjects;
    return Operation::Unknown;
}

Operation object_operation(const Request& request, std::string_view sub) {
    const std::string_view method = request.method;
    const bool copy = request.has_header("x-amz-copy-source");
    if (sub.empty()) {
        if (method == "PUT") return copy ? Operation::CopyObject : Operation::PutObject;
        if (method == "GET") return Operation::GetObject;
        if (method == "HEAD") return Operation::HeadObject;
        if (method == "DELETE") return Operation::DeleteObject;
    }
    if (sub == "tagging" && method == "GET") return Operation::GetObjectTagging;
    if (sub == "restore" && method == "POST") return Operation::RestoreObject;
    if (sub == "uploads" && method == "POST") return Operation::CreateMultipartUpload;
    if (sub == "uploadId") {
        if (method == "PUT") return copy ? Operation::UploadPartCopy : Operation::UploadPart;
        if (method == "GET") return Operation::ListParts;
        if (method == "POST") return Operation::CompleteMultipartUpload;
        if (method == "DELETE") return Operation::AbortMultipartUpload;
    }
    return Operation::Unknown;
}

}  // namespace

std::string_view operation_name(Operation operation) {
    return kNames[std::to_underlying(operation)];
}
bool is_operation_name(std::string_view name) { return contains(kNames, name); }

Operation operation_of(const Request& request) {
    std::string_view sub;
    for (const auto& [name, value] : request.query) {
        if (contains(kUnsupported, name)) return Operation::Unknown;
        if (contains(kSubresources, name)) sub = name;
    }
    // In a bucket named by the host, _s3sim/... is a key like any other.
    if (request.bucket == "_s3sim" && request.path.starts_with("/_s3sim/"))
        return Operation::Control;
    if (request.bucket.empty()) {
        return request.method == "GET" && sub.empty() ? Operation::ListBuckets : Operation::Unknown;
    }
    return request.key.empty() ? bucket_operation(request, sub) : object_operation(request, sub);
}

}  // namespace s3sim
