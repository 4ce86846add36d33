// Which version a request reads; PutBucketVersioning, GetBucketVersioning, ListObjectVersions.
#include "s3sim/versions.h"

#include <algorithm>

#include "s3sim/listing.h"
#include "s3sim/operations.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

bool takes_version(Operation operation) {
    return operation == Operation::GetObject || operation == Operation::HeadObject ||
           operation == Operation::DeleteObject || operation == Operation::GetObjectTagging ||
           operation == Operation::RestoreObject;
}

Answered<void> bad_version(std::string_view version_id, std::string message) {
    return refuse(400, "InvalidArgument", std::move(message),
                  {{"ArgumentName", "versionId"}, {"ArgumentValue", std::string(version_id)}});
}

std::string_view status_text(Versioning versioning) {
    return versioning == Versioning::enabled ? "Enabled" : "Suspended";
}

// One line of a version listing: a version, or a common prefix (then there is no object).
struct Line {
    std::string key;
    ObjectRef object;
    bool newest = false;
};
struct Page {
    std::vector<Line> lines;
    bool truncated = false;
};
struct Position {  // after this the page starts
    std::string key, version_id;
};

// Where the versions of `key` go on after the marker; all of them if the marker is another key's.
std::size_t first_version(const std::vector<ObjectRef>& versions, const std::string& key,
                          const Position& after) {
    if (key != after.key || after.version_id.empty()) return 0;
    const auto at = std::ranges::find_if(versions, [&](const ObjectRef& object) {
        return shown_version(*object) == after.version_id;
    });
    if (at == versions.end()) return versions.size();
    return static_cast<std::size_t>(at - versions.begin()) + 1;
}

Page make_page(Bucket& bucket, const std::string& prefix, const std::string& delimiter,
               const Position& after, std::uint64_t max) {
    Page page;
    std::string from = std::max(prefix, after.key);
    // A key marker alone is behind all versions of that key.
    bool inclusive = from != after.key || !after.version_id.empty() || after.key.empty();
    const auto prefix_of = [&](const std::string& key) {
        const auto cut = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
        return cut == std::string::npos ? std::string() : key.substr(0, cut + delimiter.size());
    };
    std::string key;
    std::vector<ObjectRef> versions;
    while (bucket.next_history(from, inclusive, key, versions) && key.starts_with(prefix)) {
        const std::string common = prefix_of(key);
        inclusive = !common.empty();
        from = inclusive ? after_prefix(common) : key;
        std::vector<Line> lines;
        if (!inclusive) {
            for (auto i = first_version(versions, key, after); i < versions.size(); ++i)
                lines.push_back({key, versions[i], i == 0});
        } else if (!after.key.starts_with(common)) {  // else it was on an earlier page
            lines.push_back({common, nullptr, false});
        }
        for (Line& line : lines) {
            page.truncated = page.lines.size() == max;
            if (page.truncated) return page;
            page.lines.push_back(std::move(line));
        }
        if (from.empty()) return page;
    }
    return page;
}

void write_version(XmlWriter& xml, const Line& line, const KeyEncoder& encode) {
    const Object& object = *line.object;
    const std::string_view name = object.delete_marker ? "DeleteMarker" : "Version";
    xml.open(name).text("Key", encode(line.key)).text("VersionId", shown_version(object));
    xml.flag("IsLatest", line.newest);
    xml.text("LastModified", base::format_rfc3339(object.last_modified));
    if (!object.delete_marker) {
        xml.text("ETag", "\"" + object.etag + "\"").number("Size", object.size);
        xml.text("StorageClass", object.storage_class);
    }
    xml.close(name);
}

}  // namespace

Answered<void> check_version_id(std::string_view version_id, Bucket& bucket) {
    if (version_id == kNullVersion) return {};
    if (version_id.empty()) return bad_version({}, "Version id cannot be the empty string");
    const bool well_formed = version_id.size() == 32 && std::ranges::all_of(version_id, [](char c) {
                                 return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                        (c >= '0' && c <= '9') || c == '.' || c == '_';
                             });
    if (!well_formed || bucket.versioning() == Versioning::off)
        return bad_version(version_id, "Invalid version id specified");
    return {};
}

Answered<void> check_version_parameter(const Exchange& exchange) {
    const std::string* version = exchange.request.parameter("versionId");
    if (version == nullptr) return {};
    if (!takes_version(exchange.operation))
        return bad_version(*version, "This operation does not accept a version-id.");
    return check_version_id(*version, *exchange.bucket);
}

