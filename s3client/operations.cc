// The calls: what each request says, and what makes its answer right.
#include <fmt/format.h>

#include "base/encoding.h"
#include "s3client/client.h"
#include "s3client/outcome.h"

namespace s3client {
namespace {

constexpr std::string_view kListPageSize = "1000";  // S3 gives no more

Call make_call(Operation operation, std::string_view method, std::string bucket, std::string key,
               CallContext context) {
    Call call;
    call.operation = operation;
    call.request.method = method;
    call.bucket = std::move(bucket);
    call.key = std::move(key);
    call.context = context;
    call.has_body = method == "PUT" || method == "POST";
    return call;
}

void set_body(Call& call, const Body& body) {
    call.body = body;
    // The checksum guards it; hashing it for the signature as well would cost more than all the
    // rest.
    call.payload = PayloadHash::unsigned_payload();
    call.request.set_header("x-amz-checksum-crc32", base::crc32_base64(body.crc32));
}

void add_headers(Call& call, std::vector<NameValue> headers) {
    for (auto& [name, value] : headers) call.request.set_header(name, std::move(value));
}

// S3 says what it has checked by repeating it.
base::Result<bool> repeats_crc32(const ResponseHead& head, std::uint32_t crc32) {
    const std::string_view repeated = head.get("x-amz-checksum-crc32");
    if (repeated.empty()) return false;
    if (repeated == base::crc32_base64(crc32)) return true;
    return base::fail(base::ErrorKind::corrupt, "wrong_checksum",
                      fmt::format("sent CRC-32 {}, S3 has {}", base::crc32_base64(crc32),
                                  repeated.substr(0, 20)));
}

// Of the whole object, if that is what it is of.
S3Client::StoredCrc32 stored_crc32(const ResponseHead& head) {
    if (head.get("x-amz-checksum-type") == "COMPOSITE") return std::nullopt;
    return base::crc32_from_base64(head.get("x-amz-checksum-crc32"));
}

// A GET of a range must be answered by exactly that range of an object of the size we know.
base::Status check_range(const ResponseHead& head, ByteRange range, std::uint64_t object_size) {
    const std::string expected =
        fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1, object_size);
    if (head.status != 206 || head.get("content-range") != expected) {
        // Not asked for: a server that ignores ranges, or an object that is no longer the one that
        // was listed.
        return base::fail(base::ErrorKind::corrupt, "wrong_range",
                          fmt::format("asked for '{}', got status {} with '{}'", expected,
                                      head.status, head.get("content-range")));
    }
    if (head.body != BodyKind::length || head.content_length != range.length) {
        return base::fail(base::ErrorKind::corrupt, "wrong_length",
                          fmt::format("a body of {} bytes was due", range.length));
    }
    return {};
}

WrittenObject written(const ResponseHead& head) {
    return {std::string(unquote_etag(head.get("etag"))), std::string(head.get("x-amz-version-id"))};
}

}  // namespace

