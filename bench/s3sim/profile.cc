// The profiles. Each rule has its source beside it:
//   run: the store was started and asked, in the version and on the day given
//   doc: its public documentation
//   src: its published source
//   rep: public reports of users, as owner/repo#number
#include "s3sim/profile.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <utility>

#include "s3sim/numbers.h"
#include "s3sim/server.h"

namespace s3sim {
namespace {

constexpr std::string_view kChecksums = "x-amz-checksum-*";
constexpr std::string_view kSdkChecksum = "x-amz-sdk-checksum-algorithm";
constexpr std::string_view kObjectSize = "x-amz-mp-object-size";
constexpr std::string_view kUnsupported = "Unsupported header '{}' received for this API call.";
constexpr std::string_view kNotImplemented =
    "A header you provided implies functionality that is not implemented.";

HeaderRule ignore(std::string_view header, std::string_view operation = {}) {
    return {std::string(header), std::string(operation), std::nullopt};
}
HeaderRule deny(std::string_view header, std::string_view operation, int status,
                std::string_view code, std::string_view message) {
    return {std::string(header), std::string(operation),
            Denial{status, std::string(code), std::string(message)}};
}
void ignore_checksums(Profile& profile) {
    for (const auto name : {kChecksums, kSdkChecksum, kObjectSize})
        profile.headers.push_back(ignore(name));
}

// Every rule is AWS's; tests/s3sim compares them with recorded answers.
Profile aws() { return {}; }

// run: MinIO of 2026-02-12.
Profile minio() {
    Profile p;
    p.part_checksums = PartChecksums::always_or_invalid_part;  // run; rep: minio/minio#20944
    p.missing_checksum = MissingChecksum::invalid_argument;    // src: cmd/erasure-multipart.go
    p.copy_checksum = CopyChecksum::refused;              // run: "checksum missing, want CRC32"
    p.checksum_mismatch = "XAmzContentChecksumMismatch";  // run
    p.uploads_by_whole_key = true;                        // run
    p.folders_exclusive = true;                           // run; codes src: cmd/api-errors.go
    p.write_conflicts = false;
    return p;
}

// run: versitygw 1.8.0 on a POSIX folder, 2026-11-30.
Profile versitygw() {
    Profile p;
    p.part_checksums = PartChecksums::always_or_invalid_request;  // run; rep: versitygw#1342
    p.closes_connections = true;                                  // run
    p.write_conflicts = false;
    return p;
}

// run: SeaweedFS 4.48, 2026-11-30.
Profile seaweedfs() {
    Profile p;
    p.part_checksums = PartChecksums::optional;      // run
    p.missing_checksum = MissingChecksum::computed;  // run
    p.uploads_listed = 3;                            // run: several times each
    p.write_conflicts = false;
    return p;
}

// doc: Cloudflare R2, "S3 API compatibility" and "Multipart upload limitations".
Profile r2() {
    Profile p;
    p.region = "auto";                    // doc; us-east-1 is an alias of it
    p.equal_parts = true;                 // doc; rep: apache/opendal#2904, tus/tusd#1137
    p.full_object = FullObject::refused;  // doc: CRC32 is COMPOSITE only
    return p;
}

// doc: Backblaze B2, "S3-compatible API"; rep: diced/zipline#746, vatesfr/xen-orchestra#8358.
Profile b2() {
    Profile p;
    for (const auto name : {kChecksums, kSdkChecksum, kObjectSize})
        p.headers.push_back(deny(name, "", 400, "InvalidArgument", kUnsupported));  // rep
    for (const auto operation : {"PutObject", "CompleteMultipartUpload"}) {
        // rep: sathinduga/obsidian-s3-sync-and-backup#78
        p.headers.push_back(
            deny("if-none-match", operation, 501, "NotImplemented", kNotImplemented));
    }
    p.passing_400_every = 7;  // rep: tus/tusd#1302, velero-io/velero#9184, wal-g/wal-g#1741
    p.write_conflicts = false;
    return p;
}

// doc: Alibaba Cloud OSS, "Compatibility with Amazon S3".
Profile oss() {
    Profile p;
    ignore_checksums(p);  // doc: not among the headers that are supported
    // rep: ZhuJHua/moodiary#305
    p.headers.push_back(deny("if-none-match", "PutObject", 400, "NotImplemented", kNotImplemented));
    p.headers.push_back(
        deny("if-none-match", "CompleteMultipartUpload", 501, "NotImplemented", kNotImplemented));
    p.virtual_host_only = true;  // doc: SecondLevelDomainForbidden
    // doc: "Use AWS SDKs to access OSS"
    p.signed_chunks = {400, "InvalidArgument",
                       "aws-chunked encoding is not supported with the specified "
                       "x-amz-content-sha256 value."};
    p.trailing_chunks = p.signed_chunks;
    p.write_conflicts = false;
    return p;
}

// doc: Google Cloud Storage, XML API and "Transcoding of gzip-compressed files".
Profile gcs() {
    Profile p;
    for (const auto name : {kChecksums, kSdkChecksum})  // rep; which of them is not proven
        p.headers.push_back(deny(name, "", 403, "SignatureDoesNotMatch", "Invalid argument."));
    p.headers.push_back(ignore(kObjectSize));
    p.gunzips = true;  // doc; rep: rclone/rclone#2658, apache/opendal#5070
    p.trailing_chunks = {403, "SignatureDoesNotMatch", "Invalid argument."};  // rep
    p.write_conflicts = false;
    return p;
}

// run: Ceph RADOS Gateway 16.2.15 of Debian 12, 2026-11-20.
Profile rgw() {
    Profile p;
    ignore_checksums(p);                                                      // run
    p.headers.push_back(ignore("if-none-match", "CompleteMultipartUpload"));  // run
    p.headers.push_back(ignore("x-amz-copy-source-if-match"));                // run
    p.part_checksums = PartChecksums::optional;                               // run
    p.messages = false;                                                       // run
    p.part_order_checked = false;                                             // run
    p.etag_in_complete = false;                                               // run
    p.gone_upload_named = false;                                              // run
    p.copy_source_decoded_twice = true;  // run: 404 for a key with a percent sign
    p.part_reads = PartReads::ignored;   // run
    p.trailing_chunks = {400, "XAmzContentSHA256Mismatch", ""};  // run
    p.write_conflicts = false;
    return p;
}

// run: s3proxy 3.0.0 on a folder, s3proxy.ignore-unknown-headers=true, 2026-11-30.
Profile s3proxy() {
    Profile p;
    ignore_checksums(p);                                                      // run
    p.headers.push_back(ignore("if-none-match", "CompleteMultipartUpload"));  // run
    p.part_checksums = PartChecksums::optional;                               // run
    p.cut_part_spoils = true;                                                 // run
    p.write_conflicts = false;
    return p;
}

// run: Adobe S3Mock 4.11.0, 2026-11-30; src: its MultipartStore.
Profile s3mock() {
    Profile p;
    p.full_object = FullObject::becomes_composite;   // run: refuses the full-object headers
    p.missing_checksum = MissingChecksum::computed;  // src
    p.copy_checksum = CopyChecksum::absent;          // src: CopyPartResult has the ETag only
    p.write_conflicts = false;
    return p;
}

// run: OpenStack Swift 2.30.1 with s3api of Debian 12, 2026-11-20.
Profile swift() {
    Profile p;
    ignore_checksums(p);  // run
    for (const auto name : {"if-match", "if-none-match", "if-modified-since",
                            "if-unmodified-since"}) {  // src: s3api/s3request.py
        p.headers.push_back(deny(name, "PutObject", 501, "NotImplemented",
                                 "Conditional object PUTs are not supported."));
    }
    p.part_checksums = PartChecksums::malformed;  // run
    p.copy_range_clipped = true;                  // run
    p.part_reads = PartReads::refused;            // run: 405
    p.signed_chunks = {501, "NotImplemented",
                       "Transfering payloads in multiple chunks using aws-chunked is not "
                       "supported."};  // run
    p.trailing_chunks = p.signed_chunks;
    p.write_conflicts = false;
    return p;
}

constexpr std::array<std::pair<std::string_view, Profile (*)()>, 12> kProfiles = {
    {{"aws", aws},
     {"minio", minio},
     {"r2", r2},
     {"b2", b2},
     {"oss", oss},
     {"gcs", gcs},
     {"rgw", rgw},
     {"s3proxy", s3proxy},
     {"s3mock", s3mock},
     {"swift", swift},
     {"versitygw", versitygw},
     {"seaweedfs", seaweedfs}}};

}  // namespace

std::vector<std::string> profile_names() {
    std::vector<std::string> names;
    for (const auto& [name, make] : kProfiles) names.emplace_back(name);
    return names;
}

base::Result<Profile> chosen_profile(const Options& options) {
    const std::string_view name = options.like.empty() ? "aws" : std::string_view(options.like);
    const auto at = std::ranges::find(kProfiles, name, [](const auto& item) { return item.first; });
    if (at == kProfiles.end()) {
        return base::fail(
            base::ErrorKind::invalid, "bad_profile",
            fmt::format("'{}' is none of the stores {}", name, fmt::join(profile_names(), ", ")));
    }
    Profile profile = at->second();
    profile.name = at->first;
    std::vector<HeaderRule> rules;
    for (const std::string& text : options.header_rules) {
        auto rule = parse_header_rule(text);
        if (!rule) return std::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    if (options.checksums == "ignored") {
        for (const auto header : {kChecksums, kSdkChecksum, kObjectSize})
            rules.push_back(ignore(header));
        profile.part_checksums = PartChecksums::optional;
    }
    if (options.checksums == "refused") {
        for (const auto operation : {"PutObject", "CopyObject", "CreateMultipartUpload",
                                     "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}) {
            for (const auto header : {kChecksums, kObjectSize})
                rules.push_back(deny(header, operation, 400, "InvalidArgument", kUnsupported));
        }
        rules.push_back(ignore(kChecksums));
    }
    profile.headers.insert(profile.headers.begin(), rules.begin(), rules.end());
    if (options.equal_parts) profile.equal_parts = true;
    if (options.close_connections) profile.closes_connections = true;
    return profile;
}

}  // namespace s3sim
