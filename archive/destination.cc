#include "archive/destination.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/access_hint.h"
#include "base/encoding.h"
#include "base/log.h"

namespace archive {
namespace {

constexpr base::Duration kAbortTimeout = std::chrono::seconds(20);  // of all that follows
// Requests to abort one upload, and what is waited before the second; each wait is twice the last.
constexpr unsigned kAbortsMax = 6;
constexpr base::Duration kAbortAgainAfter = std::chrono::milliseconds(100);

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A customer's key goes with more requests than these: Access has it.
std::vector<s3client::NameValue> encryption_headers(const ServerSideEncryption& sse) {
    const std::string kSse = "x-amz-server-side-encryption";
    if (sse.type.empty() || sse.type == "customer") return {};
    std::vector<s3client::NameValue> headers = {{kSse, sse.type}};
    if (!sse.key_id.empty()) headers.emplace_back(kSse + "-aws-kms-key-id", sse.key_id);
    if (sse.bucket_key_enabled) {
        headers.emplace_back(kSse + "-bucket-key-enabled",
                             *sse.bucket_key_enabled ? "true" : "false");
    }
    if (!sse.context.empty()) {
        headers.emplace_back(kSse + "-context",
                             base::base64(base::as_bytes(kms_context(sse.context))));
    }
    return headers;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out.append({'\\', c});
        else if (static_cast<unsigned char>(c) < ' ')
            out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    return out + '"';
}

// Bytes are the same whoever makes them, class, encryption and tags are not: a job that has a mark
// knows its own work by it, and what it wrote by the CRC-32 where there is one.
bool is_ours(const s3client::ObjectHead& there, std::uint64_t size,
             std::optional<std::uint32_t> crc32, const std::string& job_id) {
    if (there.size != size) return false;
    if (!job_id.empty() && there.job_mark != job_id) return false;
    if (crc32 && !there.checksum_crc32.empty())
        return there.checksum_crc32 == base::crc32_base64(*crc32);
    return !job_id.empty();
}

// S3's own words: a 404 without them may be a proxy's.
bool is_gone(const base::Status& answered) {
    return !answered && answered.error().kind == base::ErrorKind::not_found &&
           answered.error().code.starts_with("NoSuch");
}

base::Error still_there(const s3client::UploadTarget& upload) {
    const std::string where = upload.bucket + "/" + upload.key;
    return {base::ErrorKind::transient,
            "upload_still_there",
            fmt::format("an upload to {} is there after it was aborted", where),
            0,
            {},
            where};
}

// Aborts until S3 says that there is no such upload. Another abort says so, too, where we may not
// list parts.
io::Task<base::Status> abort_until_gone(s3client::S3Client& client, s3client::UploadTarget upload,
                                        s3client::CallContext context) {
    io::Reactor& reactor = client.reactor();
    const base::SteadyTime deadline = reactor.now() + kAbortTimeout;
    const auto in_time = [&] {
        context.timeout = deadline - reactor.now();
        return context.timeout > base::Duration::zero();
    };
    base::Status last = base::fail(still_there(upload));
    base::Duration wait = kAbortAgainAfter;
    for (unsigned aborts = 1; in_time(); ++aborts) {
        const auto aborted = co_await client.abort_multipart_upload(upload, context);
        if (aborted && !in_time()) break;
        if (is_gone(aborted)) co_return base::Status{};
        if (!aborted) co_return aborted;
        const auto parts = co_await client.list_parts(upload, 0, context);
        last = parts ? base::fail(still_there(upload)) : base::fail(parts.error());
        if (is_gone(last)) co_return base::Status{};
        if (aborts == kAbortsMax) break;
        co_await reactor.sleep(wait);
        wait *= 2;
    }
    co_return last;
}

}  // namespace

base::Error destination_exists(const Destination& destination) {
    const std::string where = destination.bucket + "/" + destination.key;
    return {base::ErrorKind::precondition,
            "destination_exists",
            fmt::format("{} exists and overwrite is false", where),
            0,
            {},
            where};
}

std::vector<s3client::NameValue> object_headers(const Destination& destination,
                                                const std::string& job_id) {
    std::vector<s3client::NameValue> headers = {{"content-type", destination.content_type.empty()
                                                                     ? "application/zip"
                                                                     : destination.content_type}};
    const auto add = [&headers](std::string name, const std::string& value) {
        if (!value.empty()) headers.emplace_back(std::move(name), value);
    };
    add("x-amz-storage-class", destination.storage_class);
    add("content-disposition", destination.content_disposition);
    add("cache-control", destination.cache_control);
    for (auto& header : encryption_headers(destination.sse)) headers.push_back(std::move(header));
    for (const auto& [name, value] : destination.metadata) {
        std::string& header = headers.emplace_back("x-amz-meta-" + name, value).first;
        std::ranges::transform(header, header.begin(), lower);  // as S3 keeps it
    }
    add(fmt::format("x-amz-meta-{}", s3client::kJobMarkName), job_id);
    std::string tags;
    for (const auto& [name, value] : destination.tags) {
        if (!tags.empty()) tags += '&';
        tags += base::percent_encode(name, false) + '=' + base::percent_encode(value, false);
    }
    add("x-amz-tagging", tags);
    return headers;
}

std::string kms_context(const std::map<std::string, std::string>& context) {
    std::string json = "{";
    for (const auto& [name, value] : context) {
        if (json.size() > 1) json += ',';
        json += quoted(name) + ':' + quoted(value);
    }
    return json + '}';
}

io::Task<base::Status> check_destination(s3client::S3Client& client, Destination destination,
                                         s3client::CallContext context, std::string job_id) {
    if (destination.overwrite) co_return base::Status{};
    context.access = &destination.access;
    auto head = co_await client.head_object({destination.bucket, destination.key, {}},
                                            s3client::WithChecksum::no, context);
    // Ours, of an earlier process whose journal knows less: writing it again will settle that.
    if (head && !job_id.empty() && head->job_mark == job_id) co_return base::Status{};
    if (head) {
        // The answer may be of another object: a connection of its own cannot carry such.
        context.fresh_connection = true;
        head = co_await client.head_object({destination.bucket, destination.key, {}},
                                           s3client::WithChecksum::no, context);
        if (head) co_return base::fail(destination_exists(destination));
    }
    // Without the right to list, S3 says 403 for a missing key: writing it will tell.
    const base::ErrorKind kind = head.error().kind;
    if (kind == base::ErrorKind::not_found || kind == base::ErrorKind::denied)
        co_return base::Status{};
    co_return std::unexpected(with_access_hint(head.error(), destination.access));
}

io::Task<base::Result<std::optional<s3client::ObjectHead>>> find_finished(
    s3client::S3Client& client, Destination destination, std::string job_id, std::uint64_t size,
    std::optional<std::uint32_t> crc32, s3client::CallContext context) {
    context.access = &destination.access;
    auto head = co_await client.head_object({destination.bucket, destination.key, {}},
                                            s3client::WithChecksum::yes, context);
    std::optional<s3client::ObjectHead> found;
    if (head) {
        if (is_ours(*head, size, crc32, job_id)) found = std::move(*head);
        co_return found;
    }
    const base::ErrorKind kind = head.error().kind;
    if (kind == base::ErrorKind::not_found || kind == base::ErrorKind::denied) co_return found;
    co_return base::fail(with_access_hint(std::move(head.error()), destination.access));
}

io::Task<base::Status> abort_upload(s3client::S3Client& client, s3client::UploadTarget upload,
                                    s3client::CallContext context) {
    context.cancel = nullptr;
    auto gone = co_await abort_until_gone(client, upload, context);
    if (gone) co_return gone;
    base::log_error("an upload could not be aborted, or not be seen to be gone",
                    {{"job", context.job},
                     {"bucket", upload.bucket},
                     {"key", upload.key},
                     {"upload_id", upload.upload_id},
                     {"error", gone.error().to_string()}});
    co_return gone;
}

}  // namespace archive
