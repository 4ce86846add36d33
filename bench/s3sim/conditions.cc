// What several operations share: conditional requests, and an object's headers in and out.
#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "s3sim/archive.h"
#include "s3sim/claim.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

bool any_etag_matches(std::string_view list, std::string_view etag) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        if (item == "*" || unquote(item) == etag) return true;
    }
    return false;
}

constexpr std::array<std::string_view, 6> kStorageClasses = {
    "STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA",
    "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"};
constexpr std::array<std::string_view, 4> kEchoed = {"cache-control", "content-disposition",
                                                     "content-language", "expires"};

// The encodings without aws-chunked, which belongs to the request.
std::string stored_encoding(std::string_view value) {
    if (value.find("aws-chunked") == std::string_view::npos) return std::string(value);
    std::string kept;
    for (const std::string_view piece : split(value, ',')) {
        const std::string_view encoding = trim(piece);
        if (encoding == "aws-chunked" || encoding.empty()) continue;
        kept.append(kept.empty() ? "" : ",").append(encoding);
    }
    return kept;
}

}  // namespace

Answered<void> check_read_conditions(const Request& request, const Object& object,
                                     bool copy_source) {
    const std::string prefix = copy_source ? "x-amz-copy-source-" : "";
    const std::string names[4] = {prefix + "if-match", prefix + "if-none-match",
                                  prefix + "if-unmodified-since", prefix + "if-modified-since"};
    const auto failed = [&](std::string_view condition) {
        return refuse("PreconditionFailed",
                      {{"Condition",
                        fmt::format("{}{}", copy_source ? "x-amz-copy-source-" : "", condition)}});
    };
    const auto not_modified = [&]() -> Answered<void> {
        if (copy_source) return failed("If-None-Match");
        Refusal refusal{304, "NotModified", "", {}};
        refusal.headers = {{"ETag", "\"" + object.etag + "\""}};
        return std::unexpected(std::move(refusal));
    };
    // RFC 9110, 13.2.2: the dates count only where the ETag condition is absent. Dates have a
    // resolution of seconds.
    const auto modified = std::chrono::floor<std::chrono::seconds>(object.last_modified);
    if (request.has_header(names[0])) {
        if (!any_etag_matches(request.header(names[0]), object.etag)) return failed("If-Match");
    } else if (request.has_header(names[2])) {
        const auto date = base::parse_http_date(request.header(names[2]));
        if (date && modified > *date) return failed("If-Unmodified-Since");
    }
    if (request.has_header(names[1])) {
        if (any_etag_matches(request.header(names[1]), object.etag)) return not_modified();
    } else if (request.has_header(names[3])) {
        const auto date = base::parse_http_date(request.header(names[3]));
        if (date && modified <= *date) return not_modified();
    }
    return {};
}

Answered<PutCondition> put_condition(const Request& request) {
    PutCondition condition;
    const bool match = request.has_header("if-match");
    const bool none_match = request.has_header("if-none-match");
    if ((match && none_match) || (none_match && request.header("if-none-match") != "*")) {
        return refuse("NotImplemented", {{"Header", "If-None-Match"}});
    }
    if (match) condition.if_match = unquote(request.header("if-match"));
    condition.if_none_match = none_match;
    return condition;
}

Answered<Object> object_from_headers(const Request& request) {
    Object object;
    if (request.has_header("content-type")) object.content_type = request.header("content-type");
    if (request.has_header("x-amz-storage-class")) {
        object.storage_class = request.header("x-amz-storage-class");
        if (!contains(kStorageClasses, object.storage_class) &&
            !is_archive_class(object.storage_class)) {
            return refuse(400, "InvalidStorageClass",
                          "The storage class you specified is not valid");
        }
    }
    object.tagging = request.header("x-amz-tagging");
    std::uint64_t metadata_size = 0;
    for (const auto& [name, value] : request.headers) {
        const bool metadata = name.starts_with("x-amz-meta-");
        if (metadata) metadata_size += name.size() - 11 + value.size();
        if (name == "content-encoding") {
            if (std::string kept = stored_encoding(value); !kept.empty())
                object.headers.emplace_back(name, std::move(kept));
        } else if (metadata || contains(kEchoed, name)) {
            object.headers.emplace_back(name, value);
        }
    }
    auto encryption = chosen_encryption(request);
    if (!encryption) return std::unexpected(encryption.error());
    std::ranges::move(*encryption, std::back_inserter(object.headers));
    if (metadata_size > 2048) {
        return refuse(400, "MetadataTooLarge",
                      "Your metadata headers exceed the maximum allowed metadata size",
                      {{"Size", std::to_string(metadata_size)}, {"MaxSizeAllowed", "2048"}});
    }
    return object;
}

void add_stored_headers(Response& response, const Object& object, std::string_view prefix) {
    for (const auto& [name, value] : object.headers) {
        if (name.starts_with(prefix)) response.add(name, value);
    }
}

void add_object_headers(Response& response, const Object& object, bool with_checksum) {
    response.add("Last-Modified", format_http_date(object.last_modified));
    response.add("ETag", "\"" + object.etag + "\"");
    response.add("Accept-Ranges", "bytes");
    response.add("Content-Type", object.content_type);
    add_stored_headers(response, object, "");
    if (object.storage_class != "STANDARD")
        response.add("x-amz-storage-class", object.storage_class);
    if (!object.tagging.empty()) {
        response.add("x-amz-tagging-count",
                     std::to_string(std::ranges::count(object.tagging, '&') + 1));
    }
    if (with_checksum && !object.checksum.value.empty()) {
        response.add(
            object.checksum.algorithm == "CRC32" ? "x-amz-checksum-crc32" : "x-amz-checksum-sha256",
            object.checksum.value);
        response.add("x-amz-checksum-type", object.checksum.type);
    }
}

}  // namespace s3sim
