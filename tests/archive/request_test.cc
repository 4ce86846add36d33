// Every bad field is refused with the JSON pointer of just that field.
#include "archive/request.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <cstdlib>
#include <functional>

#include "zip/records.h"

namespace archive {
namespace {

Source source(std::string bucket, std::string prefix = {}) {
    Source s;
    s.bucket = std::move(bucket);
    s.prefix = std::move(prefix);
    return s;
}

ArchiveRequest good() {
    ArchiveRequest request;
    request.sources.push_back(source("photos", "2026/"));
    request.destination.bucket = "out";
    request.destination.key = "a.zip";
    return request;
}

TEST(Validate, TakesWhatIsRight) {
    EXPECT_TRUE(validate(good()));
    ArchiveRequest request = good();
    request.sources.push_back(source("docs"));
    request.sources[1].objects = {{"a b.pdf", "papers/a.pdf", "v1"}, {"c", "", ""}};
    request.options.part_size_bytes = 5ULL << 20;
    request.options.comment = std::string(0xFFFF, 'c');
    request.options.priority = -100;
    request.destination.sse = {"aws:kms", "key"};
    EXPECT_TRUE(validate(request));
}

struct BadCase {
    const char* name;
    const char* pointer;
    const char* code;
    std::function<void(ArchiveRequest&)> spoil;
};
std::ostream& operator<<(std::ostream& out, const BadCase& c) { return out << c.name; }

void set_objects(ArchiveRequest& r, std::vector<ObjectChoice> objects) {
    r.sources[0].prefix.clear();
    r.sources[0].objects = std::move(objects);
}

const BadCase kBadCases[] = {
    {"NoSources", "/sources", "no_sources", [](auto& r) { r.sources.clear(); }},
    {"TooManySources", "/sources", "too_many_sources",
     [](auto& r) { r.sources.resize(1001, r.sources[0]); }},
    {"NoBucket", "/sources/0/bucket", "bad_bucket", [](auto& r) { r.sources[0].bucket.clear(); }},
    {"SecondBucket", "/sources/1/bucket", "bad_bucket",
     [](auto& r) { r.sources.push_back(source("a/b")); }},
    {"LongPrefix", "/sources/0/prefix", "bad_prefix",
     [](auto& r) { r.sources[0].prefix.assign(1025, 'p'); }},
    {"PrefixAndObjects", "/sources/0/objects", "bad_source",
     [](auto& r) { r.sources[0].objects = {{"k", "", ""}}; }},
    {"IncludeAndObjects", "/sources/0/objects", "bad_source",
     [](auto& r) {
         set_objects(r, {{"k", "", ""}});
         r.sources[0].include = {"*"};
     }},
    {"ExcludeAndObjects", "/sources/0/objects", "bad_source",
     [](auto& r) {
         set_objects(r, {{"k", "", ""}});
         r.sources[0].exclude = {"*"};
     }},
    {"NoObjects", "/sources/0/objects", "no_objects", [](auto& r) { set_objects(r, {}); }},
    {"EmptyKey", "/sources/0/objects/1/key", "bad_key",
     [](auto& r) { set_objects(r, {{"k", "", ""}, {"", "", ""}}); }},
    {"LongKey", "/sources/0/objects/0/key", "bad_key",
     [](auto& r) { set_objects(r, {{std::string(1025, 'k'), "", ""}}); }},
    {"LongName", "/sources/0/objects/0/name", "bad_name",
     [](auto& r) { set_objects(r, {{"k", std::string(zip::kNameSizeMax + 1, 'n'), ""}}); }},
    {"NoDestination", "/destination/bucket", "bad_bucket",
     [](auto& r) { r.destination.bucket.clear(); }},
    {"BadDestination", "/destination/bucket", "bad_bucket",
     [](auto& r) { r.destination.bucket = "a b"; }},
    {"NoDestinationKey", "/destination/key", "bad_key", [](auto& r) { r.destination.key.clear(); }},
    {"LongDestinationKey", "/destination/key", "bad_key",
     [](auto& r) { r.destination.key.assign(1025, 'k'); }},
    {"ManyTags", "/destination/tags", "bad_tags",
     [](auto& r) {
         for (int i = 0; i < 11; ++i) r.destination.tags[std::to_string(i)] = "v";
     }},
    {"SseType", "/destination/sse/type", "bad_sse",
     [](auto& r) { r.destination.sse.type = "rot13"; }},
    {"SseKey", "/destination/sse/key_id", "bad_sse",
     [](auto& r) { r.destination.sse = {"AES256", "key"}; }},
    {"LongPattern", "/sources/0/include/1", "bad_pattern",
     [](auto& r) { r.sources[0].include = {"*", std::string(1025, '[')}; }},
    {"ManyPatterns", "/sources/0/exclude", "too_many_patterns",
     [](auto& r) { r.sources[0].exclude.assign(101, "*"); }},
    {"LongPatterns", "/sources/1/exclude/4", "patterns_too_long",
     [](auto& r) {
         r.sources[0].include.assign(60, std::string(1024, 'a'));
         r.sources.push_back(r.sources[0]);
         r.sources[1].include.clear();
         r.sources[1].exclude.assign(5, std::string(1024, 'b'));
     }},
    {"MetadataName", "/destination/metadata/a b", "bad_metadata",
     [](auto& r) { r.destination.metadata["a b"] = "v"; }},
    {"EmptyMetadataName", "/destination/metadata/", "bad_metadata",
     [](auto& r) { r.destination.metadata[""] = "v"; }},
    {"MetadataValue", "/destination/metadata/a", "bad_metadata",
     [](auto& r) { r.destination.metadata["a"] = "v\r\nx-amz-acl: public-read"; }},
    {"MetadataOfOurs", "/destination/metadata/S3zipd-Job", "bad_metadata",
     [](auto& r) { r.destination.metadata["S3zipd-Job"] = "v"; }},
    {"ManyMetadata", "/destination/metadata", "bad_metadata",
     [](auto& r) { r.destination.metadata["k"].assign(2012, 'v'); }},
    {"Disposition", "/destination/content_disposition", "bad_content_disposition",
     [](auto& r) { r.destination.content_disposition = "a\nb"; }},
    {"StorageClass", "/destination/storage_class", "bad_storage_class",
     [](auto& r) { r.destination.storage_class = "STANDARD IA"; }},
    {"SseKeyLine", "/destination/sse/key_id", "bad_sse",
     [](auto& r) { r.destination.sse = {"aws:kms", "a\nb"}; }},
    {"LongComment", "/options/comment", "",
     [](auto& r) { r.options.comment.assign(0x10000, 'c'); }},
    {"CommentLikeAnEnd", "/options/comment", "", [](auto& r) { r.options.comment = "PK\5\6"; }},
    {"HighPriority", "/options/priority", "bad_priority",
     [](auto& r) { r.options.priority = 101; }},
    {"LowPriority", "/options/priority", "bad_priority",
     [](auto& r) { r.options.priority = -101; }},
    {"SmallParts", "/options/part_size", "bad_part_size",
     [](auto& r) { r.options.part_size_bytes = (5ULL << 20) - 1; }},
    {"LargeParts", "/options/part_size", "bad_part_size",
     [](auto& r) { r.options.part_size_bytes = (5ULL << 30) + 1; }},
};

class BadRequest : public testing::TestWithParam<BadCase> {};

TEST_P(BadRequest, NamesTheField) {
    ArchiveRequest request = good();
    GetParam().spoil(request);
    const auto status = validate(request);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, base::ErrorKind::invalid);
    EXPECT_EQ(status.error().key, GetParam().pointer) << status.error().to_string();
    if (*GetParam().code != '\0') {
        EXPECT_EQ(status.error().code, GetParam().code);
    }
    EXPECT_FALSE(status.error().detail.empty());
}

INSTANTIATE_TEST_SUITE_P(Fields, BadRequest, testing::ValuesIn(kBadCases),
                         [](const auto& info) { return std::string(info.param.name); });

// In a process of its own, where OpenSSL is restricted as on machines with FIPS.
TEST(Md5DeathTest, VerifySourcesNeedsIt) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    const auto without_md5 = [] {
        EVP_set_default_properties(nullptr, "fips=yes");
        ArchiveRequest request = good();
        const bool plain = validate(request).has_value();
        request.options.verify_sources = VerifySources::md5;
        const auto status = validate(request);
        std::_Exit(plain && !status && status.error().code == "md5_unavailable" &&
                           status.error().key == "/options/verify_sources"
                       ? 0
                       : 1);
    };
    EXPECT_EXIT(without_md5(), testing::ExitedWithCode(0), "");
    ArchiveRequest request = good();
    request.options.verify_sources = VerifySources::md5;
    EXPECT_TRUE(validate(request));
}

}  // namespace
}  // namespace archive
