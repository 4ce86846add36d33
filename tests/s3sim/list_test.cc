// ListObjectsV2.
#include <fmt/format.h>

#include "base/encoding.h"
#include "client.h"

namespace s3sim::test {
namespace {

using Names = std::vector<std::string>;

class ListTest : public ServerTest {
  protected:
    void SetUp() override {
        start();
        for (const char* key : {"a", "b/1", "b/2", "b/c/3", "b0", "d//e", "z"})
            ASSERT_TRUE(server->put("bkt", key, key));
    }
    Answer list(std::string_view query = {}) {
        return client->call("GET", "/bkt",
                            fmt::format("list-type=2{}{}", query.empty() ? "" : "&", query));
    }
    // Keys and common prefixes of all pages, in order of arrival.
    Names walk(std::string_view query) {
        Names seen;
        std::string token;
        for (int pages = 0; pages < 20; ++pages) {
            const Answer page = list(
                fmt::format("{}{}{}", query, token.empty() ? "" : "&continuation-token=", token));
            EXPECT_EQ(page.status, 200) << page.body;
            for (const auto& contents : page.all("Key")) seen.push_back(contents);
            for (const auto& common : page.all("CommonPrefixes"))
                seen.push_back(common.substr(8, common.size() - 17));
            if (page.xml("IsTruncated") == "false") return seen;
            token = base::percent_encode(page.xml("NextContinuationToken"), false);
        }
        ADD_FAILURE() << "the listing does not end";
        return seen;
    }
};

TEST_F(ListTest, PrefixDelimiterStartAfter) {
    EXPECT_EQ(list().all("Key"), (Names{"a", "b/1", "b/2", "b/c/3", "b0", "d//e", "z"}));
    EXPECT_EQ(list("prefix=b%2F").all("Key"), (Names{"b/1", "b/2", "b/c/3"}));
    EXPECT_EQ(list("delimiter=%2F").all("Key"), (Names{"a", "b0", "z"}));
    EXPECT_EQ(list("delimiter=%2F").all("CommonPrefixes"),
              (Names{"<Prefix>b/</Prefix>", "<Prefix>d/</Prefix>"}));
    EXPECT_EQ(list("delimiter=%2F&prefix=b%2F").all("Key"), (Names{"b/1", "b/2"}));
    EXPECT_EQ(list("start-after=b%2F2").all("Key"), (Names{"b/c/3", "b0", "d//e", "z"}));
    EXPECT_EQ(list("start-after=a&prefix=d").all("Key"), Names{"d//e"});
    EXPECT_EQ(list("prefix=nothing").xml("KeyCount"), "0");
}

TEST_F(ListTest, PagesOfEverySizeGiveTheSame) {
    for (int size = 1; size <= 8; ++size) {
        EXPECT_EQ(walk(fmt::format("max-keys={}", size)),
                  (Names{"a", "b/1", "b/2", "b/c/3", "b0", "d//e", "z"}))
            << size;
    }
    EXPECT_EQ(walk("delimiter=%2F&max-keys=1"), (Names{"a", "b/", "b0", "d/", "z"}));
    EXPECT_EQ(list("max-keys=0").xml("IsTruncated"), "false");
}

TEST_F(ListTest, BadParameters) {
    EXPECT_EQ(list("continuation-token=nonsense").status, 400);
    EXPECT_EQ(list("continuation-token=").status, 400);
    std::string token = list("max-keys=1").xml("NextContinuationToken");
    token[0] = token[0] == 'A' ? 'B' : 'A';
    EXPECT_EQ(list("continuation-token=" + base::percent_encode(token, false)).code(),
              "InvalidArgument");
    EXPECT_EQ(list("max-keys=x").code(), "InvalidArgument");
    EXPECT_EQ(list("encoding-type=html").code(), "InvalidArgument");
}

TEST_F(ListTest, NamesAreEscapedOrEncoded) {
    ASSERT_TRUE(server->put("bkt", "x<&>\r ü+", "v"));
    EXPECT_NE(list("prefix=x").body.find("<Key>x&lt;&amp;&gt;&#13; ü+</Key>"), std::string::npos);
    const Answer encoded = list("prefix=x&encoding-type=url");
    EXPECT_EQ(encoded.xml("Key"), "x%3C%26%3E%0D+%C3%BC%2B");
    EXPECT_EQ(encoded.xml("EncodingType"), "url");
}

TEST_F(ListTest, WhatIsSaidOfEachObject) {
    ASSERT_EQ(
        client->call("PUT", "/bkt/m", {}, "hello", {{"x-amz-checksum-crc32", crc_base64("hello")}})
            .status,
        200);
    const Answer page = list("prefix=m&fetch-owner=true");
    EXPECT_EQ(page.xml("Size"), "5");
    EXPECT_EQ(page.xml("ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    EXPECT_EQ(page.xml("ChecksumAlgorithm"), "CRC32");
    EXPECT_EQ(page.xml("ChecksumType"), "FULL_OBJECT");
    EXPECT_EQ(page.xml("StorageClass"), "STANDARD");
    EXPECT_EQ(page.xml("ID"), "s3sim");
    EXPECT_TRUE(base::parse_rfc3339(page.xml("LastModified")));
}

}  // namespace
}  // namespace s3sim::test
