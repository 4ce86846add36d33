#include "archive/request.h"

#include <fmt/format.h>
#include <algorithm>

#include "s3client/endpoint.h"
#include "zip/layout.h"
#include "zip/records.h"

namespace archive {
namespace {

using base::Error;
using base::ErrorKind;
using base::Status;

constexpr std::uint64_t kPartSizeMin = 5ULL << 20;
constexpr std::uint64_t kPartSizeMax = 5ULL << 30;
constexpr std::size_t kSourcesMax = 1000;
// Every key of a listing is held against every pattern.
constexpr std::size_t kPatternsMax = 100;

Status bad(std::string pointer, std::string_view code, std::string detail) {
    Error error{ErrorKind::invalid, std::string(code), std::move(detail), 0, {},
                std::move(pointer)};
    return std::unexpected(std::move(error));
}

// The same error, about the field at `pointer`.
Status at(std::string pointer, Status status) {
    if (status) return status;
    Error error = std::move(status.error());
    error.key = std::move(pointer);
    return std::unexpected(std::move(error));
}

Status validate_patterns(const std::vector<std::string>& patterns, const std::string& pointer) {
    if (patterns.size() > kPatternsMax) {
        return bad(pointer, "too_many_patterns", fmt::format("at most {} patterns", kPatternsMax));
    }
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (patterns[i].size() > s3client::kKeySizeMax_bytes) {
            return bad(fmt::format("{}/{}", pointer, i), "bad_pattern",
                       "the pattern is longer than any key can be");
        }
    }
    return {};
}

Status validate_manifest(const Source& source, const std::string& pointer) {
    const ObjectAddress& file = *source.manifest;
    if (!source.bucket.empty() || !source.prefix.empty() || !source.include.empty() ||
        !source.exclude.empty() || source.objects) {
        return bad(pointer, "bad_source", "a source of a manifest has nothing else");
    }
    if (file.bucket.empty())
        return bad(pointer + "/bucket", "missing_field", "a manifest needs a bucket");
    if (auto ok = at(pointer + "/bucket", s3client::check_bucket(file.bucket, false)); !ok)
        return ok;
    return at(pointer + "/key", s3client::check_key(file.key));
}

Status validate_source(const Source& source, std::size_t index) {
    const std::string pointer = fmt::format("/sources/{}", index);
    if (source.manifest) return validate_manifest(source, pointer + "/manifest");
    if (source.bucket.empty())
        return bad(pointer + "/bucket", "missing_field", "a source needs a bucket");
    if (auto ok = at(pointer + "/bucket", s3client::check_bucket(source.bucket, false)); !ok)
        return ok;
    if (source.prefix.size() > s3client::kKeySizeMax_bytes) {
        return bad(pointer + "/prefix", "bad_prefix", "the prefix is longer than any key can be");
    }
    if (auto ok = validate_patterns(source.include, pointer + "/include"); !ok) return ok;
    if (auto ok = validate_patterns(source.exclude, pointer + "/exclude"); !ok) return ok;
    if (!source.objects) return {};
    if (!source.prefix.empty() || !source.include.empty() || !source.exclude.empty()) {
        return bad(pointer + "/objects", "bad_source",
                   "a source has either objects, or a prefix with include and exclude");
    }
    if (source.objects->empty())
        return bad(pointer + "/objects", "no_objects", "the list of objects is empty");
    for (std::size_t i = 0; i < source.objects->size(); ++i) {
        const ObjectChoice& object = (*source.objects)[i];
        if (auto ok =
                at(fmt::format("{}/objects/{}/key", pointer, i), s3client::check_key(object.key));
            !ok) {
            return ok;
        }
        if (object.name.size() > zip::kNameSizeMax) {
            return bad(fmt::format("{}/objects/{}/name", pointer, i), "bad_name",
                       "the name is too long for a ZIP");
        }
    }
    return {};
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What may stand in a header: no control characters.
bool is_line(std::string_view text) {
    return std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

// Destination fields that become headers, whose names S3 and all on the way there must take.
Status validate_headers(const Destination& destination) {
    for (const auto& [name, value] : destination.metadata) {
        const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
            return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
        });
        if (!is_name || !is_line(value)) {
            return bad("/destination/metadata", "bad_metadata",
                       "metadata names are letters, digits, '-', '_' and '.', values one line");
        }
    }
    if (!is_line(destination.content_disposition)) {
        return bad("/destination/content_disposition", "bad_content_disposition",
                   "content_disposition is one line");
    }
    if (!std::ranges::all_of(destination.storage_class,
                             [](char c) { return is_letter_or_digit(c) || c == '_'; })) {
        return bad("/destination/storage_class", "bad_storage_class",
                   "storage_class is a word like STANDARD_IA");
    }
    if (!is_line(destination.sse.key_id)) {
        return bad("/destination/sse/key_id", "bad_sse", "key_id is one line");
    }
    return {};
}

Status validate_destination(const Destination& destination) {
    if (destination.bucket.empty()) {
        return bad("/destination/bucket", "missing_field", "the destination needs a bucket");
    }
    if (auto ok = at("/destination/bucket", s3client::check_bucket(destination.bucket, false)); !ok)
        return ok;
    if (auto ok = at("/destination/key", s3client::check_key(destination.key)); !ok) return ok;
    if (destination.tags.size() > 10)
        return bad("/destination/tags", "bad_tags", "S3 takes at most 10 tags");
    const std::string& type = destination.sse.type;
    if (!type.empty() && type != "AES256" && type != "aws:kms") {
        return bad("/destination/sse/type", "bad_sse", "sse type is AES256 or aws:kms");
    }
    if (!destination.sse.key_id.empty() && type != "aws:kms") {
        return bad("/destination/sse/key_id", "bad_sse", "key_id goes with type aws:kms");
    }
    return validate_headers(destination);
}

}  // namespace

Status validate(const ArchiveRequest& request) {
    if (request.sources.empty())
        return bad("/sources", "no_sources", "a job needs at least one source");
    if (request.sources.size() > kSourcesMax) {
        return bad("/sources", "too_many_sources", fmt::format("at most {} sources", kSourcesMax));
    }
    for (std::size_t i = 0; i < request.sources.size(); ++i) {
        if (auto ok = validate_source(request.sources[i], i); !ok) return ok;
    }
    if (auto ok = validate_destination(request.destination); !ok) return ok;
    const Options& options = request.options;
    if (auto ok = at("/options/comment", zip::check_comment(options.comment)); !ok) return ok;
    if (options.priority < -100 || options.priority > 100) {
        return bad("/options/priority", "bad_priority", "priority is -100 to 100");
    }
    if (options.list_missing && options.on_missing != OnMissing::skip) {
        return bad("/options/list_missing", "bad_list_missing",
                   "list_missing goes with on_missing: skip");
    }
    const std::uint64_t part = options.part_size_bytes;
    if (part != 0 && (part < kPartSizeMin || part > kPartSizeMax)) {
        return bad("/options/part_size", "bad_part_size", "S3 takes parts of 5 MiB to 5 GiB");
    }
    return {};
}

}  // namespace archive
