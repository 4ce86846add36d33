#include "s3sim/operations.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/encoding.h"
#include "s3sim/bucket_access.h"
#include "s3sim/damage.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/recorder.h"
#include "s3sim/stats.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

bool has_document(Operation operation) {
    return operation == Operation::CreateBucket || operation == Operation::DeleteObjects ||
           operation == Operation::PutBucketVersioning || operation == Operation::RestoreObject ||
           operation == Operation::CompleteMultipartUpload || operation == Operation::Control;
}
bool has_data(Operation operation) {
    return operation == Operation::PutObject || operation == Operation::UploadPart;
}

bool signs_payload(const Exchange& exchange) {
    return !exchange.chunks && !exchange.payload_hash.empty() &&
           exchange.payload_hash != "UNSIGNED-PAYLOAD";
}

bool is_conditional(const Request& request) {
    constexpr std::array<std::string_view, 8> kConditions = {
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-unmodified-since"};
    return std::ranges::any_of(
        request.headers, [&](const auto& header) { return contains(kConditions, header.first); });
}

std::string make_request_id() {
    static std::atomic<std::uint64_t> counter{
        static_cast<std::uint64_t>(base::system_clock().utc_now().time_since_epoch().count())};
    return fmt::format("{:016X}", mix(counter.fetch_add(1, std::memory_order_relaxed)));
}

}  // namespace

void take_bytes(Exchange& exchange, base::ByteView bytes, bool in_window, base::Bytes scratch) {
    exchange.received += bytes.size();
    if (!exchange.refusal) {
        exchange.crc32 = crc32(exchange.crc32, bytes);
        if (exchange.sha256) exchange.sha256->update(bytes);
        if (exchange.md5) exchange.md5->update(bytes);
    }
    while (!bytes.empty()) {
        base::ByteView piece = bytes;
        if (!in_window) {
            const base::Bytes window = exchange.writer->window(scratch);
            piece = window.first(std::min(bytes.size(), window.size()));
            std::memmove(window.data(), bytes.data(), piece.size());  // both may be in `scratch`
        }
        if (auto ok = exchange.writer->commit(piece); !ok) {
            exchange.refusal = refusal_of(ok.error());
            exchange.writer = make_discarding_writer();
            return;
        }
        bytes = bytes.subspan(piece.size());
    }
}

std::string document_of(const Exchange& exchange) {
    std::string text;
    const Body* body = exchange.stored.body.get();
    if (body == nullptr) return text;
    const auto done =
        for_each_chunk(*body, 0, body->size(), [&](base::ByteView bytes) -> base::Status {
            text += base::as_text(bytes);
            return {};
        });
    return done ? text : std::string();
}

Service::Service(const Options& options, Store& store, FaultPlan& faults, Counters& counters)
    : options_(options),
      store_(store),
      faults_(faults),
      counters_(counters),
      clock_(options.clock != nullptr ? *options.clock : base::system_clock()),
      credentials_{options.access_key, options.secret_key, options.session_token, options.region},
      recorder_(std::make_unique<Recorder>()),
      timing_(options.bandwidth_host),
      requests_(options.max_requests_per_second),
      reads_(options.max_reads_per_second),
      writes_(options.max_writes_per_second) {}

Service::~Service() = default;

bool Service::over_rate(std::string_view method) {
    const auto at = clock_.steady_now();
    TokenBucket& own = method == "GET" || method == "HEAD" ? reads_ : writes_;
    return !own.take(at) || !requests_.take(at);
}

void Service::begin(Exchange& exchange) {
    exchange.request_id = make_request_id();
    exchange.writer = make_discarding_writer();
    if (auto admitted = admit(exchange); !admitted) {
        exchange.refusal = std::move(admitted.error());
        exchange.writer = make_discarding_writer();
    }
}

