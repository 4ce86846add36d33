// What S3 and its kin send, cut off at every byte: the whole text's result, or a clean error; never
// a part of the result, and never a secret ("hunter2") in an error.
#include <gtest/gtest.h>
#include <functional>

#include "s3client/credentials/credentials_json.h"
#include "s3client/credentials/profile.h"
#include "s3client/credentials/sts.h"
#include "s3client/xml.h"

namespace s3client {
namespace {

// "" if it could be read, else its error.
using Parse = std::function<std::string(std::string text)>;

std::string code_of(const auto& result, std::string_view detail_without = "hunter2") {
    if (result) return "";
    EXPECT_FALSE(result.error().to_string().contains(detail_without)) << result.error().to_string();
    EXPECT_NE(result.error().detail, "");
    return result.error().code;
}

// Whole, it is read; shorter by anything but blanks at the end, it is `code`.
void expect_all_or_nothing(std::string_view text, std::string_view code, const Parse& parse) {
    EXPECT_EQ(parse(std::string(text)), "");
    const std::size_t end = text.find_last_not_of(" \n") + 1;
    for (std::size_t n = 0; n < end; ++n) {
        ASSERT_EQ(parse(std::string(text.substr(0, n))), code) << n << " bytes of " << text;
    }
}

constexpr std::string_view kListing =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>a&amp;b</Prefix>"
    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    "<NextContinuationToken>1ue/x=</NextContinuationToken>"
    "<Contents><Key>a%20b</Key><LastModified>2026-11-20T13:05:02.000Z</LastModified>"
    "<ETag>&quot;d41d&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>"
    "<!-- between --><Contents><Key>c</Key><LastModified>2026-11-20T13:05:02Z</LastModified>"
    "<ETag>\"x-2\"</ETag><Size>5368709120</Size></Contents>"
    "<CommonPrefixes><Prefix>d%2F</Prefix></CommonPrefixes></ListBucketResult>\n";
constexpr std::string_view kCreated =
    "<?xml version=\"1.0\"?>\n<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
    "<UploadId>VXBsb2FkIElE</UploadId></InitiateMultipartUploadResult>";
constexpr std::string_view kCompleted =
    "<CompleteMultipartUploadResult><Location>http://b/k</Location><Bucket>b</Bucket><Key>k</Key>"
    "<ETag>\"3858f62230ac3c915f300c664312c11f-9\"</ETag><ChecksumCRC32>q83vEg==</ChecksumCRC32>"
    "<ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>";
constexpr std::string_view kCopied =
    "<CopyPartResult><LastModified>2026-11-20T13:05:02.000Z</LastModified>"
    "<ETag>\"9b2cf535f27731c974343645a3985328\"</ETag></CopyPartResult>";
constexpr std::string_view kParts =
    "<ListPartsResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>"
    "<NextPartNumberMarker>1</NextPartNumberMarker><IsTruncated>true</IsTruncated>"
    "<Part><PartNumber>1</PartNumber><LastModified>2026-11-20T13:05:02.000Z</LastModified>"
    "<ETag>\"e\"</ETag><Size>5242880</Size></Part></ListPartsResult>";
constexpr std::string_view kUploads =
    "<ListMultipartUploadsResult><Bucket>b</Bucket><NextKeyMarker>k</NextKeyMarker>"
    "<NextUploadIdMarker>u</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
    "<Upload><Key>k</Key><UploadId>u</UploadId><Initiated>2026-11-20T13:05:02.000Z</Initiated>"
    "</Upload></ListMultipartUploadsResult>";

TEST(TruncatedTexts, XmlOfResults) {
    const RequestContext request{Operation::list_objects, "b", "k"};
    ResponseHead head;
    head.status = 200;
    const Answer answer{request, head};
    expect_all_or_nothing(kListing, "bad_xml", [&](std::string text) {
        return code_of(parse_list_objects(std::move(text), answer));
    });
    expect_all_or_nothing(kCreated, "bad_xml", [&](std::string text) {
        return code_of(parse_create_multipart_upload(std::move(text), answer));
    });
    expect_all_or_nothing(kCompleted, "bad_xml", [&](std::string text) {
        return code_of(parse_complete_multipart_upload(std::move(text), answer));
    });
    expect_all_or_nothing(kCopied, "bad_xml", [&](std::string text) {
        return code_of(parse_copy_part(std::move(text), answer));
    });
    expect_all_or_nothing(kParts, "bad_xml", [&](std::string text) {
        return code_of(parse_list_parts(std::move(text), answer));
    });
    expect_all_or_nothing(kUploads, "bad_xml", [&](std::string text) {
        return code_of(parse_list_multipart_uploads(std::move(text), answer));
    });
}

// An error that is cut off is no other error: the status decides then, or the answer is bad.
TEST(TruncatedTexts, XmlOfErrors) {
    constexpr std::string_view kError =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKeyAtAll</Code>"
        "<Message>The specified key does not exist.</Message><Key>k</Key>"
        "<RequestId>4442587FB7D0A2F9</RequestId><Region>eu-west-1</Region></Error>";
    EXPECT_EQ(parse_error_body(std::string(kError)).code, "NoSuchKeyAtAll");
    const RequestContext request{Operation::complete_multipart_upload, "b", "k"};
    ResponseHead head;
    head.status = 200;
    EXPECT_EQ(code_of(parse_complete_multipart_upload(std::string(kError), {request, head})),
              "NoSuchKeyAtAll");
    for (std::size_t n = 0; n < kError.size(); ++n) {
        const ErrorBody body = parse_error_body(std::string(kError.substr(0, n)));
        ASSERT_EQ(body.code, "") << n;
        ASSERT_EQ(body.region, "") << n;
        ASSERT_EQ(code_of(parse_complete_multipart_upload(std::string(kError.substr(0, n)),
                                                          {request, head})),
                  "bad_xml")
            << n;
    }
}

TEST(TruncatedTexts, CredentialsJson) {
    expect_all_or_nothing(
        "{\"Version\": 1, \"AccessKeyId\": \"AK\", \"SecretAccessKey\": \"hunter2\",\n"
        "\"SessionToken\": \"T\\u002f\", \"Expiration\": \"2026-11-20T13:05:02+01:00\"}\n",
        "bad_credentials_document",
        [](std::string text) { return code_of(parse_process_credentials(text)); });
    for (const auto parse : {parse_container_credentials, parse_instance_credentials}) {
        expect_all_or_nothing(
            "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"T\",\"Extra\":[{}]"
            ","
            "\"Expiration\":\"2026-11-20T13:05:02Z\"}",
            "bad_credentials_document", [parse](std::string text) { return code_of(parse(text)); });
    }
}

TEST(TruncatedTexts, StsXml) {
    for (const std::string call : {"AssumeRole", "AssumeRoleWithWebIdentity"}) {
        expect_all_or_nothing(
            "<" + call + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + call +
                "Result><Credentials><AccessKeyId>AK</AccessKeyId>"
                "<SecretAccessKey>hunter2</SecretAccessKey><SessionToken>T/+=</SessionToken>"
                "<Expiration>2026-11-20T13:05:02Z</Expiration></Credentials></" +
                call + "Result></" + call + "Response>",
            "bad_sts_answer",
            [](std::string text) { return code_of(parse_sts_answer(text, 200)); });
    }
    constexpr std::string_view kError =
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message>"
        "</Error><RequestId>r</RequestId></ErrorResponse>";
    EXPECT_EQ(code_of(parse_sts_answer(std::string(kError), 403)), "AccessDenied");
    for (std::size_t n = 0; n < kError.size(); ++n) {
        ASSERT_EQ(code_of(parse_sts_answer(std::string(kError.substr(0, n)), 403)),
                  "bad_sts_answer");
    }
}

// A profile file may end anywhere where a line may: what is there then is the front of the whole.
TEST(TruncatedTexts, ProfileFiles) {
    constexpr std::string_view kFile =
        "# mine\n[default]\nregion = eu-west-1 ; here\n\n[profile dev ]\r\n"
        "aws_access_key_id=AK\r\naws_secret_access_key = hunter2 # so\n"
        "s3 =\n  max_queue_size = 3\n  region = nested\ncredential_process = one\n  two\n"
        "[profile \"two words\"]\nsource_profile = dev\nrole_arn=arn:x\n";
    const auto whole = parse_profiles(kFile, ProfileFileKind::config, "config");
    ASSERT_TRUE(whole) << whole.error().to_string();
    ASSERT_EQ(whole->size(), 3U);
    std::size_t errors = 0;
    for (std::size_t n = 0; n < kFile.size(); ++n) {
        const auto cut = parse_profiles(kFile.substr(0, n), ProfileFileKind::config, "config");
        if (code_of(cut) != "") {
            ASSERT_EQ(cut.error().code, "bad_profile_file");
            ++errors;
            continue;
        }
        for (const auto& [profile, settings] : *cut) {
            ASSERT_TRUE(whole->contains(profile)) << n;
            for (const auto& [name, value] : settings) {
                ASSERT_TRUE(whole->at(profile).contains(name)) << n << ": " << name;
                ASSERT_TRUE(whole->at(profile).at(name).starts_with(value)) << n << ": " << name;
            }
        }
    }
    EXPECT_GT(errors, 100U);
    EXPECT_LT(errors, kFile.size() - 100);
}

}  // namespace
}  // namespace s3client