io::Task<base::Result<ListObjectsPage>> S3Client::list_objects(std::string bucket,
                                                               std::string prefix,
                                                               std::string continuation_token,
                                                               CallContext context) {
    Call call = make_call(Operation::list_objects, "GET", std::move(bucket), "", context);
    call.request.query = {
        {"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", std::string(kListPageSize)}};
    if (!prefix.empty()) call.request.query.emplace_back("prefix", std::move(prefix));
    if (!continuation_token.empty()) {
        call.request.query.emplace_back("continuation-token", std::move(continuation_token));
    }
    // Without it archived objects that have been restored look like those that have not.
    call.request.set_header("x-amz-optional-object-attributes", "RestoreStatus");
    ListObjectsPage page;
    const std::string bucket_name = call.bucket;
    call.parse = [&page, &bucket_name](const ResponseHead& head, std::string body) -> base::Status {
        const RequestContext request{Operation::list_objects, bucket_name, {}};
        auto parsed = parse_list_objects(std::move(body), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        page = std::move(*parsed);
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return page;
}

io::Task<base::Result<ObjectHead>> S3Client::head_object(ObjectVersion object,
                                                         WithChecksum checksum,
                                                         CallContext context) {
    Call call = make_call(Operation::head_object, "HEAD", std::move(object.bucket),
                          std::move(object.key), context);
    if (!object.version_id.empty())
        call.request.query = {{"versionId", std::move(object.version_id)}};
    if (checksum == WithChecksum::yes) call.request.set_header("x-amz-checksum-mode", "ENABLED");
    ObjectHead found;
    call.parse = [&found](const ResponseHead& head, std::string) -> base::Status {
        if (!head.content_length) {
            return base::fail(base::ErrorKind::corrupt, "bad_answer",
                              "HEAD was answered without a length");
        }
        found.size = *head.content_length;
        found.etag = unquote_etag(head.get("etag"));
        found.storage_class = head.get("x-amz-storage-class");
        found.archive_status = head.get("x-amz-archive-status");
        found.version_id = head.get("x-amz-version-id");
        found.job_mark = head.get(fmt::format("x-amz-meta-{}", kJobMarkName));
        // ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"
        found.restored = head.get("x-amz-restore").contains("ongoing-request=\"false\"");
        if (head.get("x-amz-checksum-type") != "COMPOSITE")
            found.checksum_crc32 = head.get("x-amz-checksum-crc32");
        if (const auto modified = base::parse_http_date(head.get("last-modified"))) {
            found.last_modified_s =
                std::chrono::floor<std::chrono::seconds>(*modified).time_since_epoch().count();
        }
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return found;
}

bool ObjectHead::is_archived() const {
    return (is_archive_class(storage_class) || !archive_status.empty()) && !restored;
}

io::Task<base::Result<S3Client::StoredCrc32>> S3Client::get_object(GetObject get,
                                                                   BodyReceiver& receiver,
                                                                   CallContext context) {
    CHECK(get.range.length > 0);
    CountingReceiver counted(receiver);
    Call call = make_call(Operation::get_object, "GET", std::move(get.object.bucket),
                          std::move(get.object.key), context);
    if (!get.object.version_id.empty()) call.request.query = {{"versionId", get.object.version_id}};
    if (!get.etag.empty()) call.request.set_header("if-match", quote_etag(get.etag));
    const bool whole = get.range.length == get.object_size;
    if (whole) call.request.set_header("x-amz-checksum-mode", "ENABLED");
    StoredCrc32 stored;
    call.receiver = &counted;
    call.response_size = get.range.length;
    const auto left = [&counted, range = get.range] {
        return ByteRange{range.offset + counted.count(), range.length - counted.count()};
    };
    call.prepare = [&left](HttpRequest& request) {
        const ByteRange range = left();
        request.set_header(
            "range", fmt::format("bytes={}-{}", range.offset, range.offset + range.length - 1));
    };
    call.check = [&, size = get.object_size](const ResponseHead& head) {
        if (whole && counted.count() == 0) stored = stored_crc32(head);
        return check_range(head, left(), size);
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return stored;
}

io::Task<base::Result<WrittenObject>> S3Client::put_object(std::string bucket, std::string key,
                                                           std::vector<NameValue> headers,
                                                           Body body, CallContext context) {
    Call call = make_call(Operation::put_object, "PUT", std::move(bucket), std::move(key), context);
    add_headers(call, std::move(headers));
    set_body(call, body);
    WrittenObject result;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&, crc32 = body.crc32](const ResponseHead& head,
                                         std::string text) -> base::Status {
        // A failure found out after the status was sent.
        if (const ErrorBody document = parse_error_body(std::move(text)); !document.code.empty()) {
            return std::unexpected(
                to_error({Operation::put_object, bucket_name, key_name}, head, document));
        }
        const auto repeated = repeats_crc32(head, crc32);
        if (!repeated) return std::unexpected(repeated.error());
        result = written(head);
        if (result.etag.empty())
            return base::fail(base::ErrorKind::corrupt, "bad_answer", "PutObject gave no ETag");
        result.checked = *repeated;
        return {};
    };
    if (auto done = co_await run_with_checksums(std::move(call)); !done)
        co_return std::unexpected(done.error());
    checksums_.learn(result.checked ? Checking::checked : Checking::ignored, config_.endpoint.host);
    co_return result;
}

io::Task<base::Result<CreatedUpload>> S3Client::create_multipart_upload(
    std::string bucket, std::string key, std::vector<NameValue> headers, CallContext context) {
    Call call = make_call(Operation::create_multipart_upload, "POST", std::move(bucket),
                          std::move(key), context);
    call.request.query = {{"uploads", ""}};
    add_headers(call, std::move(headers));
    call.request.set_header("x-amz-checksum-algorithm", "CRC32");
    call.request.set_header("x-amz-checksum-type", "FULL_OBJECT");
    CreatedUpload created;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::create_multipart_upload, bucket_name, key_name};
        auto parsed = parse_create_multipart_upload(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        created = {std::move(*parsed), head.get("x-amz-checksum-algorithm") == "CRC32"};
        return {};
    };
    if (auto done = co_await run_with_checksums(std::move(call)); !done)
        co_return std::unexpected(done.error());
    checksums_.learn(created.checked ? Checking::checked : Checking::ignored,
                     config_.endpoint.host);
    co_return created;
}

io::Task<base::Result<std::string>> S3Client::upload_part(UploadTarget upload,
                                                          std::uint32_t part_number, Body body,
                                                          CallContext context) {
    Call call = make_call(Operation::upload_part, "PUT", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"partNumber", std::to_string(part_number)},
                          {"uploadId", std::move(upload.upload_id)}};
    set_body(call, body);
    std::string etag;
    call.parse = [&etag, crc32 = body.crc32](const ResponseHead& head,
                                             std::string) -> base::Status {
        if (auto repeated = repeats_crc32(head, crc32); !repeated)
            return std::unexpected(repeated.error());
        etag = unquote_etag(head.get("etag"));
        if (etag.empty())
            return base::fail(base::ErrorKind::corrupt, "bad_answer", "UploadPart gave no ETag");
        return {};
    };
    if (auto done = co_await run_with_checksums(std::move(call)); !done)
        co_return std::unexpected(done.error());
    co_return etag;
}

io::Task<base::Result<WrittenObject>> S3Client::complete_multipart_upload(CompleteUpload complete,
                                                                          CallContext context) {
    Call call = make_call(Operation::complete_multipart_upload, "POST", complete.upload.bucket,
                          complete.upload.key, context);
    call.request.query = {{"uploadId", complete.upload.upload_id}};
    const std::string text = complete_multipart_upload_body(complete.parts);
    const std::array<base::ByteView, 1> pieces = {base::as_bytes(text)};
    call.body = {pieces, text.size(), 0};
    call.payload = PayloadHash::of(pieces[0]);
    add_headers(call, std::move(complete.headers));
    call.request.set_header("content-type", "application/xml");
    call.request.set_header("x-amz-checksum-crc32", base::crc32_base64(complete.crc32));
    call.request.set_header("x-amz-checksum-type", "FULL_OBJECT");
    call.request.set_header("x-amz-mp-object-size", std::to_string(complete.object_size));
    WrittenObject result;
    call.parse = [&](const ResponseHead& head, std::string body) -> base::Status {
        const RequestContext request{Operation::complete_multipart_upload, complete.upload.bucket,
                                     complete.upload.key};
        auto parsed = parse_complete_multipart_upload(std::move(body), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        result = written(head);
        result.etag = std::move(parsed->etag);
        return {};
    };
    if (auto done = co_await run_with_checksums(std::move(call)); !done)
        co_return std::unexpected(done.error());
    co_return result;
}

io::Task<base::Status> S3Client::abort_multipart_upload(UploadTarget upload, CallContext context) {
    Call call = make_call(Operation::abort_multipart_upload, "DELETE", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"uploadId", std::move(upload.upload_id)}};
    co_return co_await run(std::move(call));
}

io::Task<base::Result<ListPartsPage>> S3Client::list_parts(UploadTarget upload, std::uint32_t after,
                                                           CallContext context) {
    Call call = make_call(Operation::list_parts, "GET", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"uploadId", std::move(upload.upload_id)}};
    if (after > 0) call.request.query.emplace_back("part-number-marker", std::to_string(after));
    ListPartsPage page;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::list_parts, bucket_name, key_name};
        auto parsed = parse_list_parts(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        page = std::move(*parsed);
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) {
        base::Error error = done.error();
        // So says Ceph's gateway of an upload that is gone; there is no key to be missed here.
        if (error.code == "NoSuchKey") error.code = "NoSuchUpload";
        co_return std::unexpected(std::move(error));
    }
    co_return page;
}

