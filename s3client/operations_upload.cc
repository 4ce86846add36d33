// The calls that write: PutObject and those of a multipart upload.
#include <fmt/format.h>

#include "base/encoding.h"
#include "s3client/client.h"
#include "s3client/make_call.h"
#include "s3client/outcome.h"

namespace s3client {
namespace {

void set_body(Call& call, const Body& body, bool with_checksum) {
    call.body = body;
    // The checksum protects the body; hashing it for the signature as well would cost more than all
    // the rest.
    call.payload = PayloadHash::unsigned_payload();
    if (with_checksum)
        call.request.set_header("x-amz-checksum-crc32", base::crc32_base64(body.crc32));
}

void add_headers(Call& call, std::vector<NameValue> headers) {
    for (auto& [name, value] : headers) call.request.set_header(name, std::move(value));
}

// True if the store repeats our checksum, which means that it has verified it. `stored` may be that
// of the parts' checksums ("...-3"): another kind, which says nothing here.
base::Result<bool> repeats_crc32(std::string_view stored, std::uint32_t crc32) {
    if (stored.empty() || stored.contains('-')) return false;
    if (stored == base::crc32_base64(crc32)) return true;
    return base::fail(base::ErrorKind::corrupt, "wrong_checksum",
                      fmt::format("sent CRC-32 {}, the store has {}", base::crc32_base64(crc32),
                                  stored.substr(0, 20)));
}

WrittenObject written(const ResponseHead& head) {
    return {std::string(unquote_etag(head.get("etag"))), std::string(head.get("x-amz-version-id"))};
}

// An <Error> in the body of a success: a failure that the store found after it had sent the status.
base::Status check_late_failure(const RequestContext& request, const ResponseHead& head,
                                std::string text) {
    const ErrorBody document = parse_error_body(std::move(text));
    if (document.code.empty()) return {};
    return std::unexpected(to_error(request, head, document));
}

Feature feature_of(ChecksumMode mode) {
    return mode == ChecksumMode::full_object ? Feature::full_object : Feature::upload_checksums;
}

}  // namespace

io::Task<base::Result<WrittenObject>> S3Client::put_object(std::string bucket, std::string key,
                                                           std::vector<NameValue> headers,
                                                           Body body, CallContext context) {
    Call call = make_call(Operation::put_object, "PUT", std::move(bucket), std::move(key), context);
    add_headers(call, std::move(headers));
    set_body(call, body, support().may_use(Feature::write_checksums));
    WrittenObject result;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&, crc32 = body.crc32](const ResponseHead& head,
                                         std::string text) -> base::Status {
        const RequestContext request{Operation::put_object, bucket_name, key_name};
        if (auto ok = check_late_failure(request, head, std::move(text)); !ok) return ok;
        const auto repeated = repeats_crc32(head.get("x-amz-checksum-crc32"), crc32);
        if (!repeated) return std::unexpected(repeated.error());
        result = written(head);
        if (result.etag.empty())
            return base::fail(base::ErrorKind::corrupt, "bad_answer", "PutObject gave no ETag");
        result.checked = *repeated;
        return {};
    };
    const bool sent = carries(Feature::write_checksums, call.request);
    if (auto done = co_await run_adapting(std::move(call), {Feature::write_checksums}); !done)
        co_return std::unexpected(done.error());
    if (sent) support().note_checking(result.checked);
    co_return result;
}

