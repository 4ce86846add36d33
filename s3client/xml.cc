#include "s3client/xml.h"

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "s3client/clip.h"
#include "s3client/xml_reader.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

constexpr std::size_t kErrorExtraMax = 32;
constexpr std::uint64_t kPartNumberMax = 10'000;
constexpr std::uint64_t kObjectSizeMax = INT64_MAX;  // what JSON and other programs can hold

// <Error>, bare or within <ErrorResponse>.
std::optional<Element> find_error(const Element& root) {
    if (root.is("Error")) return root;
    if (!root.is("ErrorResponse")) return std::nullopt;
    for (Element e = root.first(); e; e = e.next()) {
        if (e.is("Error")) return e;
    }
    return std::nullopt;
}

ErrorBody read_error(const Element& error) {
    ErrorBody body;
    for (Element e = error.first(); e; e = e.next()) {
        const bool known = e.text("Code", body.code) || e.text("Message", body.message) ||
                           e.text("RequestId", body.request_id) || e.text("HostId", body.host_id) ||
                           e.text("Region", body.region) || e.text("Resource", body.resource) ||
                           e.text("Key", body.key);
        if (!known && body.extra.size() < kErrorExtraMax) {
            body.extra.emplace_back(std::string(e.name()), e.text());
        }
    }
    return body;
}

// The first bytes of a body, for an error message: printable ASCII, '?' for the rest.
std::string excerpt(std::string_view body) {
    constexpr std::size_t kShownMax = 120;
    std::string text(body.substr(0, kShownMax));
    for (char& c : text) {
        if (c == '\n' || c == '\r' || c == '\t') c = ' ';
        if (c < ' ' || c > '~') c = '?';
    }
    if (body.size() > kShownMax) text += "...";
    return text;
}

bool has_percent_space(const Element& element) {
    for (Element e = element.first(); e; e = e.next()) {
        if ((e.is("Key") || e.is("Prefix")) && e.text().contains("%20")) return true;
    }
    return false;
}

// Stores that answer with encoding-type=url write a space in one of two ways: AWS, MinIO and others
// as '+' (and a plus as %2B); Ceph, Swift and others as %20. Where a page has %20, '+' is itself.
void decode_keys(XmlReader& reader, const Element& root) {
    for (Element e = root.first(); e; e = e.next()) {
        if (e.is("EncodingType")) reader.set_keys_are_encoded(e.text() == "url");
    }
    if (!reader.keys_are_encoded()) return;
    for (Element e = root.first(); e; e = e.next()) {
        if (!has_percent_space(e)) continue;
        reader.set_plus_is_space(false);
        return;
    }
}

// The result document of one call: walked once, checked, and at the end a value or what was wrong.
class ResultDocument {
  public:
    ResultDocument(std::string& body, std::string_view root_name, const Answer& answer)
        : answer_(answer),
          received_(fmt::format("{} bytes of {}: {}", body.size(), content_type(answer.head),
                                excerpt(body))),
          reader_(body) {
        const Element root = reader_.root();
        if (!root) return;
        if (const auto error = find_error(root)) {
            error_ = to_error(answer.request, answer.head, read_error(*error));
            return;
        }
        require(root.is(root_name),
                fmt::format("<{}> instead of <{}>", excerpt(clip(root.name(), 60)), root_name));
        decode_keys(reader_, root);
        root_ = root;
    }

    template <typename Visit>
    void each(const Visit& visit) {
        if (!root_) return;
        for (Element e = root_->first(); e; e = e.next()) visit(e);
    }

    void require(bool condition, std::string_view what) { reader_.require(condition, what); }
    XmlReader& reader() { return reader_; }

    template <typename T>
    Result<T> finish(T value) {
        if (error_) return base::fail(std::move(*error_));
        if (reader_.wrong().empty()) return value;
        base::Error error{ErrorKind::corrupt, "bad_xml", {}, answer_.head.status, {}, {}};
        error.detail = fmt::format("the answer is no answer of S3: {}; received {}",
                                   reader_.wrong(), received_);
        error.request_id = answer_.head.get("x-amz-request-id");
        return base::fail(std::move(error));
    }

  private:
    static std::string content_type(const ResponseHead& head) {
        const std::string_view type = head.get("content-type");
        return type.empty() ? "no type" : excerpt(clip(type, 60));
    }

    const Answer& answer_;
    const std::string received_;  // of a body that the reader changes
    XmlReader reader_;
    std::optional<Element> root_;
    std::optional<base::Error> error_;
};

// A restored copy has an expiry date; while it is being made there is none.
bool read_restore_status(const Element& element, ListedObject& object) {
    if (!element.is("RestoreStatus")) return false;
    std::optional<bool> in_progress;
    std::string expiry;
    for (Element e = element.first(); e; e = e.next()) {
        e.flag("IsRestoreInProgress", in_progress) || e.text("RestoreExpiryDate", expiry);
    }
    object.restored = in_progress == false && !expiry.empty();
    return true;
}

