// S3's XML bodies: a result that is complete, or an error; never more text than there was.
//
// Input: the last byte says which parser, the rest is the body; or it is a key, which a listing in
// each encoding must give back.
#include "s3client/xml.h"

#include <fmt/format.h>
#include <string>

#include "base/check.h"
#include "fuzz_input.h"

namespace {

using s3client::Answer;

// A key of 200 bytes, 120 of the body, and the words.
constexpr std::size_t kDetailMax = 1'000;

template <typename T>
bool is_good(const base::Result<T>& result) {
    if (result) return true;
    CHECK(!result.error().code.empty());
    const std::string& detail = result.error().detail;
    CHECK(!detail.empty());
    if (result.error().code != "bad_xml") return false;
    // The excerpt of the answer is clipped and printable.
    CHECK(detail.size() < kDetailMax);
    const std::size_t received = detail.rfind("; received ");
    CHECK(received != std::string::npos);
    for (const char c : std::string_view(detail).substr(received)) CHECK(c >= ' ' && c <= '~');
    return false;
}

void list_objects(std::string_view body, const Answer& answer) {
    const auto page = s3client::parse_list_objects(std::string(body), answer);
    if (!is_good(page)) return;
    std::size_t text = page->next_continuation_token.size();
    for (const s3client::ListedObject& object : page->objects) {
        CHECK(!object.key.empty());
        CHECK(object.size <= static_cast<std::uint64_t>(INT64_MAX));
        text += object.key.size() + object.etag.size() + object.storage_class.size();
    }
    for (const std::string& prefix : page->common_prefixes) CHECK(!prefix.empty());
    CHECK(text <= body.size());
}

void list_parts(std::string_view body, const Answer& answer) {
    const auto page = s3client::parse_list_parts(std::string(body), answer);
    if (!is_good(page)) return;
    for (const s3client::ListedPart& part : page->parts) {
        CHECK(part.number >= 1 && part.etag.size() <= body.size());
    }
}

void list_uploads(std::string_view body, const Answer& answer) {
    const auto page = s3client::parse_list_multipart_uploads(std::string(body), answer);
    if (!is_good(page)) return;
    for (const s3client::ListedUpload& upload : page->uploads) {
        CHECK(!upload.key.empty() && !upload.upload_id.empty());
    }
    CHECK(!page->truncated || !page->next_key_marker.empty());
}

void error_body(std::string_view body) {
    const s3client::ErrorBody error = s3client::parse_error_body(std::string(body));
    CHECK(error.code.size() + error.message.size() + error.request_id.size() <= body.size());
    s3client::ResponseHead head;
    head.status = 500;
    const s3client::RequestContext request{s3client::Operation::get_object, "bucket", "key"};
    CHECK(!s3client::to_error(request, head, error).code.empty());
}

enum class Encoding { none, percent, form };  // form: a space is '+'

std::string listing_of(std::string_view key, Encoding encoding) {
    const bool is_url = encoding != Encoding::none;
    std::string encoded;
    for (const char c : key) {
        encoded += encoding == Encoding::form && c == ' '
                       ? "+"
                       : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    if (!is_url) encoded = key;
    return fmt::format(
        "<ListBucketResult><IsTruncated>false</IsTruncated>{}<Contents><Key>{}</Key><Size>1</Size>"
        "<LastModified>2026-11-20T13:05:02.000Z</LastModified></Contents></ListBucketResult>",
        is_url ? "<EncodingType>url</EncodingType>" : "", encoded);
}

void key_comes_back(std::string_view key, const Answer& answer) {
    for (const Encoding encoding : {Encoding::percent, Encoding::form}) {
        const auto page = s3client::parse_list_objects(listing_of(key, encoding), answer);
        CHECK(page.has_value() == !key.empty());
        if (page) CHECK(page->objects.size() == 1 && page->objects[0].key == key);
    }
    const bool is_plain = key.find_first_of("&<>\r") == std::string_view::npos;
    if (key.empty() || !is_plain || key.contains('\0')) return;
    const auto as_it_is = s3client::parse_list_objects(listing_of(key, Encoding::none), answer);
    CHECK(as_it_is && as_it_is->objects[0].key == key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const unsigned parser = input.byte();
    const std::string_view body = input.rest();
    const s3client::RequestContext request{s3client::Operation::list_objects, "bucket", "key"};
    s3client::ResponseHead head;
    head.status = 200;
    const Answer answer{request, head};
    switch (parser % 8) {
        case 0: list_objects(body, answer); break;
        case 1: {
            const auto id = s3client::parse_create_multipart_upload(std::string(body), answer);
            CHECK(!is_good(id) || !id->empty());
            break;
        }
        case 2:
            is_good(s3client::parse_complete_multipart_upload(std::string(body), answer));
            break;
        case 3: is_good(s3client::parse_copy_part(std::string(body), answer)); break;
        case 4: list_parts(body, answer); break;
        case 5: list_uploads(body, answer); break;
        case 6: error_body(body); break;
        default: key_comes_back(body, answer);
    }
    return 0;
}
