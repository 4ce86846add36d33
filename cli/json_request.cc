#include "cli/json_request.h"

#include <boost/json.hpp>

namespace cli {
namespace {

namespace json = boost::json;

json::array strings(const std::vector<std::string>& values) {
    json::array out;
    for (const std::string& value : values) out.emplace_back(value);
    return out;
}

void put_unless_empty(json::object& object, std::string_view name, const std::string& value) {
    if (!value.empty()) object[name] = value;
}

json::object strings(const std::map<std::string, std::string>& values) {
    json::object out;
    for (const auto& [name, value] : values) out[name] = value;
    return out;
}

void put_access(json::object& out, const s3client::Access& access) {
    if (access.requester_pays) out["requester_pays"] = true;
    put_unless_empty(out, "expected_bucket_owner", access.expected_bucket_owner);
}

void put_key(json::object& out, std::string_view name, const s3client::Access& access,
             Secrets secrets) {
    if (!access.customer_key) return;
    out[name] = secrets == Secrets::written ? access.customer_key->base64() : "(set)";
}

json::object source_json(const archive::Source& source, Secrets secrets) {
    json::object out;
    put_access(out, source.access);
    put_key(out, "sse_customer_key", source.access, secrets);
    if (source.manifest) {
        json::object file{{"bucket", source.manifest->bucket}, {"key", source.manifest->key}};
        put_unless_empty(file, "version_id", source.manifest->version_id);
        out["manifest"] = std::move(file);
        return out;
    }
    out["bucket"] = source.bucket;
    if (!source.objects) {
        out["prefix"] = source.prefix;
        if (!source.include.empty()) out["include"] = strings(source.include);
        if (!source.exclude.empty()) out["exclude"] = strings(source.exclude);
        return out;
    }
    json::array objects;
    for (const archive::ObjectChoice& choice : *source.objects) {
        json::object object{{"key", choice.key}};
        put_unless_empty(object, "name", choice.name);
        put_unless_empty(object, "version_id", choice.version_id);
        objects.push_back(std::move(object));
    }
    out["objects"] = std::move(objects);
    return out;
}

json::object destination_json(const archive::Destination& to, Secrets secrets) {
    json::object out{{"bucket", to.bucket}, {"key", to.key}};
    if (to.overwrite) out["overwrite"] = true;
    put_unless_empty(out, "storage_class", to.storage_class);
    if (!to.tags.empty()) out["tags"] = strings(to.tags);
    if (!to.metadata.empty()) out["metadata"] = strings(to.metadata);
    put_unless_empty(out, "content_type", to.content_type);
    put_unless_empty(out, "content_disposition", to.content_disposition);
    put_unless_empty(out, "cache_control", to.cache_control);
    put_access(out, to.access);
    json::object sse;
    put_unless_empty(sse, "type", to.sse.type);
    put_unless_empty(sse, "key_id", to.sse.key_id);
    if (to.sse.bucket_key_enabled) sse["bucket_key_enabled"] = *to.sse.bucket_key_enabled;
    if (!to.sse.context.empty()) sse["context"] = strings(to.sse.context);
    put_key(sse, "customer_key", to.access, secrets);
    if (!sse.empty()) out["sse"] = std::move(sse);
    return out;
}

json::object options_json(const archive::Options& options) {
    json::object out;
    put_unless_empty(out, "strip_prefix", options.strip_prefix);
    if (options.flatten) out["flatten"] = true;
    if (options.names == zip::NamePolicy::strict) out["names"] = "strict";
    if (options.names == zip::NamePolicy::raw) out["names"] = "raw";
    if (options.order == archive::EntryOrder::key) out["order"] = "key";
    if (options.on_duplicate == archive::OnDuplicate::rename) out["on_duplicate"] = "rename";
    if (options.on_missing == archive::OnMissing::skip) out["on_missing"] = "skip";
    if (options.list_missing) out["list_missing"] = true;
    if (options.on_empty == archive::OnEmpty::archive) out["on_empty"] = "archive";
    if (options.timestamps == archive::Timestamps::fixed) out["timestamps"] = "fixed";
    put_unless_empty(out, "comment", options.comment);
    if (options.priority != 0) out["priority"] = options.priority;
    if (options.part_size_bytes != 0) out["part_size"] = options.part_size_bytes;
    put_unless_empty(out, "role_arn", options.role_arn);
    put_unless_empty(out, "external_id", options.external_id);
    if (options.checksums == archive::Checksums::required) out["checksums"] = "required";
    if (options.part_layout == archive::PartLayout::entries) out["part_layout"] = "entries";
    if (options.part_layout == archive::PartLayout::uniform) out["part_layout"] = "uniform";
    if (options.verify_sources == archive::VerifySources::md5) out["verify_sources"] = "md5";
    if (options.reuse) out["reuse"] = true;
    return out;
}

}  // namespace

std::string request_json(const archive::ArchiveRequest& request, Secrets secrets) {
    json::array sources;
    for (const archive::Source& source : request.sources)
        sources.push_back(source_json(source, secrets));
    json::object out{{"sources", std::move(sources)},
                     {"destination", destination_json(request.destination, secrets)}};
    if (json::object options = options_json(request.options); !options.empty()) {
        out["options"] = std::move(options);
    }
    if (!request.notify_url.empty()) out["notify"] = json::object{{"url", request.notify_url}};
    return json::serialize(out);
}

}  // namespace cli
