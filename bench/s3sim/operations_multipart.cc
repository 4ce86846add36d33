// CreateMultipartUpload, UploadPart, UploadPartCopy, AbortMultipartUpload.
#include <fmt/format.h>
#include <algorithm>
#include <cstring>

#include "base/encoding.h"
#include "base/random.h"
#include "s3sim/archive.h"
#include "s3sim/claim.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/range.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kPartNumberMax = 10'000;

std::string make_upload_id() {
    thread_local base::Random random = base::Random::from_system();
    return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

Answered<void> take_checksum_choice(const Request& request, Upload& upload) {
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
        (upload.algorithm == "SHA256" && upload.checksum_type == "FULL_OBJECT")) {
        return refuse(
            400, "InvalidRequest",
            fmt::format("The {} checksum type cannot be used with the {} checksum algorithm.",
                        upload.checksum_type, upload.algorithm));
    }
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

struct CopySource {
    std::shared_ptr<Bucket> bucket;
    ObjectRef object;
    ByteRange range;
};

// The version that BUCKET/KEY?versionId=ID names; "" for none.
Answered<ObjectRef> find_source(Bucket& bucket, std::string_view key, std::string_view query) {
    constexpr std::string_view kName = "?versionId=";
    const bool named = query.starts_with(kName);
    if (!named && !query.empty())
        return refuse(400, "InvalidArgument", "A copy source takes only a versionId.");
    const auto version = base::percent_decode(named ? query.substr(kName.size()) : query);
    if (named) {
        if (auto ok = check_version_id(version.value_or(""), bucket); !ok)
            return std::unexpected(std::move(ok.error()));
    }
    ObjectRef object = bucket.find_version(key, *version);
    if (object && !object->delete_marker) return object;
    if (named && object) {
        return refuse(400, "InvalidRequest",
                      "The source of a copy request may not specifically refer to a delete marker "
                      "by version id.");
    }
    if (named && bucket.versioning() != Versioning::off) {
        return refuse("NoSuchVersion", {{"Key", std::string(key)}, {"VersionId", *version}});
    }
    Refusal refusal = known_refusal("NoSuchKey");
    refusal.extra = {{"Key", std::string(key)}};
    if (object) {
        refusal.headers = {{"x-amz-delete-marker", "true"},
                           {"x-amz-version-id", std::string(shown_version(*object))}};
    }
    return std::unexpected(std::move(refusal));
}

Answered<CopySource> copy_source(Store& store, const Request& request, base::UtcTime now) {
    std::string_view text = request.header("x-amz-copy-source");
    const auto question = std::min(text.find('?'), text.size());
    const auto decoded = base::percent_decode(text.substr(0, question));
    std::string path = decoded.value_or("");
    if (path.starts_with('/')) path.erase(0, 1);
    const auto slash = path.find('/');
    if (slash == std::string::npos || slash + 1 == path.size()) {
        return refuse(
            400, "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", std::string(text)}});
    }
    CopySource source;
    source.bucket = store.bucket(path.substr(0, slash));
    if (!source.bucket) return refuse("NoSuchBucket", {{"BucketName", path.substr(0, slash)}});
    auto object = find_source(*source.bucket, path.substr(slash + 1), text.substr(question));
    if (!object) return std::unexpected(std::move(object.error()));
    source.object = std::move(*object);
    if (auto ok = check_source_key(request, *source.object); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_read_conditions(request, *source.object, true); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_readable(*source.object, now,
                                 "Operation is not valid for the source object's storage class");
        !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    if (!source.object->body)
        return refuse(501, "NotImplemented", "A sink's bytes cannot be copied.");
    source.range = {0, source.object->size};
    const std::string_view range = request.header("x-amz-copy-source-range");
    if (!range.empty()) {
        if (!parse_copy_range(range, source.range)) {
            return refuse(400, "InvalidArgument",
                          "The x-amz-copy-source-range value must be of the form bytes=first-last "
                          "where first and last "
                          "are the zero-based offsets of the first and last bytes to copy",
                          {{"ArgumentName", "x-amz-copy-source-range"},
                           {"ArgumentValue", std::string(range)}});
        }
        if (source.range.offset + source.range.length > source.object->size) {
            return refuse(400, "InvalidArgument",
                          fmt::format("Range specified is not valid for source object of size: {}",
                                      source.object->size),
                          {{"ArgumentName", "x-amz-copy-source-range"},
                           {"ArgumentValue", std::string(range)}});
        }
    }
    if (source.range.length > kPutSizeMax) {
        return refuse(400, "InvalidRequest",
                      "The specified copy source is larger than the maximum allowable size for a "
                      "copy source: 5368709120");
    }
    return source;
}

}  // namespace

Answered<Response> Service::create_upload(Exchange& exchange) {
    const Request& request = exchange.request;
    if (!exchange.bucket->writable())
        return refuse(405, "MethodNotAllowed", "A synthetic bucket is read-only.");
    auto upload = std::make_shared<Upload>();
    if (auto ok = take_checksum_choice(request, *upload); !ok) return std::unexpected(ok.error());
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
    if ((upload.algorithm == "CRC32" && !crc) || (upload.algorithm == "SHA256" && !sha)) {
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
    if (upload.algorithm == "CRC32") part.checksum = request.header("x-amz-checksum-crc32");
    if (upload.algorithm == "SHA256") part.checksum = request.header("x-amz-checksum-sha256");
    if (auto ok = store_part(upload, *number, std::move(part)); !ok)
        return std::unexpected(ok.error());
    return response;
}

Answered<Response> Service::upload_part_copy(Exchange& exchange) {
    Upload& upload = *exchange.upload;
    const auto number = part_number(exchange.request);
    if (!number) return std::unexpected(number.error());
    const auto source = copy_source(store_, exchange.request, now());
    if (!source) return std::unexpected(source.error());
    auto writer = upload.bucket->make_writer(source->range.length);
    if (!writer) return std::unexpected(refusal_of(writer.error()));
    Digest sha(DigestKind::sha256);
    Part part;
    std::vector<std::byte> scratch(256 << 10);
    const auto copied =
        for_each_chunk(*source->object->body, source->range.offset, source->range.length,
                       [&](base::ByteView bytes) -> base::Status {
                           part.crc32 = crc32(part.crc32, bytes);
                           if (upload.algorithm == "SHA256") sha.update(bytes);
                           while (!bytes.empty()) {
                               const base::Bytes window = (*writer)->window(scratch);
                               const std::size_t n = std::min(window.size(), bytes.size());
                               std::memcpy(window.data(), bytes.data(), n);
                               if (auto ok = (*writer)->commit(window.first(n)); !ok) return ok;
                               bytes = bytes.subspan(n);
                           }
                           return {};
                       });
    if (!copied) return std::unexpected(refusal_of(copied.error()));
    part.size = source->range.length;
    part.etag =
        has_opaque_etag(upload.target) ? opaque_etag() : derived_etag(part.crc32, part.size);
    part.last_modified = now();
    part.stored = (*writer)->finish();
    if (upload.algorithm == "CRC32") part.checksum = base::crc32_base64(part.crc32);
    if (upload.algorithm == "SHA256") part.checksum = base::base64(base::as_bytes(sha.finish()));
    XmlWriter xml;
    xml.root("CopyPartResult").text("LastModified", base::format_rfc3339(part.last_modified));
    xml.text("ETag", "\"" + part.etag + "\"");
    if (!upload.algorithm.empty()) xml.text("Checksum" + upload.algorithm, part.checksum);
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
