// PutObject, GetObject, HeadObject, DeleteObject, GetObjectTagging.
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "s3sim/archive.h"
#include "s3sim/encryption.h"
#include "s3sim/gunzip.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/range.h"
#include "s3sim/versions.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

// What the request asks for: a part, a range, or everything (then `partial` stays false).
struct Wanted {
    ByteRange range;
    bool partial = false;
};

Answered<Wanted> wanted_bytes(const Request& request, const Object& object, Response& response,
                              PartReads part_reads) {
    Wanted wanted{{0, object.size}, false};
    if (const std::string* text = request.parameter("partNumber");
        text != nullptr && part_reads != PartReads::ignored) {
        if (part_reads == PartReads::refused) return refuse("MethodNotAllowed");
        const auto number = parse_number(*text);
        const std::uint64_t parts = std::max<std::uint64_t>(object.part_sizes.size(), 1);
        if (!number || *number == 0)
            return refuse(400, "InvalidArgument", "partNumber must be positive");
        if (*number > parts) {
            return refuse(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
        }
        if (!object.part_sizes.empty()) {
            for (std::uint64_t i = 0; i + 1 < *number; ++i)
                wanted.range.offset += object.part_sizes[i];
            wanted.range.length = object.part_sizes[*number - 1];
            response.add("x-amz-mp-parts-count", std::to_string(parts));
        }
        wanted.partial = true;
        return wanted;
    }
    switch (parse_range(request.header("range"), object.size, wanted.range)) {
        case RangeKind::none: break;
        case RangeKind::partial: wanted.partial = true; break;
        case RangeKind::unsatisfiable:
            return refuse("InvalidRange", {{"RangeRequested", std::string(request.header("range"))},
                                           {"ActualObjectSize", std::to_string(object.size)}});
    }
    return wanted;
}

}  // namespace

Answered<Response> Service::put_object(Exchange& exchange) {
    const Request& request = exchange.request;
    auto object = object_from_headers(request);
    if (!object) return std::unexpected(object.error());
    const auto condition = put_condition(request);
    if (!condition) return std::unexpected(condition.error());
    if (auto ok = check_write(exchange); !ok) return std::unexpected(ok.error());
    object->size = exchange.received;
    object->crc32 = exchange.crc32;
    object->etag = has_opaque_etag(*object) ? opaque_etag()
                   : exchange.received <= kMd5EtagMax
                       ? base::hex(base::as_bytes(exchange.md5_raw))
                       : derived_etag(exchange.crc32, exchange.received);
    if (!exchange.promised_etag.empty()) object->etag = exchange.promised_etag;
    object->last_modified = now();
    object->body = exchange.stored.body;
    object->file = exchange.stored.file;
    if (request.has_header("x-amz-checksum-crc32")) {
        object->checksum = {"CRC32", "FULL_OBJECT",
                            std::string(request.header("x-amz-checksum-crc32"))};
    } else if (request.has_header("x-amz-checksum-sha256")) {
        object->checksum = {"SHA256", "FULL_OBJECT",
                            std::string(request.header("x-amz-checksum-sha256"))};
    }
    Response response;
    response.add("ETag", "\"" + object->etag + "\"");
    if (!object->checksum.value.empty()) {
        response.add(object->checksum.algorithm == "CRC32" ? "x-amz-checksum-crc32"
                                                           : "x-amz-checksum-sha256",
                     object->checksum.value);
        response.add("x-amz-checksum-type", object->checksum.type);
    }
    add_stored_headers(response, *object, "x-amz-server-side-encryption");
    const auto version = exchange.bucket->put(request.key, std::move(*object), *condition);
    if (!version) return std::unexpected(version.error());
    if (!version->empty()) response.add("x-amz-version-id", *version);
    return response;
}

Answered<Response> Service::get_object(Exchange& exchange) {
    const Request& request = exchange.request;
    const bool head = exchange.operation == Operation::HeadObject;
    const auto object = find_object(*exchange.bucket, request);
    if (!object) return std::unexpected(object.error());
    if (auto ok = check_object_key(request, **object); !ok) return std::unexpected(ok.error());
    if (auto ok = check_read_conditions(request, **object, false); !ok)
        return std::unexpected(ok.error());
    const auto readable = check_readable(
        **object, now(), "The operation is not valid for the object's storage class");
    if (!head && !readable) return std::unexpected(readable.error());
    if (!head && !(*object)->body) {
        return refuse(501, "NotImplemented",
                      "This bucket is a sink: it checked the bytes and forgot them.");
    }
    Response response;
    const auto wanted = wanted_bytes(request, **object, response, profile_.part_reads);
    if (!wanted) return std::unexpected(wanted.error());
    const ByteRange range = wanted->range;
    if (wanted->partial) {
        response.status = 206;
        response.add("Content-Range",
                     range.length == 0
                         ? fmt::format("bytes */{}", (*object)->size)
                         : fmt::format("bytes {}-{}/{}", range.offset,
                                       range.offset + range.length - 1, (*object)->size));
    }
    const bool checksum =
        request.header("x-amz-checksum-mode") == "ENABLED" && range.length == (*object)->size;
    add_object_headers(response, **object, checksum);
    add_version_header(response, *exchange.bucket, **object);
    add_archive_headers(response, **object, now());
    for (const auto& [name, value] : request.query) {  // response-content-type=... and friends
        if (!name.starts_with("response-")) continue;
        const std::string header = name.substr(9);
        if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < ' '; }))
            return refuse(400, "InvalidArgument", name + " cannot be a header");
        std::erase_if(response.headers, [&](const auto& item) {
            return std::ranges::equal(item.first, header,
                                      [](char a, char b) { return (a | 32) == (b | 32); });
        });
        response.add(header, value);
    }
    if (profile_.gunzips && is_served_decoded(request, **object)) {
        if (auto decoded = decoded_response(response, **object, head)) return std::move(*decoded);
    }
    if (head) {
        response.head_length = range.length;
        return response;
    }
    response.body = (*object)->body;
    response.offset = range.offset;
    response.length = range.length;
    return response;
}

Answered<Response> Service::delete_object(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto removed =
        exchange.bucket->remove(request.key, request.parameter_or("versionId", ""), now());
    if (!removed) return std::unexpected(removed.error());
    Response response;
    response.status = 204;
    if (removed->delete_marker) response.add("x-amz-delete-marker", "true");
    if (!removed->version_id.empty()) response.add("x-amz-version-id", removed->version_id);
    return response;
}

Answered<Response> Service::get_tagging(Exchange& exchange) {
    const auto object = find_object(*exchange.bucket, exchange.request, true);
    if (!object) return std::unexpected(object.error());
    XmlWriter xml;
    xml.root("Tagging").open("TagSet");
    std::string_view rest = (*object)->tagging;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const std::string_view tag = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = std::min(tag.find('='), tag.size());
        xml.open("Tag")
            .text("Key", base::percent_decode(tag.substr(0, equals), true).value_or(""))
            .text("Value", base::percent_decode(tag.substr(std::min(equals + 1, tag.size())), true)
                               .value_or(""))
            .close("Tag");
    }
    Response response = xml_response(xml.close("TagSet").close("Tagging").finish());
    add_version_header(response, *exchange.bucket, **object);
    return response;
}

}  // namespace s3sim
