// ListObjectsV2, ListMultipartUploads, ListParts: pages of 1,000 at most.
#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "s3sim/archive.h"
#include "s3sim/listing.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

// Opaque to clients; checked when it comes back. It holds where the next page starts: "k" after a
// key, "p" after everything under a common prefix.
constexpr std::string_view kTokenSalt = "s3sim-continuation";
std::string seal_token(std::string_view position) {
    const std::string check =
        hex(sha256(std::string(kTokenSalt) + std::string(position))).substr(0, 8);
    return base::base64(base::as_bytes(check + std::string(position)));
}
std::optional<std::string> open_token(std::string_view token) {
    const auto text = base::base64_decode(token);
    if (!text || text->size() < 9) return std::nullopt;
    std::string position = text->substr(8);
    if (seal_token(position) != token) return std::nullopt;
    return position;
}

// x-amz-optional-object-attributes has one value that means something.
Answered<bool> wants_restore_status(const Request& request) {
    const std::string_view wanted = request.header("x-amz-optional-object-attributes");
    if (wanted.empty() || wanted == "RestoreStatus") return !wanted.empty();
    return refuse(400, "InvalidArgument", "Invalid attribute name specified",
                  {{"ArgumentName", "x-amz-optional-object-attributes"},
                   {"ArgumentValue", std::string(wanted)}});
}

void add_restore_status(XmlWriter& xml, const Entry& entry, base::UtcTime now) {
    const auto& restore = entry.restore;
    const bool ongoing = restore && now < restore->ready;
    const bool restored = restore && !ongoing && now < restore->expires;
    if (!ongoing && !(restored && is_archive_class(entry.storage_class))) return;
    xml.open("RestoreStatus").flag("IsRestoreInProgress", ongoing);
    if (!ongoing) xml.text("RestoreExpiryDate", base::format_rfc3339(restore->expires));
    xml.close("RestoreStatus");
}

struct Listing {
    std::vector<Entry> contents;
    std::vector<std::string> prefixes;
    bool truncated = false;
    std::string next;  // position, see seal_token
};

Listing make_page(Bucket& bucket, const std::string& prefix, const std::string& delimiter,
                  std::string position, std::uint64_t max) {
    Listing page;
    std::string from = prefix;
    bool inclusive = true;
    if (!position.empty()) {
        const bool whole_prefix = position[0] == 'p';
        std::string start = whole_prefix ? after_prefix(position.substr(1)) : position.substr(1);
        if (whole_prefix && start.empty()) return page;
        if (start >= from) {
            from = std::move(start);
            inclusive = whole_prefix;
        }
    }
    Entry entry;
    std::string last = std::move(position);
    while (bucket.next(from, inclusive, entry) && entry.key.starts_with(prefix)) {
        if (page.contents.size() + page.prefixes.size() == max) {
            page.truncated = max > 0;
            page.next = last;
            return page;
        }
        const auto cut =
            delimiter.empty() ? std::string::npos : entry.key.find(delimiter, prefix.size());
        if (cut != std::string::npos) {
            page.prefixes.push_back(entry.key.substr(0, cut + delimiter.size()));
            last = "p" + page.prefixes.back();
            from = after_prefix(page.prefixes.back());
            inclusive = true;
            if (from.empty()) return page;
            continue;
        }
        last = "k" + entry.key;
        from = entry.key;
        inclusive = false;
        page.contents.push_back(std::move(entry));
    }
    return page;
}

}  // namespace

Answered<Response> Service::list_objects(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto max = page_size(request, "max-keys");
    if (!max) return std::unexpected(max.error());
    const auto encoder = key_encoder(request);
    if (!encoder) return std::unexpected(encoder.error());
    const KeyEncoder& encode = *encoder;
    const auto restores = wants_restore_status(request);
    if (!restores) return std::unexpected(restores.error());
    const std::string prefix = request.parameter_or("prefix", "");
    const std::string delimiter = request.parameter_or("delimiter", "");
    std::string position;
    if (const std::string* after = request.parameter("start-after");
        after != nullptr && !after->empty()) {
        position = "k" + *after;
    }
    const std::string* token = request.parameter("continuation-token");
    if (token != nullptr) {
        const auto opened = open_token(*token);
        if (!opened) {
            return refuse(400, "InvalidArgument", "The continuation token provided is incorrect",
                          {{"ArgumentName", "continuation-token"}});
        }
        position = *opened;
    } else {
        exchange.bucket->begin_listing();
    }
    const Listing page = make_page(*exchange.bucket, prefix, delimiter, position, *max);

    XmlWriter xml;
    xml.root("ListBucketResult").text("Name", request.bucket).text("Prefix", encode(prefix));
    if (!delimiter.empty()) xml.text("Delimiter", encode(delimiter));
    if (request.parameter("start-after") != nullptr)
        xml.text("StartAfter", encode(*request.parameter("start-after")));
    if (encode.url) xml.text("EncodingType", "url");
    if (token != nullptr) xml.text("ContinuationToken", *token);
    if (page.truncated) xml.text("NextContinuationToken", seal_token(page.next));
    xml.number("KeyCount", page.contents.size() + page.prefixes.size()).number("MaxKeys", *max);
    xml.flag("IsTruncated", page.truncated);
    base::UtcTime last_time{};  // neighbours often share theirs
    std::string last_text = base::format_rfc3339(last_time);
    const bool owner = request.parameter_or("fetch-owner", "") == "true";
    const base::UtcTime time = now();
    for (const Entry& entry : page.contents) {
        if (entry.last_modified != last_time) {
            last_time = entry.last_modified;
            last_text = base::format_rfc3339(last_time);
        }
        xml.open("Contents").text("Key", encode(entry.key)).text("LastModified", last_text);
        xml.text("ETag", "\"" + entry.etag + "\"");
        if (!entry.checksum_algorithm.empty()) {
            xml.text("ChecksumAlgorithm", entry.checksum_algorithm)
                .text("ChecksumType", entry.checksum_type);
        }
        xml.number("Size", entry.size);
        if (owner) xml.open("Owner").text("ID", "s3sim").close("Owner");
        xml.text("StorageClass", entry.storage_class);
        if (*restores) add_restore_status(xml, entry, time);
        xml.close("Contents");
    }
    for (const std::string& common : page.prefixes) {
        xml.open("CommonPrefixes").text("Prefix", encode(common)).close("CommonPrefixes");
    }
    return xml_response(xml.close("ListBucketResult").finish());
}

