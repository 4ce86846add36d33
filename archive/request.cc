#include "archive/request.h"

#include <fmt/format.h>
#include <algorithm>

#include "archive/request_rules.h"
#include "s3client/endpoint.h"
#include "s3client/http_url.h"
#include "s3client/md5.h"
#include "zip/layout.h"
#include "zip/records.h"

namespace archive {
namespace {

using base::Status;
using rules::at;
using rules::bad;
using rules::consists_of;
using rules::is_account;
using rules::kAccountDigits;

constexpr std::uint64_t kPartSizeMin = 5ULL << 20;
constexpr std::uint64_t kPartSizeMax = 5ULL << 30;
constexpr std::size_t kSourcesMax = 1000;
// Every key of a listing is held against every pattern.
constexpr std::size_t kPatternsMax = 100;
// Sum over all patterns of a request. It bounds the time and memory of matching, see glob.h.
constexpr std::size_t kPatternBytesMax = 64 << 10;

Status validate_patterns(const std::vector<std::string>& patterns, const std::string& pointer,
                         std::size_t& bytes) {
    if (patterns.size() > kPatternsMax) {
        return bad(pointer, "too_many_patterns", fmt::format("at most {} patterns", kPatternsMax));
    }
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (patterns[i].size() > s3client::kKeySizeMax_bytes) {
            return bad(fmt::format("{}/{}", pointer, i), "bad_pattern",
                       "the pattern is longer than any key can be");
        }
        bytes += patterns[i].size();
        if (bytes > kPatternBytesMax) {
            return bad(fmt::format("{}/{}", pointer, i), "patterns_too_long",
                       fmt::format("all patterns of a request together have at most {} bytes",
                                   kPatternBytesMax));
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
        return bad(pointer + "/bucket", "bad_bucket", "a manifest needs a bucket");
    if (auto ok = at(pointer + "/bucket", s3client::check_bucket(file.bucket, false)); !ok)
        return ok;
    return at(pointer + "/key", s3client::check_key(file.key));
}

// `pattern_bytes` is the sum over the sources so far.
Status validate_source(const Source& source, std::size_t index, std::size_t& pattern_bytes) {
    const std::string pointer = fmt::format("/sources/{}", index);
    if (auto ok = rules::validate_access(source.access, pointer); !ok) return ok;
    if (source.manifest) return validate_manifest(source, pointer + "/manifest");
    if (source.bucket.empty())
        return bad(pointer + "/bucket", "bad_bucket", "a source needs a bucket");
    if (auto ok = at(pointer + "/bucket", s3client::check_bucket(source.bucket, false)); !ok)
        return ok;
    if (source.prefix.size() > s3client::kKeySizeMax_bytes) {
        return bad(pointer + "/prefix", "bad_prefix", "the prefix is longer than any key can be");
    }
    if (auto ok = validate_patterns(source.include, pointer + "/include", pattern_bytes); !ok)
        return ok;
    if (auto ok = validate_patterns(source.exclude, pointer + "/exclude", pattern_bytes); !ok)
        return ok;
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

// arn:aws:iam::123456789012:role/path/name, in any partition.
bool is_role_arn(std::string_view arn) {
    constexpr std::size_t kArnMax = 2048;
    constexpr std::string_view kIam = ":iam::", kRole = ":role/";
    const std::size_t iam = arn.find(kIam);
    if (arn.size() > kArnMax || !arn.starts_with("arn:aws") || iam == arn.npos) return false;
    const std::string_view partition = arn.substr(7, iam - 7);
    const std::string_view rest = arn.substr(iam + kIam.size());
    return std::ranges::all_of(partition,
                               [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }) &&
           rest.size() > kAccountDigits + kRole.size() &&
           is_account(rest.substr(0, kAccountDigits)) &&
           rest.substr(kAccountDigits).starts_with(kRole) &&
           consists_of(rest.substr(kAccountDigits + kRole.size()), "_+=,.@-/");
}

Status validate_notify(const std::string& url) {
    if (url.empty()) return {};
    const auto parsed = s3client::parse_http_url(url);
    return parsed ? Status{} : at("/notify/url", std::unexpected(parsed.error()));
}

Status validate_role(const Options& options) {
    constexpr std::size_t kExternalIdMin = 2, kExternalIdMax = 1224;  // STS's limits
    if (!options.role_arn.empty() && !is_role_arn(options.role_arn)) {
        return bad("/options/role_arn", "bad_role_arn",
                   "role_arn is like arn:aws:iam::123456789012:role/name");
    }
    const std::string& id = options.external_id;
    if (id.empty()) return {};
    if (options.role_arn.empty())
        return bad("/options/external_id", "bad_external_id", "external_id goes with role_arn");
    if (id.size() < kExternalIdMin || id.size() > kExternalIdMax || !consists_of(id, "_+=,.@:/-")) {
        return bad("/options/external_id", "bad_external_id",
                   "external_id is 2 to 1224 letters, digits and _+=,.@:/-");
    }
    return {};
}

}  // namespace

Status validate(const ArchiveRequest& request) {
    if (request.sources.empty())
        return bad("/sources", "no_sources", "a job needs at least one source");
    if (request.sources.size() > kSourcesMax) {
        return bad("/sources", "too_many_sources", fmt::format("at most {} sources", kSourcesMax));
    }
    std::size_t pattern_bytes = 0;
    for (std::size_t i = 0; i < request.sources.size(); ++i) {
        if (auto ok = validate_source(request.sources[i], i, pattern_bytes); !ok) return ok;
    }
    if (auto ok = rules::validate_destination(request.destination); !ok) return ok;
    const Options& options = request.options;
    if (auto ok = validate_role(options); !ok) return ok;
    if (auto ok = at("/options/comment", zip::check_comment(options.comment)); !ok) return ok;
    if (options.priority < -100 || options.priority > 100) {
        return bad("/options/priority", "bad_priority", "priority is -100 to 100");
    }
    if (options.list_missing && options.on_missing != OnMissing::skip) {
        return bad("/options/list_missing", "bad_list_missing",
                   "list_missing goes with on_missing: skip");
    }
    if (options.verify_sources == VerifySources::md5 && !s3client::Md5::available()) {
        return bad(
            "/options/verify_sources", "md5_unavailable",
            "verify_sources: md5 needs MD5, which the OpenSSL of this machine does not have");
    }
    const std::uint64_t part = options.part_size_bytes;
    if (part != 0 && (part < kPartSizeMin || part > kPartSizeMax)) {
        return bad("/options/part_size", "bad_part_size", "S3 takes parts of 5 MiB to 5 GiB");
    }
    return validate_notify(request.notify_url);
}

}  // namespace archive
