// S3's XML bodies: realistic ones, odd but legal ones, and broken ones.
#include "s3client/xml.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
constexpr std::string_view kNamespace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

ResponseHead ok_head() {
    ResponseHead head;
    head.status = 200;
    head.headers = {{"x-amz-request-id", "REQ1"}};
    return head;
}
const ResponseHead kHead = ok_head();
const RequestContext kRequest{Operation::list_objects, "photos", "out.zip"};
const Answer kAnswer{kRequest, kHead};

std::string document(std::string_view root, std::string_view inner) {
    std::string text(kDeclaration);
    return text.append("<")
        .append(root)
        .append(kNamespace)
        .append(">")
        .append(inner)
        .append("</")
        .append(root)
        .append(">");
}

std::string contents(std::string_view key, std::string_view size = "5") {
    std::string text = "<Contents><Key>";
    return text.append(key)
        .append(
            "</Key><LastModified>2026-11-20T13:05:02.000Z</LastModified><ETag>"
            "&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><Size>")
        .append(size)
        .append("</Size><StorageClass>STANDARD</StorageClass></Contents>");
}

std::string listing(std::string_view inner, std::string_view truncated = "false") {
    std::string text = "<Name>photos</Name><IsTruncated>";
    return document("ListBucketResult",
                    text.append(truncated).append("</IsTruncated>").append(inner));
}

// The one word of a failed parse; "" if it succeeded.
std::string code_of(const auto& result) { return result ? "" : result.error().code; }

TEST(ListObjects, ReadsAPageAsAwsWritesIt) {
    const auto page = parse_list_objects(
        R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name>)"
        R"(<Prefix>2026/</Prefix>)"
        R"(<NextContinuationToken>1ueGcxLPRx1Tr/XYEx=</NextContinuationToken>)"
        R"(<KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>)"
        R"(<IsTruncated>true</IsTruncated><Contents><Key>2026/a+b%2B%26.jpg</Key>)"
        R"(<LastModified>2009-10-12T17:50:30.000Z</LastModified>)"
        R"(<ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>)"
        R"(<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>)"
        R"(<ChecksumType>FULL_OBJECT</ChecksumType>)"
        R"(<Size>434234</Size><StorageClass>STANDARD</StorageClass></Contents>)"
        R"(<Contents><Key>2026/big</Key><LastModified>2026-11-20T13:05:02Z</LastModified>)"
        R"(<ETag>"abc-12"</ETag><Size>53687091200</Size><Owner><ID>x</ID></Owner>)"
        R"(<StorageClass>GLACIER_IR</StorageClass></Contents>)"
        R"(<CommonPrefixes><Prefix>2026/sub%2F</Prefix></CommonPrefixes></ListBucketResult>)",
        kAnswer);
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->objects.size(), 2U);
    const ListedObject& first = page->objects[0];
    EXPECT_EQ(first.key, "2026/a b+&.jpg");
    EXPECT_EQ(first.size, 434234U);
    EXPECT_EQ(first.etag, "fba9dede5f27731c9771645a39863328");
    EXPECT_EQ(first.last_modified_s, 1255369830);
    EXPECT_EQ(first.storage_class, "STANDARD");
    EXPECT_EQ(first.checksum_algorithm, "CRC64NVME");
    EXPECT_EQ(first.checksum_type, "FULL_OBJECT");
    EXPECT_EQ(page->objects[1].size, 53687091200U);
    EXPECT_EQ(page->objects[1].etag, "abc-12");
    EXPECT_EQ(page->objects[1].storage_class, "GLACIER_IR");
    EXPECT_EQ(page->objects[1].checksum_algorithm, "");
    EXPECT_EQ(page->common_prefixes, std::vector<std::string>{"2026/sub/"});
    EXPECT_EQ(page->next_continuation_token, "1ueGcxLPRx1Tr/XYEx=");
}