// Everything that can be known before the body: in the order in which S3 finds fault.
Answered<void> Service::admit(Exchange& exchange) {
    Request& request = exchange.request;
    if (!resolve_target(request))
        return refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
    exchange.operation = operation_of(request);
    if (options_.record_requests) recorder_->add(exchange);
    tell_watch(exchange, WatchedRequest::Moment::arrived, 0);
    if (request.chunked) {
        Refusal refusal = known_refusal("NotImplemented");
        refusal.extra = {{"Header", "Transfer-Encoding"}};
        refusal.close = true;
        return std::unexpected(std::move(refusal));
    }
    if (exchange.operation == Operation::Control) return prepare_body(exchange);
    exchange.fault = faults_.next({operation_name(exchange.operation), request.key,
                                   request.parameter_or("partNumber", ""), is_conditional(request),
                                   request.body_size() > 0});
    if (over_rate(request.method)) return refuse("SlowDown");
    auto signed_as = authenticate(request, exchange.operation);
    if (!signed_as) {
        counters_.signature_failed();
        return std::unexpected(std::move(signed_as.error()));
    }
    exchange.payload_hash = signed_as->payload_hash;
    if (auto ok = expect_chunks(exchange, std::move(*signed_as)); !ok) return ok;
    if (exchange.operation == Operation::Unknown) {
        return refuse(501, "NotImplemented", "The simulator does not know this operation.");
    }
    if (request.key.size() > kKeySizeMax) {
        return refuse("KeyTooLongError",
                      {{"MaxSizeAllowed", "1024"}, {"Size", std::to_string(request.key.size())}});
    }
    if (!request.bucket.empty() && exchange.operation != Operation::CreateBucket) {
        exchange.bucket = store_.bucket(request.bucket);
        if (!exchange.bucket) return refuse("NoSuchBucket", {{"BucketName", request.bucket}});
    }
    if (auto ok = apply_header_rules(request, exchange.operation, profile_); !ok) return ok;
    if (auto ok = check_bucket_access(request, options_); !ok) return ok;
    if (auto ok = check_encryption_headers(request, exchange.operation); !ok) return ok;
    if (auto ok = check_version_parameter(exchange); !ok) return ok;
    if (request.parameter("uploadId") != nullptr) {
        exchange.upload =
            store_.upload(request.bucket, request.key, *request.parameter("uploadId"));
        if (!exchange.upload) {
            return std::unexpected(gone_upload(*request.parameter("uploadId"), exchange.operation));
        }
        if (auto ok = check_upload_key(request, *exchange.upload, exchange.operation); !ok)
            return ok;
    }
    if (auto ok = check_store_rules(exchange); !ok) return ok;
    if (exchange.operation == Operation::PutObject || exchange.operation == Operation::CopyObject ||
        exchange.operation == Operation::CompleteMultipartUpload) {
        exchange.writing = mark_writing(exchange);
    }
    return prepare_body(exchange);
}

Answered<void> Service::prepare_body(Exchange& exchange) {
    const Request& request = exchange.request;
    const std::uint64_t size =
        exchange.chunks ? exchange.chunks->decoded_size() : request.body_size();
    base::Result<std::unique_ptr<BodyWriter>> writer = make_discarding_writer();
    if (has_data(exchange.operation)) {
        if (!request.content_length) return refuse("MissingContentLength");
        if (!exchange.bucket->writable())
            return refuse(405, "MethodNotAllowed", "A synthetic bucket is read-only.");
        if (size > kPutSizeMax) {
            return refuse("EntityTooLarge", {{"ProposedSize", std::to_string(size)},
                                             {"MaxSizeAllowed", std::to_string(kPutSizeMax)}});
        }
        writer = exchange.bucket->make_writer(size);
        if (size <= kMd5EtagMax) exchange.md5.emplace(DigestKind::md5);
    } else if (has_document(exchange.operation)) {
        if (size > kDocumentSizeMax) return refuse("EntityTooLarge");
        writer = make_memory_writer(make_memory_budget(0), size);
    }
    if (!writer) return std::unexpected(refusal_of(writer.error()));
    exchange.writer = std::move(*writer);
    if (request.has_header("content-md5") && !exchange.md5) exchange.md5.emplace(DigestKind::md5);
    if (signs_payload(exchange) || request.header("x-amz-trailer") == "x-amz-checksum-sha256" ||
        request.has_header("x-amz-checksum-sha256") ||
        (exchange.upload && exchange.upload->algorithm == "SHA256")) {
        exchange.sha256.emplace(DigestKind::sha256);
    }
    return {};
}