io::Task<base::Result<UploadTarget>> S3Client::create_multipart_upload(
    std::string bucket, std::string key, std::vector<NameValue> headers, CallContext context) {
    Call call = make_call(Operation::create_multipart_upload, "POST", std::move(bucket),
                          std::move(key), context);
    call.request.query = {{"uploads", ""}};
    add_headers(call, std::move(headers));
    std::vector<ChecksumMode> modes = {ChecksumMode::none};
    if (support().may_use(Feature::upload_checksums)) {
        modes.insert(modes.begin(), ChecksumMode::composite);
        if (support().may_use(Feature::full_object))
            modes.insert(modes.begin(), ChecksumMode::full_object);
    }
    std::vector<base::Error> refusals;  // of the modes before
    for (const ChecksumMode mode : modes) {
        auto created = co_await create_upload_with(call, mode);
        if (!created) {
            const bool known = support().state(feature_of(mode)) == StoreSupport::State::accepted;
            if (known || mode == ChecksumMode::none || !may_be_refusal(created.error())) {
                co_return refusals.empty() || !may_be_refusal(created.error())
                    ? std::move(created)
                    : std::unexpected(std::move(refusals.front()));
            }
            refusals.push_back(std::move(created.error()));
            continue;
        }
        for (std::size_t i = 0; i < refusals.size(); ++i) {
            // Two refusals are believed, also if they do not name a header.
            const Feature feature = feature_of(modes[i]);
            support().refuse(feature, names(refusals[i], feature) || refusals.size() > 1);
        }
        if (mode != ChecksumMode::none) {
            support().accept(Feature::upload_checksums);
            support().accept(feature_of(mode));
            support().note_checking(created->checked);
        }
        co_return created;
    }
    co_return std::unexpected(std::move(refusals.front()));
}

io::Task<base::Result<UploadTarget>> S3Client::create_upload_with(Call call, ChecksumMode mode) {
    // COMPOSITE is the default of CRC32; stores older than the type know no header for it.
    if (mode != ChecksumMode::none) call.request.set_header("x-amz-checksum-algorithm", "CRC32");
    if (mode == ChecksumMode::full_object)
        call.request.set_header("x-amz-checksum-type", "FULL_OBJECT");
    UploadTarget created{call.bucket, call.key, {}, mode, false};
    call.parse = [&created](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::create_multipart_upload, created.bucket,
                                     created.key};
        auto parsed = parse_create_multipart_upload(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        created.upload_id = std::move(*parsed);
        created.checked = head.get("x-amz-checksum-algorithm") == "CRC32";
        if (created.checked && head.get("x-amz-checksum-type") == "COMPOSITE")
            created.checksums = ChecksumMode::composite;
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return created;
}

io::Task<base::Result<std::string>> S3Client::upload_part(UploadTarget upload,
                                                          std::uint32_t part_number, Body body,
                                                          CallContext context) {
    Call call = make_call(Operation::upload_part, "PUT", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"partNumber", std::to_string(part_number)},
                          {"uploadId", std::move(upload.upload_id)}};
    set_body(call, body, upload.checksums != ChecksumMode::none);
    std::string etag;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&, crc32 = body.crc32](const ResponseHead& head,
                                         std::string text) -> base::Status {
        const RequestContext request{Operation::upload_part, bucket_name, key_name};
        if (auto ok = check_late_failure(request, head, std::move(text)); !ok) return ok;
        const auto repeated = repeats_crc32(head.get("x-amz-checksum-crc32"), crc32);
        if (!repeated) return std::unexpected(repeated.error());
        etag = unquote_etag(head.get("etag"));
        if (etag.empty())
            return base::fail(base::ErrorKind::corrupt, "bad_answer", "UploadPart gave no ETag");
        return {};
    };
    // A store that repeated the algorithm of the upload takes the checksums of its parts.
    std::vector<Feature> optional;
    if (!upload.checked) optional.push_back(Feature::write_checksums);
    if (auto done = co_await run_adapting(std::move(call), std::move(optional)); !done)
        co_return std::unexpected(done.error());
    co_return etag;
}