TEST(ListObjects, EmptyBucket) {
    const auto page = parse_list_objects(listing("<KeyCount>0</KeyCount>"), kAnswer);
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->objects.empty());
    EXPECT_TRUE(page->next_continuation_token.empty());
}

// A text that ends early would be another key.
TEST(ListObjects, CharactersThatDoNotExist) {
    using namespace std::string_view_literals;
    EXPECT_TRUE(parse_list_objects(listing(contents("a&#1;&#x10FFFF;&#;&#x;b")), kAnswer));
    for (const std::string_view none : {"&#0;"sv, "&#x0;"sv, "&#000;"sv, "&#4294967296;"sv,
                                        "&#x110000;"sv, "&#x100000041;"sv, "\0"sv}) {
        const std::string key = "a" + std::string(none) + "b";
        EXPECT_EQ(code_of(parse_list_objects(listing(contents(key)), kAnswer)), "bad_xml") << none;
    }
}

struct KeyCase {
    const char* encoding;
    std::string_view in_xml;
    std::string_view key;
};

TEST(ListObjects, KeysOfAllKinds) {
    const KeyCase cases[] = {
        {"", "a&amp;b&lt;c&gt;&quot;d&apos;", "a&b<c>\"d'"},
        {"", "a+b%20c", "a+b%20c"},
        {"",
         "Gr\xc3\xbc\xc3\x9f"
         "e/\xf0\x9f\x98\x80",
         "Gr\xc3\xbc\xc3\x9f"
         "e/\xf0\x9f\x98\x80"},
        {"", "&#xFC;&#8364;", "\xc3\xbc\xe2\x82\xac"},
        {"", "a&#13;b", "a\rb"},
        {"", " lead and trail ", " lead and trail "},
        {"", " ", " "},
        {"", "<![CDATA[a<b&c]]>", "a<b&c"},
        {"", "a<!-- no -->b<![CDATA[c]]>", "abc"},
        {"url", "a%0Db%0Ac%01", "a\rb\nc\x01"},
        {"url", "%E2%82%AC+%2B", "\xe2\x82\xac +"},
        {"url", "%FF%FE", "\xff\xfe"},
        {"url", "a&amp;b", "a&b"},
        {"url", "+", " "},
        {"url", "100%25", "100%"},
    };
    for (const KeyCase& c : cases) {
        std::string inner;
        // Contents may come before EncodingType: what it says holds all the same.
        inner.append(contents(c.in_xml));
        if (*c.encoding != '\0') {
            inner.append("<EncodingType>").append(c.encoding).append("</EncodingType>");
        }
        const auto page = parse_list_objects(listing(inner), kAnswer);
        ASSERT_TRUE(page) << c.in_xml << page.error().to_string();
        ASSERT_EQ(page->objects.size(), 1U);
        EXPECT_EQ(page->objects[0].key, c.key) << c.in_xml;
    }
}

TEST(ListObjects, NamespacesDoNotMatter) {
    const std::string plain = "<ListBucketResult><IsTruncated>false</IsTruncated>" + contents("k") +
                              "</ListBucketResult>";
    const std::string prefixed =
        "<s3:ListBucketResult xmlns:s3='urn:x'><s3:IsTruncated>false</s3:IsTruncated><s3:Contents>"
        "<s3:Key>k</s3:Key><s3:Size>5</s3:Size>"
        "<s3:LastModified>2026-11-20T13:05:02.000Z</s3:LastModified></s3:Contents></"
        "s3:ListBucketResult>";
    for (const std::string& body : {plain, prefixed}) {
        const auto page = parse_list_objects(body, kAnswer);
        ASSERT_TRUE(page) << body;
        ASSERT_EQ(page->objects.size(), 1U);
        EXPECT_EQ(page->objects[0].key, "k");
    }
}

TEST(ListObjects, SeveralChecksumAlgorithmsAreNone) {
    std::string object = contents("k");
    object.insert(
        object.find("<Size>"),
        "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA1</ChecksumAlgorithm>");
    EXPECT_EQ(parse_list_objects(listing(object), kAnswer)->objects[0].checksum_algorithm, "");
}

