#include "archive/destination.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"

namespace archive {
namespace {

constexpr base::Duration kAbortTimeout = std::chrono::seconds(20);

base::Error already_exists(const Destination& destination) {
    const std::string where = destination.bucket + "/" + destination.key;
    return {base::ErrorKind::precondition,
            "destination_exists",
            fmt::format("{} exists and overwrite is false", where),
            0,
            {},
            where};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// S3 may have done what it was asked for: only the answer is missing.
bool is_unknown(base::ErrorKind kind) {
    return kind == base::ErrorKind::transient || kind == base::ErrorKind::throttled ||
           kind == base::ErrorKind::corrupt;
}

}  // namespace

std::vector<s3client::NameValue> object_headers(const Destination& destination) {
    std::vector<s3client::NameValue> headers = {{"content-type", "application/zip"}};
    const auto add = [&headers](std::string name, const std::string& value) {
        if (!value.empty()) headers.emplace_back(std::move(name), value);
    };
    add("x-amz-storage-class", destination.storage_class);
    add("content-disposition", destination.content_disposition);
    add("x-amz-server-side-encryption", destination.sse.type);
    add("x-amz-server-side-encryption-aws-kms-key-id", destination.sse.key_id);
    for (const auto& [name, value] : destination.metadata) {
        std::string& header = headers.emplace_back("x-amz-meta-" + name, value).first;
        std::ranges::transform(header, header.begin(), lower);  // as S3 keeps it
    }
    std::string tags;
    for (const auto& [name, value] : destination.tags) {
        if (!tags.empty()) tags += '&';
        tags += base::percent_encode(name, false) + '=' + base::percent_encode(value, false);
    }
    add("x-amz-tagging", tags);
    return headers;
}

std::vector<s3client::NameValue> condition_headers(const Destination& destination) {
    if (destination.overwrite) return {};
    return {{"if-none-match", "*"}};
}

io::Task<base::Status> check_destination(s3client::S3Client& client, Destination destination,
                                         s3client::CallContext context) {
    if (destination.overwrite) co_return base::Status{};
    auto head = co_await client.head_object({destination.bucket, destination.key, {}},
                                            s3client::WithChecksum::no, context);
    if (head) co_return base::fail(already_exists(destination));
    // Without the right to list, S3 says 403 for a missing key: writing it will tell.
    const base::ErrorKind kind = head.error().kind;
    if (kind == base::ErrorKind::not_found || kind == base::ErrorKind::denied)
        co_return base::Status{};
    co_return std::unexpected(head.error());
}

io::Task<base::Result<s3client::WrittenObject>> settle_write(
    s3client::S3Client& client, Destination destination,
    base::Result<s3client::WrittenObject> written, std::uint64_t size, std::uint32_t crc32,
    s3client::CallContext context) {
    if (written) co_return written;
    const bool existed = written.error().kind == base::ErrorKind::precondition;
    if (existed || written.error().code == "NoSuchUpload" || is_unknown(written.error().kind)) {
        auto head = co_await client.head_object({destination.bucket, destination.key, {}},
                                                s3client::WithChecksum::yes, context);
        if (head && head->size == size && head->checksum_crc32 == base::crc32_base64(crc32)) {
            co_return s3client::WrittenObject{head->etag, {}};
        }
    }
    if (existed && !destination.overwrite) co_return base::fail(already_exists(destination));
    co_return written;
}

io::Task<void> abort_upload(s3client::S3Client& client, s3client::UploadTarget upload,
                            s3client::CallContext context) {
    context.cancel = nullptr;
    context.timeout = kAbortTimeout;
    auto aborted = co_await client.abort_multipart_upload(upload, context);
    if (aborted) co_return;
    base::log_error("an upload could not be aborted", {{"bucket", upload.bucket},
                                                       {"key", upload.key},
                                                       {"upload_id", upload.upload_id},
                                                       {"error", aborted.error().to_string()}});
}

}  // namespace archive
