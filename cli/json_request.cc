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

json::object source_json(const archive::Source& source) {
    json::object out;
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
    return out;
}

}  // namespace

std::string request_json(const archive::ArchiveRequest& request) {
    json::array sources;
    for (const archive::Source& source : request.sources) sources.push_back(source_json(source));
    json::object destination{{"bucket", request.destination.bucket},
                             {"key", request.destination.key}};
    if (request.destination.overwrite) destination["overwrite"] = true;
    json::object out{{"sources", std::move(sources)}, {"destination", std::move(destination)}};
    if (json::object options = options_json(request.options); !options.empty()) {
        out["options"] = std::move(options);
    }
    return json::serialize(out);
}

}  // namespace cli