ListedObject read_object(XmlReader& reader, const Element& contents) {
    ListedObject object;
    const bool was_right = reader.wrong().empty();
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> modified_s;
    std::string algorithm;
    std::size_t algorithms = 0;
    for (Element e = contents.first(); e; e = e.next()) {
        e.key("Key", object.key) || e.time("LastModified", modified_s) ||
            e.etag("ETag", object.etag) || e.number("Size", size, 0, kObjectSizeMax) ||
            e.text("StorageClass", object.storage_class) || read_restore_status(e, object) ||
            e.text("ChecksumType", object.checksum_type) ||
            (e.text("ChecksumAlgorithm", algorithm) && ++algorithms != 0);
    }
    reader.require(!object.key.empty(), "an object without a <Key>");
    // s3proxy gives neither for folders; then a HEAD does.
    object.size_known = size.has_value();
    reader.require(modified_s.has_value() || !size, "an object without a <LastModified>");
    if (was_right && !object.key.empty()) reader.blame(object.key);
    object.size = size.value_or(0);
    object.last_modified_s = modified_s.value_or(0);
    if (algorithms == 1) object.checksum_algorithm = std::move(algorithm);
    return object;
}

std::string read_common_prefix(XmlReader& reader, const Element& prefixes) {
    std::string prefix;
    for (Element e = prefixes.first(); e; e = e.next()) e.key("Prefix", prefix);
    reader.require(!prefix.empty(), "<CommonPrefixes> without a <Prefix>");
    return prefix;
}

ListedPart read_part(XmlReader& reader, const Element& element) {
    ListedPart part;
    std::optional<std::uint64_t> number;
    std::optional<std::uint64_t> size;
    for (Element e = element.first(); e; e = e.next()) {
        e.number("PartNumber", number, 1, kPartNumberMax) || e.number("Size", size) ||
            e.etag("ETag", part.etag) || e.text("ChecksumCRC32", part.checksum_crc32);
    }
    reader.require(number.has_value(), "a part without a <PartNumber>");
    reader.require(size.has_value(), "a part without a <Size>");
    reader.require(!part.etag.empty(), "a part without an <ETag>");
    part.number = static_cast<std::uint32_t>(number.value_or(0));
    part.size = size.value_or(0);
    return part;
}

bool read_initiator(const Element& element, std::string& id) {
    if (!element.is("Initiator")) return false;
    for (Element e = element.first(); e; e = e.next()) e.text("ID", id);
    return true;
}

ListedUpload read_upload(XmlReader& reader, const Element& element) {
    ListedUpload upload;
    std::optional<std::int64_t> initiated_s;
    for (Element e = element.first(); e; e = e.next()) {
        e.key("Key", upload.key) || e.text("UploadId", upload.upload_id) ||
            e.time("Initiated", initiated_s) || e.text("StorageClass", upload.storage_class) ||
            e.text("ChecksumAlgorithm", upload.checksum_algorithm) ||
            e.text("ChecksumType", upload.checksum_type) || read_initiator(e, upload.initiator_id);
    }
    reader.require(!upload.key.empty(), "an upload without a <Key>");
    reader.require(!upload.upload_id.empty(), "an upload without an <UploadId>");
    upload.initiated_s = initiated_s.value_or(0);
    return upload;
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            default: out += c;
        }
    }
}

}  // namespace

