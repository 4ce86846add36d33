// Listings as sloppy and hostile stores write them: what is read all the same, what is refused, and
// what the error names.
#include <gtest/gtest.h>

#include "s3client/xml.h"

namespace s3client {
namespace {

ResponseHead html_head() {
    ResponseHead head;
    head.status = 200;
    head.headers = {{"content-type", "text/html; charset=utf-8"}};
    return head;
}
const ResponseHead kHead = html_head();
const RequestContext kRequest{Operation::list_objects, "photos", ""};

struct Written {
    std::string key = "k";
    std::string time = "2026-01-02T03:04:05.000Z";
    std::string etag = "<ETag>&quot;abc&quot;</ETag>";
    std::string size = "<Size>5</Size>";
};
std::string contents(const Written& object) {
    return "<Contents><Key>" + object.key + "</Key><LastModified>" + object.time +
           "</LastModified>" + object.etag + object.size + "</Contents>";
}
std::string listing(const std::string& inner,
                    const std::string& truncated = "<IsTruncated>false</IsTruncated>") {
    return "<ListBucketResult>" + truncated + inner + "</ListBucketResult>";
}
base::Result<ListObjectsPage> parse(const std::string& body) {
    return parse_list_objects(body, {kRequest, kHead});
}
std::string detail_of(const std::string& body) {
    const auto page = parse(body);
    EXPECT_FALSE(page) << body;
    if (page) return {};
    EXPECT_EQ(page.error().code, "bad_xml");
    return page.error().detail;
}
ListedObject only(const std::string& body) {
    const auto page = parse(body);
    EXPECT_TRUE(page) << body << (page ? "" : page.error().to_string());
    if (!page || page->objects.size() != 1) return {};
    return page->objects[0];
}

TEST(SloppyListing, TimesOfAllZones) {
    constexpr std::int64_t kTime = 1'767'323'045;  // 2026-01-02T03:04:05Z
    const struct {
        const char* text;
        std::int64_t time_s;
    } cases[] = {{"2026-01-02T03:04:05Z", kTime},           {"2026-01-02T03:04:05.123456Z", kTime},
                 {"2026-01-02T03:04:05.123456789Z", kTime}, {"2026-01-02T05:04:05+02:00", kTime},
                 {"2026-01-01T21:34:05.999-05:30", kTime},  {"2026-01-02T03:04:05", kTime},
                 {"2026-01-02T03:04:05.5", kTime},          {"1969-12-31T23:59:59.5Z", -1}};
    for (const auto& c : cases)
        EXPECT_EQ(only(listing(contents({.time = c.text}))).last_modified_s, c.time_s) << c.text;
    for (const char* text : {"", "yesterday", "2026-01-02", "2026-01-02T03:04:05+0200",
                             "2026-02-30T00:00:00Z", "20260102T030405Z", "1767323045"}) {
        const std::string detail = detail_of(listing(contents({.key = "a/b", .time = text})));
        EXPECT_NE(detail.find("<LastModified> is no time (of the key \"a/b\")"), std::string::npos)
            << detail;
    }
}

TEST(SloppyListing, SizesThatAreNone) {
    for (const char* text :
         {"", "-1", "+1", "1e3", "0x10", " 1", "1 ", "1.0", "many", "9223372036854775808",
          "18446744073709551616", "99999999999999999999999999"}) {
        Written object{.key = "a/b"};
        object.size = std::string("<Size>") + text + "</Size>";
        const std::string detail = detail_of(listing(contents({.key = "ok"}) + contents(object)));
        EXPECT_NE(detail.find("<Size> is no number in range (of the key \"a/b\")"),
                  std::string::npos)
            << detail;
    }
    EXPECT_EQ(only(listing(contents({.size = "<Size>9223372036854775807</Size>"}))).size,
              static_cast<std::uint64_t>(INT64_MAX));
}

TEST(SloppyListing, EtagsOfAllKinds) {
    const struct {
        const char* in_xml;
        const char* etag;
    } cases[] = {{"<ETag>&quot;abc&quot;</ETag>", "abc"},
                 {"<ETag>\"abc\"</ETag>", "abc"},
                 {"<ETag>&#34;abc&#34;</ETag>", "abc"},
                 {"<ETag>abc</ETag>", "abc"},
                 {"<ETag></ETag>", ""},
                 {"<ETag/>", ""},
                 {"<ETag>\"\"</ETag>", ""},
                 {"", ""}};
    for (const auto& c : cases)
        EXPECT_EQ(only(listing(contents({.etag = c.in_xml}))).etag, c.etag) << c.in_xml;
}

TEST(SloppyListing, KeysAreDecodedOnlyIfTheAnswerIsEncoded) {
    const std::string url = "<EncodingType>url</EncodingType>";
    EXPECT_EQ(only(listing(contents({.key = "a+b%20c%2Bd"}))).key, "a+b%20c%2Bd");
    EXPECT_EQ(only(listing(contents({.key = "100%"}))).key, "100%");
    EXPECT_EQ(only(listing(contents({.key = "a+b"}) + url)).key, "a b");
    EXPECT_EQ(only(listing(url + contents({.key = "a%2Bb%25"}))).key, "a+b%");
    EXPECT_EQ(only(listing(url + contents({.key = "a%20b%2bc"}))).key, "a b+c");
    EXPECT_EQ(only(listing("<EncodingType></EncodingType>" + contents({.key = "a+b"}))).key, "a+b");
    const std::string detail = detail_of(listing(contents({.key = "100%"}) + url));
    EXPECT_NE(detail.find("percent-encoded"), std::string::npos) << detail;
}

// A store that writes a space as %20 has no reason to write a plus as %2B.
TEST(SloppyListing, APlusIsItselfWhereASpaceIsPercent20) {
    const std::string url = "<EncodingType>url</EncodingType>";
    const auto page = parse(listing(url + contents({.key = "a+b"}) + contents({.key = "c%20d"}) +
                                    "<CommonPrefixes><Prefix>e+f/</Prefix></CommonPrefixes>"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->objects[0].key, "a+b");
    EXPECT_EQ(page->objects[1].key, "c d");
    EXPECT_EQ(page->common_prefixes[0], "e+f/");
    // A %20 elsewhere is no sign of it.
    const auto other = parse(listing(url + "<Delimiter>%20</Delimiter>" +
                                     contents({.key = "a+b", .etag = "<ETag>%20</ETag>"})));
    ASSERT_TRUE(other);
    EXPECT_EQ(other->objects[0].key, "a b");
}

TEST(SloppyListing, TokensAndTruncation) {
    const std::string token = "<NextContinuationToken>t</NextContinuationToken>";
    const auto next = [](const std::string& body) {
        const auto page = parse(body);
        return page ? page->next_continuation_token : "error: " + page.error().detail;
    };
    EXPECT_EQ(next(listing(token, "<IsTruncated>true</IsTruncated>")), "t");
    EXPECT_EQ(next(listing(token, "<IsTruncated>false</IsTruncated>")), "");
    EXPECT_EQ(next(listing(token, "")), "t") << "there are more pages, or there were no token";
    EXPECT_NE(detail_of(listing("", "")).find("no <IsTruncated>"), std::string::npos);
    const std::string truncated = "<IsTruncated>true</IsTruncated>";
    for (const std::string none :
         {"", "<NextContinuationToken/>", "<NextContinuationToken></NextContinuationToken>",
          "<NextMarker>k</NextMarker>"}) {
        EXPECT_NE(detail_of(listing(none, truncated)).find("truncated, but no"), std::string::npos);
    }
}

TEST(SloppyListing, NamespacesAndFolderMarkers) {
    const auto page = parse(
        "<a:ListBucketResult xmlns:a='urn:a' xmlns:b='urn:b'><a:IsTruncated>false</a:IsTruncated>"
        "<b:Contents><b:Key>d/</b:Key><a:LastModified>2026-01-02T03:04:05Z</a:LastModified>"
        "<Size>0</Size></b:Contents></a:ListBucketResult>");
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->objects.size(), 1U);
    EXPECT_EQ(page->objects[0].key, "d/");
    EXPECT_NE(detail_of(listing(contents({.key = ""}))).find("an object without a <Key>"),
              std::string::npos);
}

TEST(MalformedListing, TheErrorHasWhatWasReceived) {
    const std::string html = "<html><head><title>Sign\n in</title></head></html>";
    EXPECT_EQ(
        detail_of(html),
        "the answer is no answer of S3: <html> instead of <ListBucketResult>; received 49 "
        "bytes of text/html; charset=utf-8: <html><head><title>Sign  in</title></head></html>");
    const std::string cut = listing(contents({})).substr(0, 60);
    EXPECT_NE(detail_of(cut).find("; received 60 bytes of text/html; charset=utf-8: " + cut),
              std::string::npos);
    const std::string noise = "\x01\xff\"" + std::string(10'000, 'x');
    const std::string detail = detail_of(noise);
    EXPECT_NE(detail.find("10003 bytes of text/html; charset=utf-8: ??\"xxx"), std::string::npos)
        << detail;
    EXPECT_LT(detail.size(), 400U) << "clipped";
    EXPECT_NE(detail_of("").find("received 0 bytes"), std::string::npos);
}

}  // namespace
}  // namespace s3client