// The body against all that was said about it.
Answered<void> Service::check_body(Exchange& exchange) {
    if (exchange.chunks) {
        if (auto ok = exchange.chunks->finish(); !ok) return ok;
        for (const auto& [name, value] : exchange.chunks->trailers())
            exchange.request.headers.emplace_back(name, value);
    }
    const Request& request = exchange.request;
    if (exchange.sha256) exchange.sha256_raw = exchange.sha256->finish();
    if (exchange.md5) exchange.md5_raw = exchange.md5->finish();
    if (signs_payload(exchange)) {
        const std::string computed = base::hex(base::as_bytes(exchange.sha256_raw));
        if (computed != exchange.payload_hash) {
            return refuse("XAmzContentSHA256Mismatch",
                          {{"ClientComputedContentSHA256", exchange.payload_hash},
                           {"S3ComputedContentSHA256", computed}});
        }
    }
    const std::string content_md5(request.header("content-md5"));
    if (!content_md5.empty()) {
        const auto decoded = base::base64_decode(content_md5);
        if (!decoded || decoded->size() != 16)
            return refuse("InvalidDigest", {{"Content-MD5", content_md5}});
        if (*decoded != exchange.md5_raw) {
            return refuse("BadDigest",
                          {{"ExpectedDigest", content_md5},
                           {"CalculatedDigest", base::base64(base::as_bytes(exchange.md5_raw))}});
        }
    }
    // On Complete these headers are about the whole object, not about the request's body.
    if (exchange.operation == Operation::CompleteMultipartUpload) return {};
    const std::array<std::pair<std::string_view, std::string>, 2> computed = {
        {{"x-amz-checksum-crc32", base::crc32_base64(exchange.crc32)},
         {"x-amz-checksum-sha256", base::base64(base::as_bytes(exchange.sha256_raw))}}};
    for (const auto& [name, value] : request.headers) {
        if (!name.starts_with("x-amz-checksum-") || name == "x-amz-checksum-algorithm" ||
            name == "x-amz-checksum-type" || name == "x-amz-checksum-mode") {
            continue;
        }
        const auto known =
            std::ranges::find(computed, name, [](const auto& item) { return item.first; });
        if (known == computed.end()) {
            return refuse(501, "NotImplemented",
                          "The simulator knows the checksums CRC32 and SHA256.",
                          {{"Header", name}});
        }
        const auto decoded = base::base64_decode(value);
        if (!decoded || decoded->size() != (name.ends_with("crc32") ? 4U : 32U)) {
            return refuse(400, "InvalidRequest",
                          fmt::format("Value for {} header is invalid.", name));
        }
        if (value != known->second) {
            return refuse(400, profile_.checksum_mismatch,
                          fmt::format("The {} you specified did not match the calculated checksum.",
                                      name.ends_with("crc32") ? "CRC32" : "SHA256"));
        }
    }
    return {};
}

bool Service::blocks(const Exchange& exchange) const {
    if (exchange.refusal) return false;
    if (exchange.operation == Operation::UploadPartCopy ||
        exchange.operation == Operation::CopyObject) {
        return true;
    }
    return exchange.operation == Operation::CompleteMultipartUpload && exchange.bucket->blocks();
}