bool is_archive_class(std::string_view storage_class) {
    return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

bool ListedObject::is_archived() const { return is_archive_class(storage_class) && !restored; }

Result<ListObjectsPage> parse_list_objects(std::string body, const Answer& answer) {
    ResultDocument document(body, "ListBucketResult", answer);
    ListObjectsPage page;
    page.objects.reserve(std::min<std::size_t>(1000, body.size() / 200 + 1));
    std::optional<bool> truncated;
    document.each([&](const Element& e) {
        if (e.is("Contents")) {
            page.objects.push_back(read_object(document.reader(), e));
        } else if (e.is("CommonPrefixes")) {
            page.common_prefixes.push_back(read_common_prefix(document.reader(), e));
        } else {
            std::string text;
            if (e.text("Prefix", text))
                page.prefix_text = std::move(text);
            else if (e.text("Name", text))
                page.bucket = std::move(text);
            else if (e.text("ContinuationToken", text))
                page.continuation_token = std::move(text);
            else
                e.flag("IsTruncated", truncated) ||
                    e.text("NextContinuationToken", page.next_continuation_token);
        }
    });
    // With a token there are more pages, unless the answer says that there are not.
    const bool has_token = !page.next_continuation_token.empty();
    document.require(truncated || has_token, "no <IsTruncated>");
    // Without a token the rest of the listing would be lost in silence.
    document.require(!truncated.value_or(false) || has_token,
                     "truncated, but no <NextContinuationToken>");
    if (!truncated.value_or(has_token)) page.next_continuation_token.clear();
    return document.finish(std::move(page));
}

Result<std::string> parse_create_multipart_upload(std::string body, const Answer& answer) {
    ResultDocument document(body, "InitiateMultipartUploadResult", answer);
    std::string upload_id;
    document.each([&](const Element& e) { e.text("UploadId", upload_id); });
    document.require(!upload_id.empty(), "no <UploadId>");
    return document.finish(std::move(upload_id));
}

Result<CompletedUpload> parse_complete_multipart_upload(std::string body, const Answer& answer) {
    ResultDocument document(body, "CompleteMultipartUploadResult", answer);
    CompletedUpload upload;
    bool named = false;
    document.each([&](const Element& e) {
        named = named || e.is("ETag");
        e.etag("ETag", upload.etag) || e.text("Location", upload.location) ||
            e.text("ChecksumCRC32", upload.checksum_crc32) ||
            e.text("ChecksumType", upload.checksum_type);
    });
    document.require(named, "no <ETag>");  // empty by Ceph RGW 16, though the upload is complete
    return document.finish(std::move(upload));
}

Result<CopiedPart> parse_copy_part(std::string body, const Answer& answer) {
    ResultDocument document(body, "CopyPartResult", answer);
    CopiedPart part;
    document.each([&](const Element& e) {
        e.etag("ETag", part.etag) || e.text("ChecksumCRC32", part.checksum_crc32);
    });
    document.require(!part.etag.empty(), "no <ETag>");
    return document.finish(std::move(part));
}

Result<ListPartsPage> parse_list_parts(std::string body, const Answer& answer) {
    ResultDocument document(body, "ListPartsResult", answer);
    ListPartsPage page;
    std::optional<bool> truncated;
    std::optional<std::uint64_t> marker;
    document.each([&](const Element& e) {
        if (e.is("Part")) {
            page.parts.push_back(read_part(document.reader(), e));
        } else {
            e.flag("IsTruncated", truncated) ||
                e.number("NextPartNumberMarker", marker, 0, kPartNumberMax) ||
                e.text("ChecksumAlgorithm", page.checksum_algorithm) ||
                e.text("ChecksumType", page.checksum_type);
        }
    });
    document.require(truncated.has_value(), "no <IsTruncated>");
    document.require(!truncated.value_or(false) || marker,
                     "truncated, but no <NextPartNumberMarker>");
    if (truncated.value_or(false)) {
        page.next_part_number_marker = static_cast<std::uint32_t>(marker.value_or(0));
    }
    return document.finish(std::move(page));
}

Result<ListUploadsPage> parse_list_multipart_uploads(std::string body, const Answer& answer) {
    ResultDocument document(body, "ListMultipartUploadsResult", answer);
    ListUploadsPage page;
    std::optional<bool> truncated;
    document.each([&](const Element& e) {
        if (e.is("Upload")) {
            page.uploads.push_back(read_upload(document.reader(), e));
        } else {
            e.flag("IsTruncated", truncated) || e.key("NextKeyMarker", page.next_key_marker) ||
                e.text("NextUploadIdMarker", page.next_upload_id_marker);
        }
    });
    document.require(truncated.has_value(), "no <IsTruncated>");
    page.truncated = truncated.value_or(false);
    document.require(!page.truncated || !page.next_key_marker.empty(),
                     "truncated, but no <NextKeyMarker>");
    return document.finish(std::move(page));
}

ErrorBody parse_error_body(std::string body) {
    XmlReader reader(body);
    const auto error = find_error(reader.root());
    return error ? read_error(*error) : ErrorBody{};
}

std::string complete_multipart_upload_body(const std::vector<CompletedPart>& parts) {
    std::string body;
    body.reserve(128 + parts.size() * 160);
    body += R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
    for (const CompletedPart& part : parts) {
        body.append("<Part><PartNumber>").append(std::to_string(part.number));
        body.append("</PartNumber><ETag>");
        append_escaped(body, quote_etag(part.etag));
        body.append("</ETag>");
        if (!part.checksum_crc32.empty()) {
            body.append("<ChecksumCRC32>");
            append_escaped(body, part.checksum_crc32);
            body.append("</ChecksumCRC32>");
        }
        body.append("</Part>");
    }
    body += "</CompleteMultipartUpload>";
    return body;
}

std::string_view unquote_etag(std::string_view etag) {
    const bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
    return quoted ? etag.substr(1, etag.size() - 2) : etag;
}

std::string quote_etag(std::string_view etag) { return fmt::format("\"{}\"", unquote_etag(etag)); }

}  // namespace s3client
