// CreateMultipartUpload, UploadPart, UploadPartCopy, AbortMultipartUpload.
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "base/random.h"
#include "s3sim/claim.h"
#include "s3sim/copy_source.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kPartNumberMax = 10'000;

std::string make_upload_id() {
    thread_local base::Random random = base::Random::from_system();
    return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

Answered<void> take_checksum_choice(const Request& request, Upload& upload,
                                    const Profile& profile) {
    upload.algorithm = request.header("x-amz-checksum-algorithm");
    upload.checksum_type = request.header("x-amz-checksum-type");
    if (upload.algorithm.empty()) {
        if (upload.checksum_type.empty()) return {};
        return refuse(400, "InvalidRequest",
                      "The x-amz-checksum-type header can only be used with the "
                      "x-amz-checksum-algorithm header.");
    }
    if (upload.algorithm != "CRC32" && upload.algorithm != "SHA256") {
        return refuse(501, "NotImplemented", "The simulator knows the checksums CRC32 and SHA256.",
                      {{"Header", "x-amz-checksum-algorithm"}});
    }
    if (upload.checksum_type.empty()) upload.checksum_type = "COMPOSITE";
    if ((upload.checksum_type != "COMPOSITE" && upload.checksum_type != "FULL_OBJECT") ||
        (upload.algorithm == "SHA256" && upload.checksum_type == "FULL_OBJECT") ||
        (profile.full_object == FullObject::refused && upload.checksum_type == "FULL_OBJECT")) {
        return refuse(
            400, "InvalidRequest",
            fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.",
                        upload.checksum_type, upload.algorithm));
    }
    if (profile.full_object == FullObject::becomes_composite) upload.checksum_type = "COMPOSITE";
    return {};
}

Answered<int> part_number(const Request& request) {
    const std::string text = request.parameter_or("partNumber", "");
    const auto number = parse_number(text);
    if (!number || *number < 1 || *number > kPartNumberMax) {
        return refuse(400, "InvalidArgument",
                      "Part number must be an integer between 1 and 10000, inclusive",
                      {{"ArgumentName", "partNumber"}, {"ArgumentValue", text}});
    }
    return static_cast<int>(*number);
}

Answered<void> store_part(Upload& upload, int number, Part part) {
    const std::scoped_lock lock(upload.mutex);
    if (upload.closed) return refuse("NoSuchUpload", {{"UploadId", upload.id}});
    upload.parts.insert_or_assign(number, std::move(part));
    return {};
}

}  // namespace

Answered<Response> Service::create_upload(Exchange& exchange) {
    const Request& request = exchange.request;
    if (!exchange.bucket->writable())
        return refuse(405, "MethodNotAllowed", "A synthetic bucket is read-only.");
    auto upload = std::make_shared<Upload>();
    if (auto ok = take_checksum_choice(request, *upload, profile_); !ok)
        return std::unexpected(ok.error());
    auto target = object_from_headers(request);
    if (!target) return std::unexpected(target.error());
    upload->id = make_upload_id();
    upload->bucket_name = request.bucket;
    upload->key = request.key;
    upload->bucket = exchange.bucket;
    upload->target = std::move(*target);
    upload->initiated = now();
    if (auto claim = claim_of_header(request, request.header("authorization")))
        upload->initiator = std::move(claim->access_key);
    const ObjectRef existing = exchange.bucket->find(request.key);
    upload->generation_at_create = existing ? existing->generation : 0;
    store_.add_upload(upload);
    exchange.upload = upload;

    XmlWriter xml;
    xml.root("InitiateMultipartUploadResult")
        .text("Bucket", request.bucket)
        .text("Key", request.key);
    Response response = xml_response(
        xml.text("UploadId", upload->id).close("InitiateMultipartUploadResult").finish());
    if (!upload->algorithm.empty()) {
        response.add("x-amz-checksum-algorithm", upload->algorithm);
        response.add("x-amz-checksum-type", upload->checksum_type);
    }
    add_stored_headers(response, upload->target, "x-amz-server-side-encryption");
    return response;
}

