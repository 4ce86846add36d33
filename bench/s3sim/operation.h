// The operations' names, and which one a request is.
#pragma once

#include <cstdint>
#include <string_view>

#include "s3sim/http.h"

namespace s3sim {

enum class Operation : std::uint8_t {
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    ListObjectsV2,
    ListMultipartUploads,
    ListObjectVersions,
    PutBucketVersioning,
    GetBucketVersioning,
    DeleteObjects,
    PutObject,
    CopyObject,
    GetObject,
    HeadObject,
    DeleteObject,
    GetObjectTagging,
    RestoreObject,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    ListParts,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    Control,
    Unknown,
};
std::string_view operation_name(Operation operation);
bool is_operation_name(std::string_view name);
Operation operation_of(const Request& request);

}  // namespace s3sim