TEST(ListObjects, IndentedXmlIsTheSame) {
    const auto page = parse_list_objects(
        "<ListBucketResult>\r\n  <IsTruncated>false</IsTruncated>\n  <Contents>\n    "
        "<Key>k</Key>\n    "
        "<Size>0</Size>\n    <LastModified>2026-11-20T13:05:02.000Z</LastModified>\n  </Contents>\n"
        "</ListBucketResult>\n",
        kAnswer);
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->objects.size(), 1U);
    EXPECT_EQ(page->objects[0].size, 0U);
}

TEST(ListObjects, RefusesWhatWouldLoseOrInventData) {
    const std::string no_key =
        "<Contents><LastModified>2026-11-20T13:05:02Z</LastModified><Size>1</Size></Contents>";
    const std::string no_time = "<Contents><Key>k</Key><Size>1</Size></Contents>";
    const std::string bad[] = {
        listing(no_key),
        listing(no_time),
        listing(contents("k", "")),
        listing(contents("k", "-1")),
        listing(contents("k", "1.5")),
        listing(contents("k", " 1")),
        listing(contents("k", "18446744073709551616")),
        listing(contents("")),
        listing("", "true"),  // truncated, but no token
        listing("", "maybe"),
        document("ListBucketResult", contents("k")),  // does not say whether it is whole
        listing(contents("%zz") + "<EncodingType>url</EncodingType>"),
        listing("<CommonPrefixes></CommonPrefixes>"),
        document("ListPartsResult", "<IsTruncated>false</IsTruncated>"),
        listing("") + listing(""),
        "",
        " \n",
        "not xml",
        "<html><body>502 Bad Gateway</body></html>",
        std::string("\0", 1)};
    for (const std::string& body : bad) {
        const auto page = parse_list_objects(body, kAnswer);
        ASSERT_FALSE(page) << body;
        EXPECT_EQ(page.error().kind, base::ErrorKind::corrupt) << body;
        EXPECT_EQ(page.error().code, "bad_xml") << body;
        EXPECT_EQ(page.error().request_id, "REQ1");
        EXPECT_NE(page.error().detail.find("; received "), std::string::npos);
    }
}

// s3proxy, of folders: a HEAD has what is missing.
TEST(ListObjects, MayLeaveOutASize) {
    const auto page = parse_list_objects(
        listing("<Contents><Key>folder/</Key><StorageClass>STANDARD</StorageClass></Contents>"),
        kAnswer);
    ASSERT_TRUE(page) << page.error().to_string();
    EXPECT_FALSE(page->objects.front().size_known);
    EXPECT_TRUE(parse_list_objects(listing(contents("k")), kAnswer)->objects.front().size_known);
}

// Whatever is missing at the end is noticed: at no length does a prefix of an answer pass for the
// answer.
TEST(ListObjects, TruncatedAtEveryByte) {
    const std::string body = listing(contents("k"));
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_EQ(code_of(parse_list_objects(body.substr(0, size), kAnswer)), "bad_xml") << size;
    }
    EXPECT_TRUE(parse_list_objects(body, kAnswer));
}

TEST(ListObjects, ErrorInA200IsItsError) {
    const auto page = parse_list_objects(std::string(kDeclaration) +
                                             "<Error><Code>InternalError</Code><Message>We "
                                             "encountered an internal error.</Message></Error>",
                                         kAnswer);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().kind, base::ErrorKind::transient);
    EXPECT_EQ(page.error().code, "InternalError");
}

TEST(CreateMultipartUpload, GivesTheUploadId) {
    const auto id = parse_create_multipart_upload(
        document("InitiateMultipartUploadResult",
                 "<Bucket>b</Bucket><Key>k</Key><UploadId>VXBsb2FkIElE.x_-</UploadId>"),
        kAnswer);
    EXPECT_EQ(id, "VXBsb2FkIElE.x_-");
    EXPECT_EQ(
        code_of(parse_create_multipart_upload(
            document("InitiateMultipartUploadResult", "<Bucket>b</Bucket><UploadId/>"), kAnswer)),
        "bad_xml");
}