Answered<Response> Service::list_uploads(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto max = page_size(request, "max-uploads");
    if (!max) return std::unexpected(max.error());
    const auto encoder = key_encoder(request);
    if (!encoder) return std::unexpected(encoder.error());
    const KeyEncoder& encode = *encoder;
    const std::string prefix = request.parameter_or("prefix", "");
    const std::string key_marker = request.parameter_or("key-marker", "");
    const std::string id_marker = request.parameter_or("upload-id-marker", "");
    std::vector<UploadRef> page;
    bool truncated = false;
    for (const UploadRef& upload : store_.uploads(request.bucket)) {
        if (!upload->key.starts_with(prefix) || upload->key < key_marker) continue;
        if (profile_.uploads_by_whole_key && upload->key != prefix) continue;
        if (upload->key == key_marker && (id_marker.empty() || upload->id <= id_marker)) continue;
        truncated = page.size() >= *max;
        if (truncated) break;
        page.insert(page.end(), profile_.uploads_listed, upload);
    }
    XmlWriter xml;
    xml.root("ListMultipartUploadsResult").text("Bucket", request.bucket);
    xml.text("KeyMarker", encode(key_marker))
        .text("UploadIdMarker", id_marker)
        .text("Prefix", encode(prefix));
    if (encode.url) xml.text("EncodingType", "url");
    if (truncated && !page.empty()) {
        xml.text("NextKeyMarker", encode(page.back()->key))
            .text("NextUploadIdMarker", page.back()->id);
    }
    xml.number("MaxUploads", *max).flag("IsTruncated", truncated && !page.empty());
    for (const UploadRef& upload : page) {
        xml.open("Upload").text("Key", encode(upload->key)).text("UploadId", upload->id);
        xml.open("Initiator").text("ID", upload->initiator).close("Initiator");
        xml.text("StorageClass", upload->target.storage_class);
        xml.text("Initiated",
                 base::format_rfc3339(std::chrono::floor<std::chrono::seconds>(upload->initiated)));
        if (!upload->algorithm.empty()) {
            xml.text("ChecksumAlgorithm", upload->algorithm)
                .text("ChecksumType", upload->checksum_type);
        }
        xml.close("Upload");
    }
    return xml_response(xml.close("ListMultipartUploadsResult").finish());
}

Answered<Response> Service::list_parts(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto max = page_size(request, "max-parts");
    if (!max) return std::unexpected(max.error());
    const auto marker = parse_number(request.parameter_or("part-number-marker", "0"));
    if (!marker) return refuse(400, "InvalidArgument", "part-number-marker must be a number");
    Upload& upload = *exchange.upload;
    XmlWriter xml;
    xml.root("ListPartsResult").text("Bucket", upload.bucket_name).text("Key", upload.key);
    xml.text("UploadId", upload.id).text("StorageClass", upload.target.storage_class);
    xml.number("PartNumberMarker", *marker);
    const std::scoped_lock lock(upload.mutex);
    if (upload.closed) return refuse("NoSuchUpload", {{"UploadId", upload.id}});
    std::uint64_t shown = 0;
    std::uint64_t last = *marker;
    XmlWriter lines;
    lines.finish();  // takes the declaration off; what follows is a fragment
    bool truncated = false;
    for (auto at = upload.parts.upper_bound(
             static_cast<int>(std::min<std::uint64_t>(*marker, INT32_MAX)));
         at != upload.parts.end(); ++at) {
        truncated = shown == *max;
        if (truncated) break;
        const auto& [number, part] = *at;
        lines.open("Part").number("PartNumber", static_cast<std::uint64_t>(number));
        lines.text("LastModified", base::format_rfc3339(part.last_modified))
            .text("ETag", "\"" + part.etag + "\"");
        lines.number("Size", part.size);
        if (!upload.algorithm.empty()) lines.text("Checksum" + upload.algorithm, part.checksum);
        lines.close("Part");
        last = static_cast<std::uint64_t>(number);
        ++shown;
    }
    xml.number("NextPartNumberMarker", last)
        .number("MaxParts", *max)
        .flag("IsTruncated", truncated);
    if (!upload.algorithm.empty()) {
        xml.text("ChecksumAlgorithm", upload.algorithm).text("ChecksumType", upload.checksum_type);
    }
    return xml_response(xml.finish() + lines.finish() + "</ListPartsResult>");
}

}  // namespace s3sim