Response Service::finish(Exchange& exchange) {
    if (!exchange.fault) {
        Response response = answer(exchange);
        if (faults_.uses_earlier_answers())
            earlier_answers_.keep(faults_.generation(), exchange, response);
        return response;
    }
    const Fault& fault = *exchange.fault;
    if (fault.kind == FaultKind::error_200 && exchange.request.method != "HEAD") {
        return xml_response(
            error_xml(known_refusal(fault.code), exchange.request.path, exchange.request_id));
    }
    if (auto refusal = refusal_of(fault, exchange.request, now()))
        exchange.refusal = std::move(*refusal);
    Response response = answer(exchange);
    damage(fault, exchange.request, response);
    if (fault.kind == FaultKind::swap || fault.kind == FaultKind::late) {
        Response own = response;
        if (fault.kind == FaultKind::swap) swap(exchange, response);
        earlier_answers_.keep(faults_.generation(), exchange, std::move(own));
    }
    return response;
}

Response Service::answer(Exchange& exchange) {
    Answered<Response> done = exchange.refusal
                                  ? Answered<Response>(std::unexpected(*exchange.refusal))
                                  : execute(exchange);
    Response response;
    if (done) {
        response = std::move(*done);
    } else {
        Refusal& refusal = done.error();
        if (!profile_.messages) refusal.message.clear();
        // 304 and answers to HEAD have no body.
        const bool muted = exchange.fault && !exchange.fault->has_body;
        const bool bare = muted || exchange.request.method == "HEAD" || refusal.status == 304;
        response = xml_response(
            bare ? std::string() : error_xml(refusal, exchange.request.path, exchange.request_id),
            refusal.status);
        if (bare) response.headers.clear();
        for (const auto& [name, value] : refusal.headers) response.add(name, value);
        response.close = refusal.close;
    }
    if (profile_.closes_connections && exchange.operation != Operation::Control)
        response.close = true;
    exchange.writing.reset();
    tell_watch(exchange, WatchedRequest::Moment::executed, response.status);
    return response;
}

Answered<Response> Service::execute(Exchange& exchange) {
    if (auto ok = check_body(exchange); !ok) return std::unexpected(std::move(ok.error()));
    exchange.stored = exchange.writer->finish();
    switch (exchange.operation) {
        case Operation::ListBuckets: return list_buckets(exchange);
        case Operation::CreateBucket: return create_bucket(exchange);
        case Operation::HeadBucket: {
            Response response;
            response.add("x-amz-bucket-region", region_of(exchange.request.bucket));
            return response;
        }
        case Operation::DeleteBucket: return delete_bucket(exchange);
        case Operation::GetBucketLocation: return bucket_location(exchange);
        case Operation::ListObjectsV2: return list_objects(exchange);
        case Operation::ListMultipartUploads: return list_uploads(exchange);
        case Operation::ListObjectVersions: return list_versions(exchange);
        case Operation::PutBucketVersioning: return put_versioning(exchange);
        case Operation::GetBucketVersioning: return get_versioning(exchange);
        case Operation::DeleteObjects: return delete_objects(exchange);
        case Operation::PutObject: return put_object(exchange);
        case Operation::CopyObject: return copy_object(exchange);
        case Operation::GetObject:
        case Operation::HeadObject: return get_object(exchange);
        case Operation::DeleteObject: return delete_object(exchange);
        case Operation::GetObjectTagging: return get_tagging(exchange);
        case Operation::RestoreObject: return restore_object(exchange);
        case Operation::CreateMultipartUpload: return create_upload(exchange);
        case Operation::UploadPart: return upload_part(exchange);
        case Operation::UploadPartCopy: return upload_part_copy(exchange);
        case Operation::ListParts: return list_parts(exchange);
        case Operation::CompleteMultipartUpload: return complete_upload(exchange);
        case Operation::AbortMultipartUpload: return abort_upload(exchange);
        case Operation::Control: return control(exchange);
        case Operation::Unknown: break;
    }
    return refuse("NotImplemented");
}

}  // namespace s3sim