const std::string kCompleted = document(
    "CompleteMultipartUploadResult",
    "<Location>https://b.s3.amazonaws.com/out.zip</Location><Bucket>b</Bucket><Key>out.zip</Key>"
    "<ETag>&quot;17fbc0a106abbb6f381aac6e331f2a19-3&quot;</ETag><ChecksumCRC32>qSEQSA==</"
    "ChecksumCRC32>"
    "<ChecksumType>FULL_OBJECT</ChecksumType>");

TEST(CompleteMultipartUpload, ReadsTheResult) {
    // S3 keeps the connection alive with white space while it works.
    const std::string slow =
        std::string(kDeclaration) + "   \n\n  \n" + kCompleted.substr(kDeclaration.size());
    for (const std::string& body : {kCompleted, "\n \n" + kCompleted, slow}) {
        const auto upload = parse_complete_multipart_upload(body, kAnswer);
        ASSERT_TRUE(upload) << upload.error().to_string();
        EXPECT_EQ(upload->etag, "17fbc0a106abbb6f381aac6e331f2a19-3");
        EXPECT_EQ(upload->location, "https://b.s3.amazonaws.com/out.zip");
        EXPECT_EQ(upload->checksum_crc32, "qSEQSA==");
        EXPECT_EQ(upload->checksum_type, "FULL_OBJECT");
    }
}

TEST(CompleteMultipartUpload, A200WithAnErrorIsAFailure) {
    const struct {
        const char* code;
        base::ErrorKind kind;
    } cases[] = {{"InternalError", base::ErrorKind::transient},
                 {"SlowDown", base::ErrorKind::throttled},
                 {"InvalidPart", base::ErrorKind::invalid},
                 {"PreconditionFailed", base::ErrorKind::precondition},
                 {"NeverHeardOf", base::ErrorKind::transient}};
    for (const auto& c : cases) {
        const auto upload = parse_complete_multipart_upload(
            std::string(kDeclaration) + "  \n <Error><Code>" + c.code +
                "</Code><Message>m</Message><RequestId>R</RequestId></Error>",
            kAnswer);
        ASSERT_FALSE(upload);
        EXPECT_EQ(upload.error().kind, c.kind) << c.code;
        EXPECT_EQ(upload.error().code, c.code);
        EXPECT_EQ(upload.error().http_status, 200);
    }
}

TEST(CompleteMultipartUpload, TruncatedAtEveryByteIsAFailure) {
    for (std::size_t size = 0; size < kCompleted.size(); ++size) {
        EXPECT_EQ(code_of(parse_complete_multipart_upload(kCompleted.substr(0, size), kAnswer)),
                  "bad_xml")
            << size;
    }
    EXPECT_EQ(code_of(parse_complete_multipart_upload(
                  document("CompleteMultipartUploadResult", "<Key>k</Key>"), kAnswer)),
              "bad_xml");
}

TEST(CompleteMultipartUpload, WritesTheBody) {
    EXPECT_EQ(complete_multipart_upload_body({{1, "abc", "TBHN8A=="}, {3, "\"d<&>e\"", ""}}),
              "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
              "<Part><PartNumber>1</PartNumber><ETag>\"abc\"</ETag><ChecksumCRC32>TBHN8A==</"
              "ChecksumCRC32></Part>"
              "<Part><PartNumber>3</PartNumber><ETag>\"d&lt;&amp;&gt;e\"</ETag></Part>"
              "</CompleteMultipartUpload>");
}

