#include "archive/manifest_lines.h"

#include <gmock/gmock.h>
#include <string>

namespace archive {
namespace {

using testing::HasSubstr;

TEST(ManifestLine, HasABucketAKeyAndWhatElseIsKnown) {
    auto object = parse_manifest_line(R"({"bucket":"b-1","key":"a \u00e4/\"b\"","name":"n"})");
    ASSERT_TRUE(object) << object.error().to_string();
    EXPECT_EQ(object->bucket, "b-1");
    EXPECT_EQ(object->choice.key, "a \xC3\xA4/\"b\"");
    EXPECT_EQ(object->choice.name, "n");
    EXPECT_FALSE(object->known);
    object = parse_manifest_line(
        R"({"bucket":"bbb","key":"k","version_id":"v","size":9223372036854775807,)"
        R"("etag":"\"0a\"","last_modified":"1970-01-01T00:01:00.9Z",)"
        R"("storage_class":"GLACIER_IR"})");
    ASSERT_TRUE(object) << object.error().to_string();
    EXPECT_EQ(object->choice.version_id, "v");
    ASSERT_TRUE(object->known);
    EXPECT_EQ(object->known->size, 9223372036854775807U);
    EXPECT_EQ(object->known->etag, "0a");
    EXPECT_EQ(object->known->last_modified_s, 60);
}

// What is not whole is asked of S3.
TEST(ManifestLine, IsKnownOnlyWithSizeEtagAndTime) {
    for (const char* some : {R"("size":1)", R"("size":1,"etag":"e")", R"("etag":"e")",
                             R"("size":1,"last_modified":"2026-01-01T00:00:00Z")",
                             R"("size":0,"etag":"e","last_modified":"2026-01-01T00:00:00Z")",
                             R"("size":1,"etag":"e","last_modified":"2026-01-01T00:00:00Z",)"
                             R"("storage_class":"DEEP_ARCHIVE")"}) {
        const std::string line = std::string(R"({"bucket":"bbb","key":"k",)") + some + "}";
        const auto object = parse_manifest_line(line);
        ASSERT_TRUE(object) << line;
        EXPECT_FALSE(object->known) << line;
    }
}

TEST(ManifestLine, ErrorsSayWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"bucket":"bbb"})", "bucket and key are required"},
        {R"({"key":"k"})", "bucket and key are required"},
        {R"({"bucket":"bbb","key":"k","colour":1})", "unknown field \"colour\""},
        {R"({"bucket":"bbb","key":7})", "key must be a text"},
        {R"({"bucket":"bbb","key":"k","size":-1})", "size must be"},
        {R"({"bucket":"bbb","key":"k","size":1.5})", "size must be"},
        {R"({"bucket":"bbb","key":"k","size":9223372036854775808})", "size must be"},
        {R"({"bucket":"bbb","key":"k","last_modified":"yesterday"})", "\"yesterday\" is no time"},
        {R"({"bucket":"b/b","key":"k"})", "bucket"},
        {R"({"bucket":"bbb","key":"k","etag":"a\u000ab"})", "etag is none"},
        {R"({"bucket":"bbb","key":"k","version_id":"a b"})", "version_id is none"},
        {R"(["bbb","k"])", "must be a JSON object"},
        {R"({"bucket":"bbb","key":"k"} x)", "column 28"},
        {R"({"bucket":"bbb")", "column"},
        {R"({"bucket":{"a":{"b":{"c":{"d":1}}}}})", "column"},
        {"", "column"},
    };
    for (const auto& [line, what] : cases) {
        const auto object = parse_manifest_line(line);
        ASSERT_FALSE(object) << line;
        EXPECT_EQ(object.error().code, "bad_manifest");
        EXPECT_THAT(object.error().detail, HasSubstr(what)) << line;
    }
}

TEST(ManifestLine, WithANameThatNoZipHoldsIsRefused) {
    const auto line = [](std::size_t size) {
        return R"({"bucket":"bbb","key":"k","name":")" + std::string(size, 'n') + R"("})";
    };
    EXPECT_TRUE(parse_manifest_line(line(65'000)));
    EXPECT_THAT(parse_manifest_line(line(70'000)).error().detail, HasSubstr("name has more than"));
}

TEST(ManifestLines, ComeOutTheSameHoweverTheyAreCut) {
    const std::string file =
        "\xEF\xBB\xBF{\"bucket\":\"bbb\",\"key\":\"1\"}\n\r\n{\"bucket\":\"bbb\",\"key\":\"2\"}\r\n"
        "\n{\"bucket\":\"bbb\",\"key\":\"3\"}";
    for (std::size_t cut = 0; cut <= file.size(); ++cut) {
        for (const std::string& text : {file, file + "\n"}) {
            ManifestLines lines;
            std::vector<WantedObject> objects;
            ASSERT_TRUE(lines.feed(text.substr(0, cut), objects));
            ASSERT_TRUE(lines.feed(text.substr(cut), objects));
            ASSERT_TRUE(lines.finish(objects));
            ASSERT_EQ(objects.size(), 3U) << cut;
            for (std::size_t i = 0; i < 3; ++i)
                EXPECT_EQ(objects[i].choice.key, std::to_string(i + 1));
        }
    }
}

TEST(ManifestLines, AreNumberedAndBounded) {
    ManifestLines lines;
    std::vector<WantedObject> objects;
    EXPECT_TRUE(lines.feed("\n\n{\"bucket\":\"bbb\",\"key\":\"1\"}\n{", objects));
    const auto cut = lines.finish(objects);
    ASSERT_FALSE(cut);
    EXPECT_THAT(cut.error().detail, HasSubstr("line 4: column"));
    ManifestLines endless;
    base::Status fed;
    std::size_t bytes = 0;
    for (; fed && bytes < 10 * kManifestLineMax; bytes += 1000)
        fed = endless.feed(std::string(1000, 'x'), objects);
    ASSERT_FALSE(fed);
    EXPECT_THAT(fed.error().detail, HasSubstr("line 1: is longer than 262144 bytes"));
    EXPECT_LT(bytes, kManifestLineMax + 2000);
}

}  // namespace
}  // namespace archive
