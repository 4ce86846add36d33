// CopyObject: one object from another, of at most 5 GiB, in one request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "s3sim/copy_source.h"
#include "s3sim/encryption.h"
#include "s3sim/operations.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

// True for REPLACE, false for COPY, which is the default.
Answered<bool> replaces(const Request& request, std::string_view name) {
    const std::string_view directive = request.header(name);
    if (directive.empty() || directive == "COPY") return false;
    if (directive == "REPLACE") return true;
    return refuse(400, "InvalidArgument", fmt::format("Unknown {}.", name.substr(6)),
                  {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(directive)}});
}

void take_metadata(Object& object, const Object& source) {
    object.content_type = source.content_type;
    HeaderList encryption = std::move(object.headers);
    std::erase_if(encryption, [](const auto& header) {
        return !header.first.starts_with("x-amz-server-side-encryption");
    });
    object.headers.clear();
    std::ranges::copy_if(source.headers, std::back_inserter(object.headers), [](const auto& item) {
        return !item.first.starts_with("x-amz-server-side-encryption");
    });
    std::ranges::move(encryption, std::back_inserter(object.headers));
}

// The algorithm of the copy's checksum: the one asked for, else the source's.
Answered<std::string> copy_algorithm(const Request& request, const Object& source) {
    const std::string_view asked = request.header("x-amz-checksum-algorithm");
    if (asked.empty()) return source.checksum.algorithm;
    if (asked == "CRC32" || asked == "SHA256") return std::string(asked);
    return refuse(501, "NotImplemented", "The simulator knows the checksums CRC32 and SHA256.",
                  {{"Header", "x-amz-checksum-algorithm"}});
}

}  // namespace

Answered<Response> Service::copy_object(Exchange& exchange) {
    const Request& request = exchange.request;
    if (!exchange.bucket->writable())
        return refuse(405, "MethodNotAllowed", "A synthetic bucket is read-only.");
    if (request.has_header("x-amz-copy-source-range")) {
        return refuse(400, "InvalidArgument",
                      "x-amz-copy-source-range is a header of UploadPartCopy.");
    }
    const auto new_metadata = replaces(request, "x-amz-metadata-directive");
    if (!new_metadata) return std::unexpected(new_metadata.error());
    const auto new_tags = replaces(request, "x-amz-tagging-directive");
    if (!new_tags) return std::unexpected(new_tags.error());
    const auto condition = put_condition(request);
    if (!condition) return std::unexpected(condition.error());
    const auto source = copy_source(store_, request, now(), profile_);
    if (!source) return std::unexpected(source.error());
    auto object = object_from_headers(request);
    if (!object) return std::unexpected(object.error());
    const auto algorithm = copy_algorithm(request, *source->object);
    if (!algorithm) return std::unexpected(algorithm.error());
    const bool onto_itself = exchange.bucket->find(request.key) == source->object;
    if (onto_itself && !*new_metadata && object->storage_class == source->object->storage_class &&
        !request.has_header("x-amz-server-side-encryption")) {
        return refuse(400, "InvalidRequest",
                      "This copy request is illegal because it is trying to copy an object to "
                      "itself without changing the object's metadata, storage class, website "
                      "redirect location or encryption attributes.");
    }
    if (auto ok = check_write(exchange); !ok) return std::unexpected(ok.error());
    if (!*new_metadata) take_metadata(*object, *source->object);
    if (!*new_tags) object->tagging = source->object->tagging;
    auto copied = copy_bytes(*source, *exchange.bucket, *algorithm == "SHA256");
    if (!copied) return std::unexpected(copied.error());
    object->size = source->range.length;
    object->crc32 = copied->crc32;
    object->etag = has_opaque_etag(*object)      ? opaque_etag()
                   : object->size <= kMd5EtagMax ? base::hex(base::as_bytes(copied->md5_raw))
                                                 : derived_etag(copied->crc32, object->size);
    object->last_modified = now();
    object->body = copied->stored.body;
    object->file = copied->stored.file;
    if (!algorithm->empty()) {
        object->checksum = {*algorithm, "FULL_OBJECT",
                            *algorithm == "CRC32"
                                ? base::crc32_base64(copied->crc32)
                                : base::base64(base::as_bytes(copied->sha256_raw))};
    }
    XmlWriter xml;
    xml.root("CopyObjectResult").text("LastModified", base::format_rfc3339(object->last_modified));
    xml.text("ETag", "\"" + object->etag + "\"");
    if (!algorithm->empty() && profile_.copy_checksum == CopyChecksum::returned) {
        xml.text("Checksum" + *algorithm, object->checksum.value)
            .text("ChecksumType", object->checksum.type);
    }
    Response response = xml_response(xml.close("CopyObjectResult").finish());
    add_stored_headers(response, *object, "x-amz-server-side-encryption");
    add_version_header(response, *source->bucket, *source->object, "x-amz-copy-source-version-id");
    const auto version = exchange.bucket->put(request.key, std::move(*object), *condition);
    if (!version) return std::unexpected(version.error());
    if (!version->empty()) response.add("x-amz-version-id", *version);
    return response;
}

}  // namespace s3sim