TEST(CopyPart, ReadsTheResultOrTheError) {
    const auto part =
        parse_copy_part(document("CopyPartResult",
                                 "<LastModified>2011-04-11T20:34:56.000Z</LastModified>"
                                 "<ETag>\"9b2cf5\"</ETag><ChecksumCRC32>NRU+Sw==</ChecksumCRC32>"),
                        kAnswer);
    ASSERT_TRUE(part);
    EXPECT_EQ(part->etag, "9b2cf5");
    EXPECT_EQ(part->checksum_crc32, "NRU+Sw==");
    EXPECT_EQ(code_of(parse_copy_part(document("CopyPartResult", ""), kAnswer)), "bad_xml");
    EXPECT_EQ(code_of(parse_copy_part("<Error><Code>SlowDown</Code></Error>", kAnswer)),
              "SlowDown");
}

TEST(ListParts, ReadsAPage) {
    const std::string parts =
        "<Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId><PartNumberMarker>0</PartNumberMarker>"
        "<NextPartNumberMarker>3</NextPartNumberMarker><MaxParts>2</MaxParts><IsTruncated>true</"
        "IsTruncated>"
        "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        "<Part><PartNumber>2</PartNumber><LastModified>2010-11-10T20:48:34.000Z</LastModified>"
        "<ETag>\"7778\"</ETag><Size>10485760</Size><ChecksumCRC32>TBHN8A==</ChecksumCRC32></Part>"
        "<Part><PartNumber>3</PartNumber><ETag>\"aaaa\"</ETag><Size>1</Size></Part>";
    const auto page = parse_list_parts(document("ListPartsResult", parts), kAnswer);
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->parts.size(), 2U);
    EXPECT_EQ(page->parts[0].number, 2U);
    EXPECT_EQ(page->parts[0].size, 10485760U);
    EXPECT_EQ(page->parts[0].etag, "7778");
    EXPECT_EQ(page->parts[0].checksum_crc32, "TBHN8A==");
    EXPECT_EQ(page->checksum_algorithm, "CRC32");
    EXPECT_EQ(page->next_part_number_marker, 3U);
}

TEST(ListParts, RefusesHalfPartsAndLostPages) {
    const std::string whole = "<Part><PartNumber>2</PartNumber><ETag>e</ETag><Size>1</Size></Part>";
    const std::string closed = "<IsTruncated>false</IsTruncated>";
    EXPECT_FALSE(parse_list_parts(document("ListPartsResult", closed + whole), kAnswer)
                     ->next_part_number_marker);
    for (const std::string& bad :
         {whole, "<IsTruncated>true</IsTruncated>" + whole,
          closed + "<Part><ETag>e</ETag><Size>1</Size></Part>",
          closed + "<Part><PartNumber>0</PartNumber><ETag>e</ETag><Size>1</Size></Part>",
          closed + "<Part><PartNumber>10001</PartNumber><ETag>e</ETag><Size>1</Size></Part>",
          closed + "<Part><PartNumber>2</PartNumber><Size>1</Size></Part>",
          closed + "<Part><PartNumber>2</PartNumber><ETag>e</ETag></Part>"}) {
        EXPECT_EQ(code_of(parse_list_parts(document("ListPartsResult", bad), kAnswer)), "bad_xml")
            << bad;
    }
}

