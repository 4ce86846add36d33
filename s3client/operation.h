// The S3 calls we make, for counting, pricing, metrics and error texts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace s3client {

enum class Operation : std::uint8_t {
    list_objects,
    head_object,
    get_object,
    put_object,
    create_multipart_upload,
    upload_part,
    upload_part_copy,
    complete_multipart_upload,
    abort_multipart_upload,
    list_parts,
    list_multipart_uploads,
};
inline constexpr std::size_t kOperationCount = 11;

// S3's own names: "ListObjectsV2", "UploadPart", ...
constexpr std::string_view to_string(Operation operation) {
    constexpr std::array<std::string_view, kOperationCount> kNames = {
        "ListObjectsV2",         "HeadObject", "GetObject",           "PutObject",
        "CreateMultipartUpload", "UploadPart", "UploadPartCopy",      "CompleteMultipartUpload",
        "AbortMultipartUpload",  "ListParts",  "ListMultipartUploads"};
    return kNames[static_cast<std::size_t>(operation)];
}

// Requests sent, retries included, by operation.
using RequestCounts = std::array<std::uint64_t, kOperationCount>;

// S3 prices requests in two classes (https://aws.amazon.com/s3/pricing/); Abort is free.
enum class PriceClass : std::uint8_t { put, get, free };
constexpr PriceClass price_class(Operation operation) {
    switch (operation) {
        case Operation::head_object:
        case Operation::get_object: return PriceClass::get;
        case Operation::abort_multipart_upload: return PriceClass::free;
        default: return PriceClass::put;
    }
}

// USD, us-east-1, S3 Standard: $0.005 per 1,000 PUT-class and $0.0004 per 1,000 GET-class requests.
constexpr double cost_usd(const RequestCounts& counts) {
    double usd = 0;
    for (std::size_t i = 0; i < kOperationCount; ++i) {
        const PriceClass cls = price_class(static_cast<Operation>(i));
        const double each = cls == PriceClass::put ? 5e-6 : cls == PriceClass::get ? 4e-7 : 0.0;
        usd += each * static_cast<double>(counts[i]);
    }
    return usd;
}

}  // namespace s3client