Answered<ObjectRef> find_object(Bucket& bucket, const Request& request, bool markers_refuse) {
    const std::string* version = request.parameter("versionId");
    ObjectRef found = bucket.find_version(request.key, version != nullptr ? *version : "");
    if (found && !found->delete_marker) return found;
    if (!found && version != nullptr && bucket.versioning() != Versioning::off)
        return refuse("NoSuchVersion", {{"Key", request.key}, {"VersionId", *version}});
    if (!found) return refuse("NoSuchKey", {{"Key", request.key}});
    Refusal refusal = known_refusal("NoSuchKey");
    if (version == nullptr && !markers_refuse) {
        refusal.extra = {{"Key", request.key}};
    } else {
        refusal = known_refusal("MethodNotAllowed");
        refusal.extra = {{"Method", std::string(request.method)}, {"ResourceType", "DeleteMarker"}};
        refusal.headers = {{"Allow", "DELETE"},
                           {"Last-Modified", format_http_date(found->last_modified)}};
    }
    refusal.headers.emplace_back("x-amz-delete-marker", "true");
    refusal.headers.emplace_back("x-amz-version-id", shown_version(*found));
    return std::unexpected(std::move(refusal));
}

void add_version_header(Response& response, Bucket& bucket, const Object& object,
                        std::string_view name) {
    if (bucket.versioning() != Versioning::off) response.add(name, shown_version(object));
}

Answered<Response> Service::put_versioning(Exchange& exchange) {
    const auto status = parse_versioning(document_of(exchange));
    if (!status) return std::unexpected(status.error());
    const auto set = exchange.bucket->set_versioning(*status == "Enabled" ? Versioning::enabled
                                                                          : Versioning::suspended);
    if (!set) return std::unexpected(set.error());
    return Response{};
}

Answered<Response> Service::get_versioning(Exchange& exchange) {
    const Versioning versioning = exchange.bucket->versioning();
    XmlWriter xml;
    xml.root("VersioningConfiguration");
    if (versioning != Versioning::off) xml.text("Status", status_text(versioning));
    return xml_response(xml.close("VersioningConfiguration").finish());
}

Answered<Response> Service::list_versions(Exchange& exchange) {
    const Request& request = exchange.request;
    const auto max = page_size(request, "max-keys");
    if (!max) return std::unexpected(max.error());
    const auto encoder = key_encoder(request);
    if (!encoder) return std::unexpected(encoder.error());
    const KeyEncoder& encode = *encoder;
    const std::string prefix = request.parameter_or("prefix", "");
    const std::string delimiter = request.parameter_or("delimiter", "");
    const Position after{request.parameter_or("key-marker", ""),
                         request.parameter_or("version-id-marker", "")};
    if (after.key.empty() && !after.version_id.empty()) {
        return refuse(400, "InvalidArgument",
                      "A version-id marker cannot be specified without a key marker.",
                      {{"ArgumentName", "version-id-marker"}, {"ArgumentValue", after.version_id}});
    }
    if (after.key.empty()) exchange.bucket->begin_listing();
    Page page;
    if (*max > 0) page = make_page(*exchange.bucket, prefix, delimiter, after, *max);

    XmlWriter xml;
    xml.root("ListVersionsResult").text("Name", request.bucket).text("Prefix", encode(prefix));
    xml.text("KeyMarker", encode(after.key)).text("VersionIdMarker", after.version_id);
    if (page.truncated) {
        const Line& last = page.lines.back();
        xml.text("NextKeyMarker", encode(last.key));
        if (last.object) xml.text("NextVersionIdMarker", shown_version(*last.object));
    }
    xml.number("MaxKeys", *max);
    if (!delimiter.empty()) xml.text("Delimiter", encode(delimiter));
    if (encode.url) xml.text("EncodingType", "url");
    xml.flag("IsTruncated", page.truncated);
    for (const Line& line : page.lines) {
        if (line.object) write_version(xml, line, encode);
    }
    for (const Line& line : page.lines) {
        if (line.object) continue;
        xml.open("CommonPrefixes").text("Prefix", encode(line.key)).close("CommonPrefixes");
    }
    return xml_response(xml.close("ListVersionsResult").finish());
}

}  // namespace s3sim
