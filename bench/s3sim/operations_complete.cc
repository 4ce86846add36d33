// CompleteMultipartUpload: the strictest operation, because it is the last chance to notice
// anything.
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

// The parts a Complete names, found and checked against what was uploaded.
struct Assembly {
    std::vector<Part> parts;
    std::uint64_t size = 0;
    std::uint32_t crc32 = 0;
    std::string etag;
};

Answered<void> check_part(const Upload& upload, const CompletedPart& named, const Part* part,
                          std::size_t index, const Profile& profile) {
    const auto number = std::to_string(named.number);
    const auto invalid = [&] {
        return refuse("InvalidPart",
                      {{"UploadId", upload.id}, {"PartNumber", number}, {"ETag", named.etag}});
    };
    if (part == nullptr || part->etag != named.etag) return invalid();
    const std::string& sum =
        upload.algorithm == "SHA256" ? named.checksum_sha256 : named.checksum_crc32;
    const std::string& other =
        upload.algorithm == "SHA256" ? named.checksum_crc32 : named.checksum_sha256;
    const PartChecksums rule = profile.part_checksums;
    if (rule == PartChecksums::malformed && !(sum.empty() && other.empty()))
        return refuse("MalformedXML");
    if (upload.algorithm.empty() && rule == PartChecksums::optional) return {};
    if (!other.empty() || (upload.algorithm.empty() && !sum.empty())) return invalid();
    if (upload.algorithm.empty()) return {};
    if (sum.empty() && rule == PartChecksums::always_or_invalid_part) return invalid();
    const bool composite = upload.checksum_type == "COMPOSITE";
    if (sum.empty() && (rule == PartChecksums::always_or_invalid_request ||
                        (rule == PartChecksums::composite_only && composite))) {
        return refuse(
            400, "InvalidRequest",
            fmt::format(
                "The upload was created using a {} checksum. The complete request must include the "
                "checksum for each part. It was missing for part {} in the request.",
                upload.algorithm == "CRC32" ? "crc32" : "sha256", number));
    }
    if (!sum.empty() && sum != part->checksum) return invalid();
    if (named.number != index + 1) return refuse("InvalidPartOrder", {{"UploadId", upload.id}});
    return {};
}

Answered<void> check_equal_sizes(const std::vector<Part>& parts) {
    if (parts.size() < 2) return {};
    const std::uint64_t size = parts.front().size;
    const auto last = parts.end() - 1;
    if (last->size <= size && std::ranges::all_of(parts.begin(), last, [&](const Part& part) {
            return part.size == size;
        })) {
        return {};
    }
    return refuse(400, "InvalidPart", "All non-trailing parts must have the same length.");
}

Answered<Assembly> assemble(const Upload& upload, const std::vector<CompletedPart>& named,
                            std::uint64_t min_size, const Profile& profile) {
    if (named.empty()) return refuse(400, "InvalidRequest", "You must specify at least one part");
    const auto out_of_order = [](const CompletedPart& a, const CompletedPart& b) {
        return a.number >= b.number;
    };
    if (std::ranges::adjacent_find(named, out_of_order) != named.end()) {
        return refuse("InvalidPartOrder", {{"UploadId", upload.id}});
    }
    Assembly whole;
    std::string md5s;
    for (std::size_t i = 0; i < named.size(); ++i) {
        const auto at = named[i].number > INT32_MAX
                            ? upload.parts.end()
                            : upload.parts.find(static_cast<int>(named[i].number));
        const Part* part = at == upload.parts.end() ? nullptr : &at->second;
        if (auto ok = check_part(upload, named[i], part, i, profile); !ok)
            return std::unexpected(ok.error());
        if (part->size < min_size && i + 1 < named.size()) {
            return refuse("EntityTooSmall", {{"ETag", part->etag},
                                             {"MinSizeAllowed", std::to_string(min_size)},
                                             {"PartNumber", std::to_string(named[i].number)},
                                             {"ProposedSize", std::to_string(part->size)}});
        }
        whole.crc32 = crc32_combine(whole.crc32, part->crc32, part->size);
        whole.size += part->size;
        md5s += part->etag;
        whole.parts.push_back(*part);
    }
    if (profile.equal_parts) {
        if (auto ok = check_equal_sizes(whole.parts); !ok) return std::unexpected(ok.error());
    }
    // S3's is the MD5 of the parts' MD5s; ours of their ETags, which for larger parts are no MD5s
    // anyway.
    whole.etag =
        fmt::format("{}-{}", base::hex(base::as_bytes(md5(base::as_bytes(md5s)))), named.size());
    return whole;
}

std::string checksum_of(const Upload& upload, const Assembly& whole) {
    if (upload.checksum_type == "FULL_OBJECT") return base::crc32_base64(whole.crc32);
    std::string sums;
    for (const Part& part : whole.parts) sums += base::base64_decode(part.checksum).value_or("");
    const std::string sum = upload.algorithm == "CRC32"
                                ? base::crc32_base64(crc32(0, base::as_bytes(sums)))
                                : base::base64(sha256(sums));
    return fmt::format("{}-{}", sum, whole.parts.size());
}

