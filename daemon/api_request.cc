#include "daemon/api_request.h"

#include <fmt/format.h>
#include <array>
#include <boost/json/monotonic_resource.hpp>

#include "config/byte_size.h"
#include "config/limits.h"
#include "daemon/api_body.h"
#include "daemon/api_object_reader.h"

namespace s3zipd {
namespace {

namespace json = boost::json;

// In the order of their enumerators.
constexpr std::array<std::string_view, 3> kNames = {"safe", "strict", "raw"};
constexpr std::array<std::string_view, 2> kOrder = {"given", "key"};
constexpr std::array<std::string_view, 2> kOnDuplicate = {"fail", "rename"};
constexpr std::array<std::string_view, 2> kOnMissing = {"fail", "skip"};
constexpr std::array<std::string_view, 2> kOnEmpty = {"fail", "archive"};
constexpr std::array<std::string_view, 2> kChecksums = {"auto", "required"};
constexpr std::array<std::string_view, 2> kVerifySources = {"stored", "md5"};
constexpr std::array<std::string_view, 2> kTimestamps = {"source", "fixed"};

void require_text(ObjectReader& reader, std::string_view field, std::string& out) {
    reader.require(field);
    reader.read(field, out);
}

void read_objects(const json::array& list, const std::string& pointer, ErrorSlot& error,
                  std::vector<archive::ObjectChoice>& out) {
    out.reserve(list.size());
    for (std::size_t i = 0; i < list.size() && !error; ++i) {
        ObjectReader reader(list[i], pointer_to(pointer, i), error);
        archive::ObjectChoice& object = out.emplace_back();
        require_text(reader, "key", object.key);
        reader.read("name", object.name);
        reader.read("version_id", object.version_id);
        reader.finish();
    }
}

// Where "" would look as if something had been chosen.
void read_word(ObjectReader& reader, std::string_view field, std::string& out) {
    const json::value* value = reader.find(field);
    reader.read(field, out);
    if (value != nullptr && value->is_string() && out.empty())
        reader.fail(field, "bad_value", "must not be empty");
}

void read_access(ObjectReader& reader, s3client::Access& out) {
    reader.read("requester_pays", out.requester_pays);
    read_word(reader, "expected_bucket_owner", out.expected_bucket_owner);
}

// A source of a manifest is nothing else, but for how it is read.
void read_manifest(ObjectReader& source, const json::value& value, ErrorSlot& error,
                   archive::ObjectAddress& out) {
    for (const std::string_view other : {"bucket", "prefix", "include", "exclude", "objects"}) {
        if (source.find(other) != nullptr)
            source.fail(other, "conflicting_fields", "and manifest exclude each other");
    }
    ObjectReader reader(value, source.pointer("manifest"), error);
    require_text(reader, "bucket", out.bucket);
    require_text(reader, "key", out.key);
    reader.read("version_id", out.version_id);
    reader.finish();
    source.finish();
}

void read_source(const json::value& value, const std::string& pointer, ErrorSlot& error,
                 archive::Source& out) {
    ObjectReader reader(value, pointer, error);
    read_access(reader, out.access);
    reader.read("sse_customer_key", out.access.customer_key);
    if (const json::value* manifest = reader.find("manifest"))
        return read_manifest(reader, *manifest, error, out.manifest.emplace());
    require_text(reader, "bucket", out.bucket);
    const bool lists = reader.find("objects") != nullptr;
    for (const std::string_view other : {"prefix", "include", "exclude"}) {
        if (lists && reader.find(other) != nullptr) {
            reader.fail(other, "conflicting_fields", "and objects exclude each other");
        }
    }
    reader.read("prefix", out.prefix);
    reader.read("include", out.include, config::kPatternsMax, config::kPatternBytesMax);
    reader.read("exclude", out.exclude, config::kPatternsMax, config::kPatternBytesMax);
    if (const json::array* list = reader.read_list("objects", config::kApiBodyBytesMax)) {
        read_objects(*list, reader.pointer("objects"), error, out.objects.emplace());
    }
    reader.finish();
}

void read_sources(ObjectReader& body, ErrorSlot& error, std::vector<archive::Source>& out) {
    const json::value* one = body.find("source");
    const json::value* many = body.find("sources");
    if (one != nullptr && many != nullptr) {
        return body.fail("source", "conflicting_fields", "and sources exclude each other");
    }
    if (one == nullptr && many == nullptr) {
        return body.fail("sources", "missing_field", "is missing");
    }
    if (one != nullptr) return read_source(*one, body.pointer("source"), error, out.emplace_back());
    const json::array* list = body.read_list("sources", config::kSourcesMax);
    for (std::size_t i = 0; list != nullptr && i < list->size() && !error; ++i) {
        read_source((*list)[i], pointer_to(body.pointer("sources"), i), error, out.emplace_back());
    }
}

void read_destination(const json::value& value, std::string pointer, ErrorSlot& error,
                      archive::Destination& out) {
    ObjectReader reader(value, std::move(pointer), error);
    require_text(reader, "bucket", out.bucket);
    require_text(reader, "key", out.key);
    reader.read("overwrite", out.overwrite);
    read_word(reader, "storage_class", out.storage_class);
    reader.read("tags", out.tags);
    reader.read("metadata", out.metadata);
    read_word(reader, "content_type", out.content_type);
    reader.read("content_disposition", out.content_disposition);
    reader.read("cache_control", out.cache_control);
    read_access(reader, out.access);
    if (const json::value* sse = reader.find("sse")) {
        ObjectReader inner(*sse, reader.pointer("sse"), error);
        inner.require("type");
        read_word(inner, "type", out.sse.type);
        read_word(inner, "key_id", out.sse.key_id);
        inner.read("bucket_key_enabled", out.sse.bucket_key_enabled);
        inner.read("context", out.sse.context);
        inner.read("customer_key", out.access.customer_key);
        inner.finish();
    }
    reader.finish();
}

// An integer of bytes, or a text such as "64MiB".
void read_part_size(ObjectReader& reader, std::uint64_t& out) {
    const json::value* value = reader.find("part_size");
    if (value == nullptr) return;
    std::optional<std::uint64_t> bytes;
    if (const json::string* text = value->if_string()) {
        bytes = config::parse_byte_size({text->data(), text->size()});
    } else if (const std::int64_t* number = value->if_int64(); number != nullptr && *number >= 0) {
        bytes = static_cast<std::uint64_t>(*number);
    } else if (!value->is_int64() && !value->is_uint64()) {
        return reader.fail("part_size", "wrong_type",
                           "must be a whole number of bytes, or a text such as \"64MiB\"");
    }
    if (!bytes || *bytes < config::kPartSizeMin || *bytes > config::kPartSizeMax) {
        return reader.fail("part_size", "out_of_range", "must be from 5 MiB to 5 GiB");
    }
    out = *bytes;
}

// Left out: the daemon's setting.
void read_part_layout(ObjectReader& reader, archive::PartLayout& out) {
    enum class Word : std::uint8_t { entries, uniform };
    static constexpr std::array<std::string_view, 2> kWords = {"entries", "uniform"};
    if (reader.find("part_layout") == nullptr) return;
    Word word = Word::entries;
    reader.read("part_layout", word, kWords);
    out = word == Word::uniform ? archive::PartLayout::uniform : archive::PartLayout::entries;
}

// Where the job runs is not part of the archive: only this process, in this version.
void read_execution(ObjectReader& reader) {
    std::string word = "auto";
    reader.read("execution", word);
    if (word == "lambda") {
        reader.fail("execution", "unsupported",
                    "\"lambda\" is not supported by this version of s3zipd");
    } else if (word != "auto" && word != "local") {
        reader.fail("execution", "bad_value", "must be \"local\" or \"auto\"");
    }
}

void read_options(const json::value& value, std::string pointer, ErrorSlot& error,
                  archive::Options& out) {
    ObjectReader reader(value, std::move(pointer), error);
    reader.read("strip_prefix", out.strip_prefix);
    reader.read("flatten", out.flatten);
    reader.read("names", out.names, kNames);
    reader.read("order", out.order, kOrder);
    reader.read("on_duplicate", out.on_duplicate, kOnDuplicate);
    reader.read("on_missing", out.on_missing, kOnMissing);
    reader.read("list_missing", out.list_missing);
    reader.read("on_empty", out.on_empty, kOnEmpty);
    reader.read("timestamps", out.timestamps, kTimestamps);
    reader.read("comment", out.comment);
    read_execution(reader);
    reader.read("priority", out.priority, -config::kPriorityMax, config::kPriorityMax);
    read_part_size(reader, out.part_size_bytes);
    read_word(reader, "role_arn", out.role_arn);
    read_word(reader, "external_id", out.external_id);
    reader.read("checksums", out.checksums, kChecksums);
    read_part_layout(reader, out.part_layout);
    reader.read("verify_sources", out.verify_sources, kVerifySources);
    reader.read("reuse", out.reuse);
    reader.finish();
}

base::Result<archive::ArchiveRequest> parse_request(std::string_view body, RepeatedNames repeated) {
    json::monotonic_resource memory;
    const auto root = parse_body(body, &memory, repeated);
    if (!root) return base::fail(root.error());

    archive::ArchiveRequest request;
    ErrorSlot error;
    ObjectReader reader(*root, "", error);
    read_sources(reader, error, request.sources);
    if (const json::value* destination = reader.require("destination")) {
        read_destination(*destination, reader.pointer("destination"), error, request.destination);
    }
    if (const json::value* options = reader.find("options")) {
        read_options(*options, reader.pointer("options"), error, request.options);
    }
    if (const json::value* notify = reader.find("notify")) {
        ObjectReader inner(*notify, reader.pointer("notify"), error);
        inner.require("url");
        read_word(inner, "url", request.notify_url);
        inner.finish();
    }
    reader.finish();
    if (error) return base::fail(std::move(*error));
    if (auto valid = archive::validate(request); !valid) {
        base::Error wrong = std::move(valid).error();
        // validate() knows only the list; whoever wrote "source" should read of "/source".
        constexpr std::string_view kFirst = "/sources/0";
        const bool single = root->as_object().contains("source");
        if (single && wrong.key.starts_with(kFirst)) wrong.key.replace(0, kFirst.size(), "/source");
        return base::fail(std::move(wrong));
    }
    return request;
}

}  // namespace

base::Result<archive::ArchiveRequest> parse_archive_request(std::string_view body) {
    return parse_request(body, RepeatedNames::refuse);
}

base::Result<archive::ArchiveRequest> parse_journaled_request(std::string_view body) {
    return parse_request(body, RepeatedNames::keep_last);
}

}  // namespace s3zipd
