#include "s3sim/copy_source.h"

#include <fmt/format.h>
#include <algorithm>
#include <cstring>

#include "base/encoding.h"
#include "s3sim/archive.h"
#include "s3sim/encryption.h"
#include "s3sim/operations.h"
#include "s3sim/versions.h"

namespace s3sim {
namespace {

// The version that BUCKET/KEY?versionId=ID names; "" for none.
Answered<ObjectRef> find_source(Bucket& bucket, std::string_view key, std::string_view query) {
    constexpr std::string_view kName = "?versionId=";
    const bool named = query.starts_with(kName);
    if (!named && !query.empty())
        return refuse(400, "InvalidArgument", "A copy source takes only a versionId.");
    const auto version = base::percent_decode(named ? query.substr(kName.size()) : query);
    if (named) {
        if (auto ok = check_version_id(version.value_or(""), bucket); !ok)
            return std::unexpected(std::move(ok.error()));
    }
    ObjectRef object = bucket.find_version(key, *version);
    if (object && !object->delete_marker) return object;
    if (named && object) {
        return refuse(400, "InvalidRequest",
                      "The source of a copy request may not specifically refer to a delete marker "
                      "by version id.");
    }
    if (named && bucket.versioning() != Versioning::off) {
        return refuse("NoSuchVersion", {{"Key", std::string(key)}, {"VersionId", *version}});
    }
    Refusal refusal = known_refusal("NoSuchKey");
    refusal.extra = {{"Key", std::string(key)}};
    if (object) {
        refusal.headers = {{"x-amz-delete-marker", "true"},
                           {"x-amz-version-id", std::string(shown_version(*object))}};
    }
    return std::unexpected(std::move(refusal));
}

}  // namespace

Answered<CopySource> copy_source(Store& store, const Request& request, base::UtcTime now,
                                 const Profile& profile) {
    std::string_view text = request.header("x-amz-copy-source");
    const auto question = std::min(text.find('?'), text.size());
    const auto decoded = base::percent_decode(text.substr(0, question));
    std::string path = decoded.value_or("");
    if (profile.copy_source_decoded_twice) path = base::percent_decode(path).value_or(path);
    if (path.starts_with('/')) path.erase(0, 1);
    const auto slash = path.find('/');
    if (slash == std::string::npos || slash + 1 == path.size()) {
        return refuse(
            400, "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            {{"ArgumentName", "x-amz-copy-source"}, {"ArgumentValue", std::string(text)}});
    }
    CopySource source;
    source.bucket = store.bucket(path.substr(0, slash));
    if (!source.bucket) return refuse("NoSuchBucket", {{"BucketName", path.substr(0, slash)}});
    auto object = find_source(*source.bucket, path.substr(slash + 1), text.substr(question));
    if (!object) return std::unexpected(std::move(object.error()));
    source.object = std::move(*object);
    if (auto ok = check_source_key(request, *source.object); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_read_conditions(request, *source.object, true); !ok)
        return std::unexpected(ok.error());
    if (auto ok = check_readable(*source.object, now,
                                 "Operation is not valid for the source object's storage class");
        !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    if (!source.object->body)
        return refuse(501, "NotImplemented", "A sink's bytes cannot be copied.");
    source.range = {0, source.object->size};
    const std::string_view range = request.header("x-amz-copy-source-range");
    if (!range.empty()) {
        if (!parse_copy_range(range, source.range)) {
            return refuse(400, "InvalidArgument",
                          "The x-amz-copy-source-range value must be of the form bytes=first-last "
                          "where first and last "
                          "are the zero-based offsets of the first and last bytes to copy",
                          {{"ArgumentName", "x-amz-copy-source-range"},
                           {"ArgumentValue", std::string(range)}});
        }
        const bool begins = source.range.offset < source.object->size;
        if (profile.copy_range_clipped && begins) {
            source.range.length =
                std::min(source.range.length, source.object->size - source.range.offset);
        }
        if (source.range.offset + source.range.length > source.object->size) {
            return refuse(400, "InvalidArgument",
                          fmt::format("Range specified is not valid for source object of size: {}",
                                      source.object->size),
                          {{"ArgumentName", "x-amz-copy-source-range"},
                           {"ArgumentValue", std::string(range)}});
        }
    }
    if (source.range.length > kPutSizeMax) {
        return refuse(400, "InvalidRequest",
                      "The specified copy source is larger than the maximum allowable size for a "
                      "copy source: 5368709120");
    }
    return source;
}

Answered<Copied> copy_bytes(const CopySource& source, Bucket& target, bool with_sha256) {
    auto writer = target.make_writer(source.range.length);
    if (!writer) return std::unexpected(refusal_of(writer.error()));
    Copied copied;
    Digest sha(DigestKind::sha256);
    Digest md5(DigestKind::md5);
    const bool with_md5 = source.range.length <= kMd5EtagMax;
    std::vector<std::byte> scratch(256 << 10);
    const auto done = for_each_chunk(*source.object->body, source.range.offset, source.range.length,
                                     [&](base::ByteView bytes) -> base::Status {
                                         copied.crc32 = crc32(copied.crc32, bytes);
                                         if (with_sha256) sha.update(bytes);
                                         if (with_md5) md5.update(bytes);
                                         while (!bytes.empty()) {
                                             const base::Bytes window = (*writer)->window(scratch);
                                             const std::size_t n =
                                                 std::min(window.size(), bytes.size());
                                             std::memcpy(window.data(), bytes.data(), n);
                                             if (auto ok = (*writer)->commit(window.first(n)); !ok)
                                                 return ok;
                                             bytes = bytes.subspan(n);
                                         }
                                         return {};
                                     });
    if (!done) return std::unexpected(refusal_of(done.error()));
    if (with_sha256) copied.sha256_raw = sha.finish();
    if (with_md5) copied.md5_raw = md5.finish();
    copied.stored = (*writer)->finish();
    return copied;
}

}  // namespace s3sim