Answered<void> check_promises(const Request& request, const Upload& upload, const Assembly& whole,
                              std::string_view checksum, const Profile& profile) {
    if (request.has_header("x-amz-mp-object-size")) {
        const std::string promised(request.header("x-amz-mp-object-size"));
        if (parse_number(promised) != whole.size) {
            return refuse(
                400, "InvalidRequest",
                fmt::format(
                    "The provided 'x-amz-mp-object-size' header value {} does not match what was "
                    "computed: {}",
                    promised, whole.size));
        }
    }
    const std::string_view type = request.header("x-amz-checksum-type");
    if (!type.empty() && type != upload.checksum_type) {
        return refuse(
            400, "InvalidRequest",
            fmt::format(
                "The upload was created using the {} checksum mode. The complete request must use "
                "the same checksum mode.",
                upload.checksum_type.empty() ? "FULL_OBJECT" : upload.checksum_type));
    }
    const std::string_view crc = request.header("x-amz-checksum-crc32");
    const std::string_view sha = request.header("x-amz-checksum-sha256");
    const std::string_view sent = upload.algorithm == "SHA256" ? sha : crc;
    if ((!crc.empty() && upload.algorithm != "CRC32") ||
        (!sha.empty() && upload.algorithm != "SHA256")) {
        return refuse(400, "InvalidRequest",
                      "Checksum Type mismatch: the upload was created with another algorithm.");
    }
    if (sent.empty()) return {};
    // Without the type header S3 takes the value for a COMPOSITE one.
    const bool full = upload.checksum_type == "FULL_OBJECT";
    const bool same = sent == checksum || (!full && sent == checksum.substr(0, checksum.find('-')));
    if (!same || (full && type.empty())) {
        return refuse(400, profile.checksum_mismatch,
                      fmt::format("The {} you specified did not match the calculated checksum.",
                                  upload.algorithm));
    }
    return {};
}

}  // namespace

Answered<Response> Service::complete_upload(Exchange& exchange) {
    const Request& request = exchange.request;
    Upload& upload = *exchange.upload;
    auto named = parse_complete(document_of(exchange));
    if (!named) return std::unexpected(named.error());
    if (!profile_.part_order_checked) std::ranges::sort(*named, {}, &CompletedPart::number);
    if (auto ok = check_write(exchange); !ok) return std::unexpected(ok.error());
    auto condition = put_condition(request);
    if (!condition) return std::unexpected(condition.error());
    condition->generation_at_create = upload.generation_at_create;

    Answered<Assembly> whole;
    std::string checksum;
    {
        const std::scoped_lock lock(upload.mutex);
        if (upload.closed) return std::unexpected(gone_upload(upload.id, exchange.operation));
        whole = assemble(upload, *named, options_.min_part_size_bytes, profile_);
        if (!whole) return std::unexpected(whole.error());
        if (!upload.algorithm.empty()) checksum = checksum_of(upload, *whole);
        if (auto ok = check_promises(request, upload, *whole, checksum, profile_); !ok)
            return std::unexpected(ok.error());
        upload.closed = true;  // nobody adds a part from here on
    }
    const auto reopen = [&](Refusal refusal) {
        const std::scoped_lock lock(upload.mutex);
        upload.closed = false;
        return std::unexpected(std::move(refusal));
    };
    if (!exchange.promised_etag.empty()) whole->etag = exchange.promised_etag;
    std::vector<Stored> pieces;
    for (const Part& part : whole->parts) pieces.push_back(part.stored);
    auto joined = upload.bucket->join(pieces);
    if (!joined) return reopen(refusal_of(joined.error()));

    Object object = upload.target;
    object.size = whole->size;
    object.etag = whole->etag;
    object.last_modified = now();
    object.crc32 = whole->crc32;
    object.checksum = {upload.algorithm, upload.checksum_type, checksum};
    for (const Part& part : whole->parts) object.part_sizes.push_back(part.size);
    object.body = joined->body;
    object.file = joined->file;
    const auto version = upload.bucket->put(upload.key, std::move(object), *condition);
    if (!version) return reopen(version.error());
    store_.remove_upload(upload);

    XmlWriter xml;
    xml.root("CompleteMultipartUploadResult");
    xml.text("Location", fmt::format("http://{}/{}/{}", request.header("host"), upload.bucket_name,
                                     base::percent_encode(upload.key, true)));
    xml.text("Bucket", upload.bucket_name)
        .text("Key", upload.key)
        .text("ETag", profile_.etag_in_complete ? "\"" + whole->etag + "\"" : "");
    if (!upload.algorithm.empty() && !uses_kms(upload.target)) {  // as S3: only HEAD has it then
        xml.text("Checksum" + upload.algorithm, checksum)
            .text("ChecksumType", upload.checksum_type);
    }
    Response response = xml_response(xml.close("CompleteMultipartUploadResult").finish());
    if (!version->empty()) response.add("x-amz-version-id", *version);
    add_stored_headers(response, upload.target, "x-amz-server-side-encryption");
    return response;
}

}  // namespace s3sim
