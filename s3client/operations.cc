// The calls that list and read: what each request says, and what makes its answer right. Those that
// write are in operations_upload.cc.
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "s3client/client.h"
#include "s3client/clip.h"
#include "s3client/make_call.h"
#include "s3client/md5.h"
#include "s3client/outcome.h"

namespace s3client {
namespace {

constexpr std::string_view kListPageSize = "1000";  // S3 gives no more

bool is_composite(const ResponseHead& head) {
    return head.get("x-amz-checksum-type") == "COMPOSITE" ||
           head.get("x-amz-checksum-crc32").contains('-');
}

S3Client::StoredCrc32 stored_crc32(const ResponseHead& head) {
    if (is_composite(head)) return std::nullopt;
    return base::crc32_from_base64(head.get("x-amz-checksum-crc32"));
}

// The text that identifies the content: entity-tag = [ weak ] opaque-tag (RFC 9110, 8.8.3). Proxies
// that compress on the way weaken tags.
std::string_view opaque_tag(std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    return unquote_etag(etag);
}

base::Status wrong_object(std::string_view what, std::string_view asked, std::string_view got) {
    return base::fail(base::ErrorKind::precondition, "wrong_object",
                      fmt::format("asked for {} {}, the answer is of {}", what, clip(asked, 100),
                                  clip(got, 100)));
}

// The answer to a GET or HEAD of an object that is known must be of that object. A proxy, a cache
// or a store that ignores If-Match may answer with another; so may an answer that came late.
base::Status check_identity(const ResponseHead& head, std::string_view etag,
                            std::string_view version_id, bool reused) {
    const std::string_view answered = head.get("etag");
    if (!etag.empty() && !answered.empty() && opaque_tag(answered) != opaque_tag(etag))
        return wrong_object("ETag", opaque_tag(etag), opaque_tag(answered));
    const std::string_view version = head.get("x-amz-version-id");
    if (!version_id.empty() && !version.empty() && version != version_id)
        return wrong_object("version", version_id, version);
    if (!etag.empty() && answered.empty() && version.empty() && reused) {
        return base::fail(base::ErrorKind::corrupt, "doubtful_answer",
                          "an answer without an ETag on a connection that was used before");
    }
    return {};
}

// A body that was changed on its way here: decoded, or compressed.
base::Status check_untransformed(const ResponseHead& head, std::uint64_t length) {
    const bool exact = head.body == BodyKind::length && head.content_length == length;
    const std::string_view stored = head.get("x-goog-stored-content-encoding");
    const bool decoded =
        head.get("warning").starts_with("214") ||
        (!stored.empty() && stored != "identity" && head.get("content-encoding") != stored);
    const bool encoded = !head.get("content-encoding").empty() && !exact;
    if (!decoded && !encoded) return {};
    return base::fail(base::ErrorKind::corrupt, "transformed_body",
                      fmt::format("the store or a proxy {} the object on the way (Content-Encoding "
                                  "'{}', stored '{}'): the stored bytes cannot be had",
                                  decoded ? "decoded" : "encoded",
                                  clip(head.get("content-encoding"), 40), clip(stored, 40)));
}

// A GET of a range must be answered by exactly that range of an object of the size we know. The
// whole object may come as a 200. On a connection that was used before, the head of a 200 may be
// the answer to a HEAD, which no body follows.
base::Status check_range(const ResponseHead& head, ByteRange range, std::uint64_t object_size,
                         bool reused) {
    if (auto ok = check_untransformed(head, range.length); !ok) return ok;
    const bool whole = range.offset == 0 && range.length == object_size;
    bool right = head.status == 200 && whole && !reused;
    if (head.status == 206) {
        const auto got = parse_content_range(head.get("content-range"));
        right = got && got->first == range.offset && got->last == range.offset + range.length - 1 &&
                (!got->size || *got->size == object_size);
    }
    if (!right) {
        return base::fail(base::ErrorKind::corrupt, "wrong_range",
                          fmt::format("asked for 'bytes {}-{}/{}', got status {} with '{}'",
                                      range.offset, range.offset + range.length - 1, object_size,
                                      head.status, clip(head.get("content-range"), 100)));
    }
    if (head.body != BodyKind::length || head.content_length != range.length) {
        return base::fail(base::ErrorKind::corrupt, "wrong_length",
                          fmt::format("a body of {} bytes was due, the answer has {}", range.length,
                                      head.content_length
                                          ? fmt::format("{} bytes", *head.content_length)
                                          : std::string("no length (chunked, or until its end)")));
    }
    return {};
}

// Whether an answer is the page that was asked for, as far as the store repeats the request in it.
// Stores differ in how they write the prefix; a prefix that is not the same in any way of writing
// it belongs to another request.
bool is_page_of(const ListObjectsPage& page, std::string_view bucket, std::string_view prefix,
                std::string_view token, bool repeats_tokens) {
    if (page.bucket && *page.bucket != bucket) return false;
    if (page.prefix_text && *page.prefix_text != prefix) {
        const auto is_prefix = [&](bool plus_is_space) {
            const auto decoded = base::percent_decode(*page.prefix_text, plus_is_space);
            return decoded && *decoded == prefix;
        };
        if (!is_prefix(false) && !is_prefix(true)) return false;
    }
    if (page.continuation_token) return *page.continuation_token == token;
    return token.empty() || !repeats_tokens;
}

}  // namespace

io::Task<base::Result<ListObjectsPage>> S3Client::list_objects(std::string bucket,
                                                               std::string prefix,
                                                               std::string continuation_token,
                                                               CallContext context) {
    Call call = make_call(Operation::list_objects, "GET", std::move(bucket), "", context);
    call.request.query = {
        {"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", std::string(kListPageSize)}};
    const std::string asked_prefix = prefix, asked_token = continuation_token;
    if (!prefix.empty()) call.request.query.emplace_back("prefix", std::move(prefix));
    if (!continuation_token.empty()) {
        call.request.query.emplace_back("continuation-token", std::move(continuation_token));
    }
    // Without it archived objects that have been restored look like those that have not.
    call.request.set_header("x-amz-optional-object-attributes", "RestoreStatus");
    ListObjectsPage page;
    const std::string bucket_name = call.bucket;
    std::optional<std::string> mismatch;  // of the attempt before
    call.parse = [&](const ResponseHead& head, std::string body) -> base::Status {
        const RequestContext request{Operation::list_objects, bucket_name, {}};
        auto parsed = parse_list_objects(std::move(body), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        if (parsed->continuation_token) repeats_tokens_ = true;
        if (!is_page_of(*parsed, bucket_name, asked_prefix, asked_token, repeats_tokens_)) {
            // The same answer over another connection is this store's way of writing it.
            std::string seen = parsed->bucket.value_or("") + "/" +
                               parsed->prefix_text.value_or("") + "?" +
                               parsed->continuation_token.value_or("");
            if (mismatch != seen) {
                mismatch = std::move(seen);
                return base::fail(base::ErrorKind::corrupt, "wrong_answer",
                                  "a listing that was not asked for");
            }
        }
        page = std::move(*parsed);
        return {};
    };
    if (auto done = co_await run_adapting(std::move(call), {Feature::list_attributes}); !done)
        co_return std::unexpected(done.error());
    co_return page;
}

io::Task<base::Result<ObjectHead>> S3Client::head_object(ObjectVersion object,
                                                         WithChecksum checksum,
                                                         CallContext context) {
    Call call = make_call(Operation::head_object, "HEAD", std::move(object.bucket),
                          std::move(object.key), context);
    if (!object.version_id.empty())
        call.request.query = {{"versionId", std::move(object.version_id)}};
    if (checksum == WithChecksum::yes) call.request.set_header("x-amz-checksum-mode", "ENABLED");
    // Without it Google's store gives the size of decoded objects, or none.
    call.request.set_header("accept-encoding", "gzip");
    const std::string version_id =
        call.request.query.empty() ? std::string() : call.request.query.front().second;
    call.check = [&version_id](const ResponseHead& head, bool reused) {
        return check_identity(head, {}, version_id, reused);
    };
    ObjectHead found;
    call.parse = [&found](const ResponseHead& head, std::string) -> base::Status {
        if (!head.content_length) {
            return base::fail(base::ErrorKind::corrupt, "bad_answer",
                              "HEAD was answered without a length");
        }
        found.size = *head.content_length;
        found.etag = unquote_etag(head.get("etag"));
        found.storage_class = head.get("x-amz-storage-class");
        found.archive_status = head.get("x-amz-archive-status");
        found.version_id = head.get("x-amz-version-id");
        found.job_mark = head.get(fmt::format("x-amz-meta-{}", kJobMarkName));
        // ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"
        found.restored = head.get("x-amz-restore").contains("ongoing-request=\"false\"");
        (is_composite(head) ? found.composite_crc32 : found.checksum_crc32) =
            head.get("x-amz-checksum-crc32");
        if (const auto modified = base::parse_http_date(head.get("last-modified"))) {
            found.last_modified_s =
                std::chrono::floor<std::chrono::seconds>(*modified).time_since_epoch().count();
        }
        return {};
    };
    if (auto done = co_await run_adapting(std::move(call), {Feature::read_checksums}); !done)
        co_return std::unexpected(done.error());
    co_return found;
}

bool ObjectHead::is_archived() const {
    return (is_archive_class(storage_class) || !archive_status.empty()) && !restored;
}

io::Task<base::Result<S3Client::StoredCrc32>> S3Client::get_object(GetObject get,
                                                                   BodyReceiver& receiver,
                                                                   CallContext context) {
    CHECK(get.range.length > 0);
    CountingReceiver counted(receiver);
    Call call = make_call(Operation::get_object, "GET", std::move(get.object.bucket),
                          std::move(get.object.key), context);
    if (!get.object.version_id.empty()) call.request.query = {{"versionId", get.object.version_id}};
    // A weak tag never matches (RFC 9110, 13.1.1); the answer's is compared in any case.
    if (!get.etag.empty() && !get.etag.starts_with("W/"))
        call.request.set_header("if-match", quote_etag(get.etag));
    // Nothing identifies the answer: it is believed on a connection of its own only.
    call.context.fresh_connection |= get.etag.empty() && get.object.version_id.empty();
    // The bytes as they are stored: Google's store decodes objects for clients that take no gzip.
    call.request.set_header("accept-encoding", "gzip");
    const bool whole = get.range.length == get.object_size;
    if (whole) call.request.set_header("x-amz-checksum-mode", "ENABLED");
    StoredCrc32 stored;
    call.receiver = &counted;
    call.response_size = get.range.length;
    const auto left = [&counted, range = get.range] {
        return ByteRange{range.offset + counted.count(), range.length - counted.count()};
    };
    call.prepare = [&left](HttpRequest& request) {
        const ByteRange range = left();
        request.set_header(
            "range", fmt::format("bytes={}-{}", range.offset, range.offset + range.length - 1));
    };
    call.check = [&](const ResponseHead& head, bool reused) -> base::Status {
        auto same = check_identity(head, get.etag, get.object.version_id, reused);
        if (!same) return same;
        if (whole && counted.count() == 0) stored = stored_crc32(head);
        if (get.opaque_etag != nullptr) *get.opaque_etag = has_opaque_etag(head);
        return check_range(head, left(), get.object_size, reused);
    };
    auto done =
        co_await run_adapting(std::move(call), {Feature::read_checksums, Feature::if_match});
    if (!done) co_return std::unexpected(done.error());
    co_return stored;
}

io::Task<base::Result<ListUploadsPage>> S3Client::list_multipart_uploads(
    std::string bucket, std::string prefix, std::string key_marker, std::string upload_id_marker,
    CallContext context) {
    Call call = make_call(Operation::list_multipart_uploads, "GET", std::move(bucket), "", context);
    call.request.query = {
        {"uploads", ""}, {"encoding-type", "url"}, {"max-uploads", std::string(kListPageSize)}};
    const auto add = [&call](std::string_view name, std::string value) {
        if (!value.empty()) call.request.query.emplace_back(name, std::move(value));
    };
    add("prefix", std::move(prefix));
    add("key-marker", std::move(key_marker));
    add("upload-id-marker", std::move(upload_id_marker));
    ListUploadsPage page;
    const std::string bucket_name = call.bucket;
    call.parse = [&](const ResponseHead& head, std::string text) -> base::Status {
        const RequestContext request{Operation::list_multipart_uploads, bucket_name, ""};
        auto parsed = parse_list_multipart_uploads(std::move(text), {request, head});
        if (!parsed) return std::unexpected(parsed.error());
        page = std::move(*parsed);
        if (const auto date = base::parse_http_date(head.get("date"))) page.answered_at = *date;
        return {};
    };
    if (auto done = co_await run(std::move(call)); !done) co_return std::unexpected(done.error());
    co_return page;
}

// Sends a request that carries optional features. After a refusal it is sent without those that the
// refusal names, or, if it names none, without each in turn and without all: what then succeeds is
// what the store supports.
io::Task<base::Status> S3Client::run_adapting(Call call, std::vector<Feature> features) {
    std::vector<Feature> untried;
    for (const Feature feature : features) {
        if (!support().may_use(feature))
            drop(feature, call.request);
        else if (carries(feature, call.request) &&
                 support().state(feature) == StoreSupport::State::unknown)
            untried.push_back(feature);
    }
    if (untried.empty()) co_return co_await run(std::move(call));
    auto done = co_await run_without(call, {});
    if (done) {
        for (const Feature feature : untried) support().accept(feature);
        co_return done;
    }
    if (!may_be_refusal(done.error())) co_return done;
    std::vector<Feature> named;
    std::ranges::copy_if(untried, std::back_inserter(named),
                         [&](Feature feature) { return names(done.error(), feature); });
    std::vector<std::vector<Feature>> attempts;
    if (named.empty()) {
        for (const Feature feature : untried) attempts.push_back({feature});
        if (untried.size() > 1) attempts.push_back(untried);
    } else {
        attempts.push_back(named);
    }
    for (const auto& without : attempts) {
        auto again = co_await run_without(call, without);
        // Without the header that was named, the next refusal is about something else. A guess that
        // does not help says nothing: the first refusal stands.
        if (!again && named.empty() && again.error().kind == base::ErrorKind::invalid) continue;
        if (again) {
            for (const Feature feature : without) support().refuse(feature, !named.empty());
        }
        co_return again;
    }
    co_return done;
}

io::Task<base::Status> S3Client::run_without(const Call& call, std::span<const Feature> features) {
    Call plain = call;
    for (const Feature feature : features) drop(feature, plain.request);
    co_return co_await run(std::move(plain));
}

}  // namespace s3client