io::Task<base::Result<ListUploadsPage>> S3Client::list_multipart_uploads(
    std::string bucket, std::string prefix, std::string key_marker, std::string upload_id_marker,
    CallContext context) {
    Call call = make_call(Operation::list_multipart_uploads, "GET", std::move(bucket), "", context);
    call.request.query = {
        {"uploads", ""}, {"encoding-type", "url"}, {"max-uploads", std::string(kListPageSize)}};
    const auto add = [&call](std::string_view name, std::string value) {
        if (!value.empty()) call.request.query.emplace_back(name, std::move(value));
    };
    add("prefix", std::move(prefix));
    add("key-marker", std::move(key_marker));
    add("upload-id-marker", std::move(upload_id_marker));
    ListUploadsPage page;
    const std::string bucket_name = call.bucket;
    call.parse = [&](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::list_multipart_uploads, bucket_name, ""};
        auto parsed = parse_list_multipart_uploads(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        page = std::move(*parsed);
        if (const auto date = base::parse_http_date(head.get("date"))) page.answered_at = *date;
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return page;
}

// A call that carries checksums; and again without, if this is a store that takes none.
io::Task<base::Status> S3Client::run_with_checksums(Call call) {
    if (checksums_.state() == Checking::refused) drop_checksums(call.request);
    if (checksums_.state() != Checking::unknown) co_return co_await run(std::move(call));
    Call plain = call;
    auto done = co_await run(std::move(call));
    if (done || !refuses_checksums(done.error())) co_return done;
    checksums_.learn(Checking::refused, config_.endpoint.host);
    drop_checksums(plain.request);
    co_return co_await run(std::move(plain));
}

}  // namespace s3client