io::Task<base::Result<WrittenObject>> S3Client::complete_multipart_upload(CompleteUpload complete,
                                                                          CallContext context) {
    const ChecksumMode mode = complete.upload.checksums;
    std::optional<base::Error> refusal;
    for (const CompleteForm form : support().complete_forms(mode, complete.upload.checked)) {
        auto done = co_await complete_in(complete, form, context);
        if (done) {
            support().note_complete_form(mode, form);
            co_return done;
        }
        const base::Error& error = done.error();
        // MinIO has no other word for a part whose checksum is not repeated.
        const bool wants_checksums =
            error.code == "InvalidPart" && !form.part_checksums && mode != ChecksumMode::none;
        const bool another_form =
            wants_checksums || (error.code != "InvalidPart" && may_be_refusal(error));
        // The caller sends it again without the condition, if it may.
        const bool about_condition =
            complete.if_none_match && (error.http_status == 501 || error.code == "NotImplemented" ||
                                       names(error, Feature::complete_condition));
        if (about_condition || !another_form || config_.endpoint.aws) co_return done;
        if (!refusal) refusal = std::move(done.error());
    }
    // Refused in every form, and checksums are the likely reason: another upload, with other
    // checksums, may be completed.
    const bool about_checksums = names(*refusal, feature_of(mode)) || refusal->http_status == 501 ||
                                 refusal->code == "SignatureDoesNotMatch";
    if (mode != ChecksumMode::none && about_checksums) {
        support().refuse(feature_of(mode), true);
        refusal->code = "checksums_refused";
    }
    co_return std::unexpected(std::move(*refusal));
}

io::Task<base::Result<WrittenObject>> S3Client::complete_in(const CompleteUpload& complete,
                                                            CompleteForm form,
                                                            CallContext context) {
    const UploadTarget& upload = complete.upload;
    Call call =
        make_call(Operation::complete_multipart_upload, "POST", upload.bucket, upload.key, context);
    call.request.query = {{"uploadId", upload.upload_id}};
    std::vector<CompletedPart> parts = complete.parts;
    if (!form.part_checksums) {
        for (CompletedPart& part : parts) part.checksum_crc32.clear();
    }
    const std::string text = complete_multipart_upload_body(parts);
    const std::array<base::ByteView, 1> pieces = {base::as_bytes(text)};
    call.body = {pieces, text.size(), 0};
    call.payload = PayloadHash::of(pieces[0]);
    call.request.set_header("content-type", "application/xml");
    if (complete.if_none_match) call.request.set_header("if-none-match", "*");
    if (form.full_object) {
        call.request.set_header("x-amz-checksum-crc32", base::crc32_base64(complete.crc32));
        call.request.set_header("x-amz-checksum-type", "FULL_OBJECT");
        call.request.set_header("x-amz-mp-object-size", std::to_string(complete.object_size));
    }
    WrittenObject result;
    call.parse = [&](const ResponseHead& head, std::string body) -> base::Status {
        const RequestContext request{Operation::complete_multipart_upload, upload.bucket,
                                     upload.key};
        auto parsed = parse_complete_multipart_upload(std::move(body), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        // A store that was not asked for it may have summed up something else.
        if (form.full_object && parsed->checksum_type != "COMPOSITE") {
            const auto repeated = repeats_crc32(parsed->checksum_crc32, complete.crc32);
            if (!repeated) return std::unexpected(repeated.error());
        }
        result = written(head);
        result.etag = std::move(parsed->etag);
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return result;
}

io::Task<base::Status> S3Client::abort_multipart_upload(UploadTarget upload, CallContext context) {
    Call call = make_call(Operation::abort_multipart_upload, "DELETE", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"uploadId", std::move(upload.upload_id)}};
    co_return co_await run(std::move(call));
}

io::Task<base::Result<ListPartsPage>> S3Client::list_parts(UploadTarget upload, std::uint32_t after,
                                                           CallContext context) {
    Call call = make_call(Operation::list_parts, "GET", std::move(upload.bucket),
                          std::move(upload.key), context);
    call.request.query = {{"uploadId", std::move(upload.upload_id)}};
    if (after > 0) call.request.query.emplace_back("part-number-marker", std::to_string(after));
    ListPartsPage page;
    const std::string bucket_name = call.bucket, key_name = call.key;
    call.parse = [&](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::list_parts, bucket_name, key_name};
        auto parsed = parse_list_parts(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        page = std::move(*parsed);
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) {
        base::Error error = done.error();
        // So says Ceph's gateway of an upload that is gone; there is no key to be missed here.
        if (error.code == "NoSuchKey") error.code = "NoSuchUpload";
        co_return std::unexpected(std::move(error));
    }
    co_return page;
}

}  // namespace s3client