TEST(ListMultipartUploads, ReadsAPage) {
    const auto page = parse_list_multipart_uploads(
        document("ListMultipartUploadsResult",
                 "<Bucket>b</Bucket><NextKeyMarker>a%2Fb+c</NextKeyMarker><NextUploadIdMarker>u2</"
                 "NextUploadIdMarker>"
                 "<EncodingType>url</EncodingType><IsTruncated>true</"
                 "IsTruncated><Upload><Key>a%2Fb+c</Key>"
                 "<UploadId>u1</UploadId><Initiator><ID>arn:aws:iam::1:user/u</ID><DisplayName>u</"
                 "DisplayName>"
                 "</Initiator><Owner><ID>o</ID></Owner><StorageClass>STANDARD_IA</StorageClass>"
                 "<Initiated>2010-11-10T20:48:33.000Z</Initiated>"
                 "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT"
                 "</ChecksumType></Upload><Upload><Key>d</Key><UploadId>u2</UploadId></Upload>"),
        kAnswer);
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->uploads.size(), 2U);
    EXPECT_EQ(page->uploads[0].key, "a/b c");
    EXPECT_EQ(page->uploads[0].upload_id, "u1");
    EXPECT_EQ(page->uploads[0].initiated_s, 1289422113);
    EXPECT_EQ(page->uploads[0].storage_class, "STANDARD_IA");
    EXPECT_EQ(page->uploads[0].checksum_algorithm, "CRC32");
    EXPECT_EQ(page->uploads[0].checksum_type, "FULL_OBJECT");
    EXPECT_EQ(page->uploads[0].initiator_id, "arn:aws:iam::1:user/u");
    EXPECT_EQ(page->uploads[1].initiated_s, 0);
    EXPECT_EQ(page->uploads[1].checksum_algorithm, "");
    EXPECT_TRUE(page->truncated);
    EXPECT_EQ(page->next_key_marker, "a/b c");
    EXPECT_EQ(page->next_upload_id_marker, "u2");
    for (const char* bad :
         {"<IsTruncated>true</IsTruncated>", "",
          "<IsTruncated>false</IsTruncated><Upload><Key>k</Key></Upload>",
          "<IsTruncated>false</IsTruncated><Upload><UploadId>u</UploadId></Upload>"}) {
        EXPECT_EQ(code_of(parse_list_multipart_uploads(document("ListMultipartUploadsResult", bad),
                                                       kAnswer)),
                  "bad_xml")
            << bad;
    }
}

TEST(ErrorBody, ReadsAllOfIt) {
    const ErrorBody body = parse_error_body(
        std::string(kDeclaration) +
        "<Error><Code>EntityTooSmall</Code><Message>Your proposed upload is smaller &amp; "
        "bad</Message>"
        "<ProposedSize>1</ProposedSize><MinSizeAllowed>5242880</MinSizeAllowed><PartNumber>2</"
        "PartNumber>"
        "<Key>k</Key><Resource>/b/k</Resource><Region>eu-west-1</Region><RequestId>R1</RequestId>"
        "<HostId>H1</HostId></Error>");
    EXPECT_EQ(body.code, "EntityTooSmall");
    EXPECT_EQ(body.message, "Your proposed upload is smaller & bad");
    EXPECT_EQ(body.key, "k");
    EXPECT_EQ(body.resource, "/b/k");
    EXPECT_EQ(body.region, "eu-west-1");
    EXPECT_EQ(body.request_id, "R1");
    EXPECT_EQ(body.host_id, "H1");
    ASSERT_EQ(body.extra.size(), 3U);
    EXPECT_EQ(body.extra[2], (std::pair<std::string, std::string>{"PartNumber", "2"}));
}

TEST(ErrorBody, WrappedOrUnreadable) {
    EXPECT_EQ(parse_error_body(
                  "<ErrorResponse><Error><Code>Throttling</Code></Error><RequestId>r</RequestId>"
                  "</ErrorResponse>")
                  .code,
              "Throttling");
    for (const char* body : {"", "<", "<html>Service Unavailable</html>", "{\"a\":1}", "<Error>"}) {
        EXPECT_EQ(parse_error_body(body).code, "") << body;
    }
}

TEST(ErrorBody, ExtrasAreBounded) {
    std::string body = "<Error>";
    for (int i = 0; i < 1000; ++i) body += "<X>1</X>";
    EXPECT_EQ(parse_error_body(body + "</Error>").extra.size(), 32U);
}

TEST(ETag, QuotesComeAndGo) {
    EXPECT_EQ(unquote_etag("\"a-1\""), "a-1");
    EXPECT_EQ(unquote_etag("a-1"), "a-1");
    EXPECT_EQ(unquote_etag("\""), "\"");
    EXPECT_EQ(unquote_etag(""), "");
    EXPECT_EQ(quote_etag("a-1"), "\"a-1\"");
    EXPECT_EQ(quote_etag("\"a-1\""), "\"a-1\"");
}

}  // namespace
}  // namespace s3client