Answered<Response> Service::upload_part(Exchange& exchange) {
    const Request& request = exchange.request;
    Upload& upload = *exchange.upload;
    const auto number = part_number(request);
    if (!number) return std::unexpected(number.error());
    const bool crc = request.has_header("x-amz-checksum-crc32");
    const bool sha = request.has_header("x-amz-checksum-sha256");
    const std::string_view sent = crc ? "crc32" : sha ? "sha256" : "null";
    const bool missing =
        (upload.algorithm == "CRC32" && !crc) || (upload.algorithm == "SHA256" && !sha);
    if (missing && profile_.missing_checksum == MissingChecksum::invalid_argument) {
        return refuse(400, "InvalidArgument",
                      fmt::format("checksum missing, want \"{}\", got \"{}\"", upload.algorithm,
                                  crc || sha ? sent : ""));
    }
    if (missing && (crc || sha || profile_.missing_checksum == MissingChecksum::invalid_request)) {
        return refuse(400, "InvalidRequest",
                      fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, "
                                  "actual checksum Type: {}",
                                  upload.algorithm == "CRC32" ? "crc32" : "sha256", sent));
    }
    Part part;
    part.size = exchange.received;
    part.crc32 = exchange.crc32;
    part.etag = has_opaque_etag(upload.target) ? opaque_etag()
                : part.size <= kMd5EtagMax     ? base::hex(base::as_bytes(exchange.md5_raw))
                                               : derived_etag(part.crc32, part.size);
    if (!exchange.promised_etag.empty()) part.etag = exchange.promised_etag;
    part.last_modified = now();
    part.stored = std::move(exchange.stored);
    Response response;
    response.add("ETag", "\"" + part.etag + "\"");
    if (crc) response.add("x-amz-checksum-crc32", request.header("x-amz-checksum-crc32"));
    if (sha) response.add("x-amz-checksum-sha256", request.header("x-amz-checksum-sha256"));
    add_stored_headers(response, upload.target, "x-amz-server-side-encryption");
    if (upload.algorithm == "CRC32") part.checksum = base::crc32_base64(part.crc32);
    if (upload.algorithm == "SHA256")
        part.checksum = base::base64(base::as_bytes(exchange.sha256_raw));
    if (auto ok = store_part(upload, *number, std::move(part)); !ok)
        return std::unexpected(ok.error());
    return response;
}

Answered<Response> Service::upload_part_copy(Exchange& exchange) {
    Upload& upload = *exchange.upload;
    const auto number = part_number(exchange.request);
    if (!number) return std::unexpected(number.error());
    if (!upload.algorithm.empty() && profile_.copy_checksum == CopyChecksum::refused) {
        return refuse(400, "InvalidArgument",
                      fmt::format("checksum missing, want {}", upload.algorithm));
    }
    const auto source = copy_source(store_, exchange.request, now(), profile_);
    if (!source) return std::unexpected(source.error());
    auto copied = copy_bytes(*source, *upload.bucket, upload.algorithm == "SHA256");
    if (!copied) return std::unexpected(std::move(copied.error()));
    Part part;
    part.crc32 = copied->crc32;
    part.size = source->range.length;
    part.etag =
        has_opaque_etag(upload.target) ? opaque_etag() : derived_etag(part.crc32, part.size);
    part.last_modified = now();
    part.stored = std::move(copied->stored);
    if (upload.algorithm == "CRC32") part.checksum = base::crc32_base64(part.crc32);
    if (upload.algorithm == "SHA256")
        part.checksum = base::base64(base::as_bytes(copied->sha256_raw));
    XmlWriter xml;
    xml.root("CopyPartResult").text("LastModified", base::format_rfc3339(part.last_modified));
    xml.text("ETag", "\"" + part.etag + "\"");
    if (!upload.algorithm.empty() && profile_.copy_checksum == CopyChecksum::returned)
        xml.text("Checksum" + upload.algorithm, part.checksum);
    if (auto ok = store_part(upload, *number, std::move(part)); !ok)
        return std::unexpected(ok.error());
    Response response = xml_response(xml.close("CopyPartResult").finish());
    add_version_header(response, *source->bucket, *source->object, "x-amz-copy-source-version-id");
    return response;
}

Answered<Response> Service::abort_upload(Exchange& exchange) {
    Upload& upload = *exchange.upload;
    Response response;
    response.status = 204;
    const bool stays_open = exchange.fault && exchange.fault->kind == FaultKind::stays_open;
    {
        const std::scoped_lock lock(upload.mutex);
        if (upload.closed) return refuse("NoSuchUpload", {{"UploadId", upload.id}});
        if (stays_open) return response;
        upload.closed = true;
        upload.parts.clear();
    }
    store_.remove_upload(upload);
    return response;
}

}  // namespace s3sim
