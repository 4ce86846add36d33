#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/api_request.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

TEST(Request, ReadsEveryField) {
    const auto request = parse_archive_request(R"({
        "sources": [
            { "bucket": "photos", "prefix": "2026/", "include": ["*.jpg"], "exclude": ["*/tmp/*"] },
            { "bucket": "docs", "requester_pays": true, "expected_bucket_owner": "123456789012",
              "sse_customer_key": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=",
              "objects": [ { "key": "a b.pdf", "name": "papers/a.pdf",
                                               "version_id": "v1" },
                                             { "key": "b" } ] } ],
        "destination": { "bucket": "out", "key": "zips/2026.zip", "overwrite": true,
                         "storage_class": "STANDARD_IA",
                         "tags": { "team": "x" }, "metadata": { "k": "v" },
                         "content_disposition": "attachment", "content_type": "x/zip",
                         "cache_control": "no-store",
                         "requester_pays": true, "expected_bucket_owner": "999999999999",
                         "sse": { "type": "aws:kms", "key_id": "k1", "bucket_key_enabled": false,
                                  "context": { "a": "b" } } },
        "options": { "strip_prefix": "2026/", "flatten": true, "on_duplicate": "rename",
                     "names": "raw", "order": "key",
                     "on_missing": "skip", "list_missing": true,
                     "on_empty": "archive", "timestamps": "fixed", "comment": "hello",
                     "execution": "local",
                     "priority": -7, "part_size": "64MiB", "checksums": "required",
                     "part_layout": "uniform", "verify_sources": "md5",
                     "role_arn": "arn:aws:iam::123456789012:role/r", "external_id": "e1" },
        "notify": { "url": "https://hooks.example:8443/done?token=x" } })");
    ASSERT_TRUE(request.has_value()) << request.error().detail;
    ASSERT_EQ(request->sources.size(), 2u);
    EXPECT_EQ(request->sources[0].bucket, "photos");
    EXPECT_EQ(request->sources[0].prefix, "2026/");
    EXPECT_EQ(request->sources[0].include, std::vector<std::string>{"*.jpg"});
    EXPECT_EQ(request->sources[0].exclude, std::vector<std::string>{"*/tmp/*"});
    EXPECT_FALSE(request->sources[0].objects.has_value());
    const auto& objects = *request->sources[1].objects;
    ASSERT_EQ(objects.size(), 2u);
    EXPECT_EQ(objects[0].key, "a b.pdf");
    EXPECT_EQ(objects[0].name, "papers/a.pdf");
    EXPECT_EQ(objects[0].version_id, "v1");
    EXPECT_EQ(objects[1].key, "b");
    const auto& destination = request->destination;
    EXPECT_EQ(destination.bucket, "out");
    EXPECT_EQ(destination.key, "zips/2026.zip");
    EXPECT_TRUE(destination.overwrite);
    EXPECT_EQ(destination.storage_class, "STANDARD_IA");
    EXPECT_EQ(destination.tags.at("team"), "x");
    EXPECT_EQ(destination.metadata.at("k"), "v");
    EXPECT_EQ(destination.content_disposition, "attachment");
    EXPECT_EQ(destination.sse.type, "aws:kms");
    EXPECT_EQ(destination.sse.key_id, "k1");
    EXPECT_EQ(destination.sse.bucket_key_enabled, std::optional(false));
    EXPECT_EQ(destination.sse.context.at("a"), "b");
    EXPECT_EQ(destination.content_type, "x/zip");
    EXPECT_EQ(destination.cache_control, "no-store");
    EXPECT_EQ(destination.access, (s3client::Access{true, "999999999999"}));
    EXPECT_EQ(request->sources[0].access, s3client::Access{});
    const s3client::Access& access = request->sources[1].access;
    EXPECT_TRUE(access.requester_pays);
    EXPECT_EQ(access.expected_bucket_owner, "123456789012");
    EXPECT_EQ(access.customer_key->base64(), "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=");
    const auto& options = request->options;
    EXPECT_EQ(options.strip_prefix, "2026/");
    EXPECT_TRUE(options.flatten);
    EXPECT_EQ(options.on_duplicate, archive::OnDuplicate::rename);
    EXPECT_EQ(options.names, zip::NamePolicy::raw);
    EXPECT_EQ(options.order, archive::EntryOrder::key);
    EXPECT_EQ(options.on_missing, archive::OnMissing::skip);
    EXPECT_TRUE(options.list_missing);
    EXPECT_EQ(options.on_empty, archive::OnEmpty::archive);
    EXPECT_EQ(options.timestamps, archive::Timestamps::fixed);
    EXPECT_EQ(options.comment, "hello");
    EXPECT_EQ(options.priority, -7);
    EXPECT_EQ(options.part_size_bytes, 64ull << 20);
    EXPECT_EQ(options.checksums, archive::Checksums::required);
    EXPECT_EQ(options.part_layout, archive::PartLayout::uniform);
    EXPECT_EQ(options.verify_sources, archive::VerifySources::md5);
    EXPECT_EQ(options.role_arn, "arn:aws:iam::123456789012:role/r");
    EXPECT_EQ(options.external_id, "e1");
    EXPECT_EQ(request->notify_url, "https://hooks.example:8443/done?token=x");
}

TEST(Request, TakesASingleSourceAndDefaults) {
    const auto request = parse_archive_request(
        R"({"source":{"bucket":"photos"},"destination":{"bucket":"out","key":"a.zip"}})");
    ASSERT_TRUE(request.has_value()) << request.error().detail;
    ASSERT_EQ(request->sources.size(), 1u);
    EXPECT_EQ(request->sources[0].prefix, "");
    EXPECT_FALSE(request->destination.overwrite);
    EXPECT_EQ(request->options.on_duplicate, archive::OnDuplicate::fail);
    EXPECT_EQ(request->options.part_size_bytes, 0u);
    EXPECT_EQ(request->notify_url, "");
}

TEST(Request, EveryWordOfNamesAndOrder) {
    const auto options_of = [](const std::string& options) {
        const auto request = parse_archive_request(
            R"({"source":{"bucket":"photos"},"destination":{"bucket":"out","key":"a"},)"
            R"("options":)" +
            options + "}");
        EXPECT_TRUE(request.has_value()) << options;
        return request ? request->options : archive::Options{};
    };
    EXPECT_EQ(options_of(R"({"names":"safe"})").names, zip::NamePolicy::safe);
    EXPECT_EQ(options_of(R"({"names":"strict"})").names, zip::NamePolicy::strict);
    EXPECT_EQ(options_of(R"({"names":"raw"})").names, zip::NamePolicy::raw);
    EXPECT_EQ(options_of(R"({"order":"given"})").order, archive::EntryOrder::given);
    EXPECT_EQ(options_of(R"({"order":"key"})").order, archive::EntryOrder::key);
    const archive::Options defaults = options_of("{}");
    EXPECT_EQ(defaults.names, zip::NamePolicy::safe);
    EXPECT_EQ(defaults.order, archive::EntryOrder::given);
    EXPECT_FALSE(defaults.list_missing);
    EXPECT_FALSE(options_of(R"({"list_missing":false,"on_missing":"fail"})").list_missing);
}

TEST(Request, PartSizeIsBytesOrText) {
    const auto size_of = [](std::string size) -> std::uint64_t {
        const auto request = parse_archive_request(
            R"({"source":{"bucket":"photos"},"destination":{"bucket":"out","key":"a"},)"
            R"("options":{"part_size":)" +
            size + "}}");
        return request ? request->options.part_size_bytes : 1;
    };
    EXPECT_EQ(size_of("5242880"), 5ull << 20);
    EXPECT_EQ(size_of("\"5MiB\""), 5ull << 20);
    EXPECT_EQ(size_of("5368709120"), 5ull << 30);
    EXPECT_EQ(size_of("\"5GiB\""), 5ull << 30);
}

struct BadField {
    std::string name;                                // of the test case
    std::string source, destination, options, more;  // JSON; empty: the good default
    std::string code, pointer;
};

class BadFieldTest : public testing::TestWithParam<BadField> {};

TEST_P(BadFieldTest, IsNamed) {
    const BadField& p = GetParam();
    const auto or_else = [](const std::string& text, const char* other) {
        return text.empty() ? std::string(other) : text;
    };
    const std::string body = "{" + or_else(p.source, R"("source":{"bucket":"photos"})") +
                             R"(,"destination":)" +
                             or_else(p.destination, R"({"bucket":"out","key":"a.zip"})") +
                             R"(,"options":)" + or_else(p.options, "{}") + p.more + "}";
    const auto request = parse_archive_request(body);
    ASSERT_FALSE(request.has_value()) << body;
    EXPECT_EQ(request.error().code, p.code) << request.error().detail;
    EXPECT_EQ(request.error().key, p.pointer) << request.error().detail;
    EXPECT_EQ(request.error().kind, base::ErrorKind::invalid);
    EXPECT_FALSE(request.error().detail.empty());
}

std::string sources(std::string list) { return R"("sources":)" + list; }
std::string source(std::string object) { return R"("source":)" + object; }

INSTANTIATE_TEST_SUITE_P(
    Sources, BadFieldTest,
    testing::Values(
        BadField{"None", R"("x":1)", "", "", "", "missing_field", "/sources"},
        BadField{"Both", R"("source":{"bucket":"photos"},"sources":[{"bucket":"photos"}])", "", "",
                 "", "conflicting_fields", "/source"},
        BadField{"Empty", sources("[]"), "", "", "", "empty_list", "/sources"},
        BadField{"NoList", sources("{}"), "", "", "", "wrong_type", "/sources"},
        BadField{"NoObject", sources("[1]"), "", "", "", "wrong_type", "/sources/0"},
        BadField{"Null", source("null"), "", "", "", "wrong_type", "/source"},
        BadField{"NoBucket", sources(R"([{"bucket":"photos"},{"prefix":"x"}])"), "", "", "",
                 "missing_field", "/sources/1/bucket"},
        BadField{"BucketType", source(R"({"bucket":5})"), "", "", "", "wrong_type",
                 "/source/bucket"},
        BadField{"Unknown", source(R"({"bucket":"photos","a/b~c":1})"), "", "", "", "unknown_field",
                 "/source/a~1b~0c"},
        BadField{"ManifestType", source(R"({"manifest":"m/l"})"), "", "", "", "wrong_type",
                 "/source/manifest"},
        BadField{"ManifestNull", source(R"({"manifest":null})"), "", "", "", "wrong_type",
                 "/source/manifest"},
        BadField{"ManifestNoBucket", sources(R"([{"bucket":"a"},{"manifest":{"key":"l"}}])"), "",
                 "", "", "missing_field", "/sources/1/manifest/bucket"},
        BadField{"ManifestNoKey", source(R"({"manifest":{"bucket":"m"}})"), "", "", "",
                 "missing_field", "/source/manifest/key"},
        BadField{"ManifestVersionType",
                 source(R"({"manifest":{"bucket":"m","key":"l","version_id":1}})"), "", "", "",
                 "wrong_type", "/source/manifest/version_id"},
        BadField{"ManifestUnknown", source(R"({"manifest":{"bucket":"m","key":"l","etag":"e"}})"),
                 "", "", "", "unknown_field", "/source/manifest/etag"},
        BadField{"ManifestBesideUnknown",
                 source(R"({"manifest":{"bucket":"m","key":"l"},"name":"x"})"), "", "", "",
                 "unknown_field", "/source/name"},
        BadField{"ManifestAndBucket",
                 source(R"({"bucket":"b","manifest":{"bucket":"m","key":"l"}})"), "", "", "",
                 "conflicting_fields", "/source/bucket"},
        BadField{"ManifestAndPrefix",
                 sources(R"([{"manifest":{"bucket":"m","key":"l"},"prefix":""}])"), "", "", "",
                 "conflicting_fields", "/sources/0/prefix"},
        BadField{"ManifestAndInclude",
                 source(R"({"manifest":{"bucket":"m","key":"l"},"include":["*"]})"), "", "", "",
                 "conflicting_fields", "/source/include"},
        BadField{"ManifestAndExclude",
                 source(R"({"manifest":{"bucket":"m","key":"l"},"exclude":[]})"), "", "", "",
                 "conflicting_fields", "/source/exclude"},
        BadField{"ManifestAndObjects",
                 source(R"({"manifest":{"bucket":"m","key":"l"},"objects":[{"key":"a"}]})"), "", "",
                 "", "conflicting_fields", "/source/objects"},
        BadField{"PrefixAndObjects",
                 source(R"({"bucket":"photos","prefix":"a","objects":[{"key":"a"}]})"), "", "", "",
                 "conflicting_fields", "/source/prefix"},
        BadField{"ExcludeAndObjects",
                 source(R"({"bucket":"photos","exclude":["a"],"objects":[{"key":"a"}]})"), "", "",
                 "", "conflicting_fields", "/source/exclude"},
        BadField{"ObjectsEmpty", source(R"({"bucket":"photos","objects":[]})"), "", "", "",
                 "empty_list", "/source/objects"},
        BadField{"ObjectsType", source(R"({"bucket":"photos","objects":"a"})"), "", "", "",
                 "wrong_type", "/source/objects"},
        BadField{"ObjectType", source(R"({"bucket":"photos","objects":["a"]})"), "", "", "",
                 "wrong_type", "/source/objects/0"},
        BadField{"ObjectNoKey",
                 source(R"({"bucket":"photos","objects":[{"key":"a"},{"name":"b"}]})"), "", "", "",
                 "missing_field", "/source/objects/1/key"},
        BadField{"ObjectUnknown",
                 source(R"({"bucket":"photos","objects":[{"key":"a","etag":"b"}]})"), "", "", "",
                 "unknown_field", "/source/objects/0/etag"},
        BadField{"NameType", source(R"({"bucket":"photos","objects":[{"key":"a","name":null}]})"),
                 "", "", "", "wrong_type", "/source/objects/0/name"},
        BadField{"IncludeType", source(R"({"bucket":"photos","include":"*"})"), "", "", "",
                 "wrong_type", "/source/include"},
        BadField{"IncludeItem", source(R"({"bucket":"photos","include":["*",2]})"), "", "", "",
                 "wrong_type", "/source/include/1"},
        BadField{"IncludeEmptyItem", source(R"({"bucket":"photos","include":[""]})"), "", "", "",
                 "bad_value", "/source/include/0"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Destination, BadFieldTest,
    testing::Values(
        BadField{"Type", "", "[]", "", "", "wrong_type", "/destination"},
        BadField{"NoBucket", "", R"({"key":"a"})", "", "", "missing_field", "/destination/bucket"},
        BadField{"NoKey", "", R"({"bucket":"out"})", "", "", "missing_field", "/destination/key"},
        BadField{"Unknown", "", R"({"bucket":"out","key":"a","acl":"x"})", "", "", "unknown_field",
                 "/destination/acl"},
        BadField{"Overwrite", "", R"({"bucket":"out","key":"a","overwrite":"yes"})", "", "",
                 "wrong_type", "/destination/overwrite"},
        BadField{"Tags", "", R"({"bucket":"out","key":"a","tags":{"a":1}})", "", "", "wrong_type",
                 "/destination/tags/a"},
        BadField{"Metadata", "", R"({"bucket":"out","key":"a","metadata":[]})", "", "",
                 "wrong_type", "/destination/metadata"},
        BadField{"SseType", "", R"({"bucket":"out","key":"a","sse":{"key_id":"k"}})", "", "",
                 "missing_field", "/destination/sse/type"},
        BadField{"SseUnknown", "", R"({"bucket":"out","key":"a","sse":{"type":"AES256","x":1}})",
                 "", "", "unknown_field", "/destination/sse/x"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Options, BadFieldTest,
    testing::Values(
        BadField{"Type", "", "", "7", "", "wrong_type", "/options"},
        BadField{"Unknown", "", "", R"({"colour":"red"})", "", "unknown_field", "/options/colour"},
        BadField{"Flatten", "", "", R"({"flatten":1})", "", "wrong_type", "/options/flatten"},
        BadField{"Names", "", "", R"({"names":"Safe"})", "", "bad_value", "/options/names"},
        BadField{"NamesEmpty", "", "", R"({"names":""})", "", "bad_value", "/options/names"},
        BadField{"NamesType", "", "", R"({"names":null})", "", "wrong_type", "/options/names"},
        BadField{"Order", "", "", R"({"order":"size"})", "", "bad_value", "/options/order"},
        BadField{"OrderType", "", "", R"({"order":true})", "", "wrong_type", "/options/order"},
        BadField{"ListMissingType", "", "", R"({"on_missing":"skip","list_missing":"yes"})", "",
                 "wrong_type", "/options/list_missing"},
        BadField{"ListMissingAlone", "", "", R"({"list_missing":true})", "", "bad_list_missing",
                 "/options/list_missing"},
        BadField{"OnDuplicate", "", "", R"({"on_duplicate":"skip"})", "", "bad_value",
                 "/options/on_duplicate"},
        BadField{"OnMissing", "", "", R"({"on_missing":true})", "", "wrong_type",
                 "/options/on_missing"},
        BadField{"OnEmpty", "", "", R"({"on_empty":""})", "", "bad_value", "/options/on_empty"},
        BadField{"Timestamps", "", "", R"({"timestamps":"now"})", "", "bad_value",
                 "/options/timestamps"},
        BadField{"Comment", "", "", R"({"comment":[]})", "", "wrong_type", "/options/comment"},
        BadField{"Lambda", "", "", R"({"execution":"lambda"})", "", "unsupported",
                 "/options/execution"},
        BadField{"Execution", "", "", R"({"execution":"cloud"})", "", "bad_value",
                 "/options/execution"},
        BadField{"PriorityRange", "", "", R"({"priority":101})", "", "out_of_range",
                 "/options/priority"},
        BadField{"PriorityHuge", "", "", R"({"priority":18446744073709551615})", "", "out_of_range",
                 "/options/priority"},
        BadField{"PriorityFraction", "", "", R"({"priority":1.5})", "", "wrong_type",
                 "/options/priority"},
        BadField{"PriorityText", "", "", R"({"priority":"1"})", "", "wrong_type",
                 "/options/priority"},
        BadField{"PartSizeSmall", "", "", R"({"part_size":5242879})", "", "out_of_range",
                 "/options/part_size"},
        BadField{"PartSizeLarge", "", "", R"({"part_size":"6GiB"})", "", "out_of_range",
                 "/options/part_size"},
        BadField{"PartSizeNegative", "", "", R"({"part_size":-1})", "", "out_of_range",
                 "/options/part_size"},
        BadField{"PartSizeWords", "", "", R"({"part_size":"big"})", "", "out_of_range",
                 "/options/part_size"},
        BadField{"PartSizeFraction", "", "", R"({"part_size":8388608.5})", "", "wrong_type",
                 "/options/part_size"},
        BadField{"PartSizeBool", "", "", R"({"part_size":true})", "", "wrong_type",
                 "/options/part_size"}),
    [](const auto& info) { return info.param.name; });

BadField notify(std::string name, std::string value, std::string code, std::string pointer) {
    return {std::move(name),   "", "", "", R"(,"notify":)" + value, std::move(code),
            std::move(pointer)};
}

INSTANTIATE_TEST_SUITE_P(
    Body, BadFieldTest,
    testing::Values(
        notify("NotifyType", R"("https://x")", "wrong_type", "/notify"),
        notify("NotifyNull", "null", "wrong_type", "/notify"),
        notify("NotifyNoUrl", "{}", "missing_field", "/notify/url"),
        notify("NotifyUrlType", R"({"url":1})", "wrong_type", "/notify/url"),
        notify("NotifyUrlEmpty", R"({"url":""})", "bad_value", "/notify/url"),
        notify("NotifyUnknown", R"({"url":"https://x","on":"end"})", "unknown_field", "/notify/on"),
        notify("NotifyScheme", R"({"url":"ftp://x"})", "bad_url", "/notify/url"),
        notify("NotifyPassword", R"({"url":"https://u:p@x"})", "bad_url", "/notify/url"),
        BadField{"Unknown", "", "", "", R"(,"colour":"red")", "unknown_field", "/colour"}),
    [](const auto& info) { return info.param.name; });

// validate() speaks of /sources/0; who wrote "source" reads of /source.
TEST(Request, ValidationKeepsTheWritersPointer) {
    const auto one = parse_archive_request(
        R"({"source":{"bucket":"No_Bucket!"},"destination":{"bucket":"out","key":"a"}})");
    ASSERT_FALSE(one.has_value());
    EXPECT_EQ(one.error().key, "/source/bucket");
    const auto many =
        parse_archive_request(R"({"sources":[{"bucket":"good"},{"bucket":"No_Bucket!"}],)"
                              R"("destination":{"bucket":"out","key":"a"}})");
    ASSERT_FALSE(many.has_value());
    EXPECT_EQ(many.error().key, "/sources/1/bucket");
    const std::string destination = R"("destination":{"bucket":"out","key":"a"}})";
    const auto bucket = parse_archive_request(
        R"({"source":{"manifest":{"bucket":"a/b","key":"l"}},)" + destination);
    ASSERT_FALSE(bucket.has_value());
    EXPECT_EQ(bucket.error().key, "/source/manifest/bucket");
    const auto key = parse_archive_request(
        R"({"sources":[{"bucket":"good"},{"manifest":{"bucket":"m","key":""}}],)" + destination);
    ASSERT_FALSE(key.has_value());
    EXPECT_EQ(key.error().key, "/sources/1/manifest/key");
}

TEST(Request, TakesAManifest) {
    const std::string destination = R"("destination":{"bucket":"out","key":"a"}})";
    const auto one = parse_archive_request(
        R"({"source":{"manifest":{"bucket":"m","key":"l.jsonl"}},)" + destination);
    ASSERT_TRUE(one.has_value()) << one.error().detail;
    ASSERT_TRUE(one->sources.at(0).manifest.has_value());
    EXPECT_EQ(one->sources[0].bucket, "");
    EXPECT_EQ(one->sources[0].manifest->bucket, "m");
    EXPECT_EQ(one->sources[0].manifest->key, "l.jsonl");
    EXPECT_EQ(one->sources[0].manifest->version_id, "");
    const auto many = parse_archive_request(
        R"({"sources":[{"bucket":"b"},{"manifest":{"bucket":"m","key":"l","version_id":"v"}}],)" +
        destination);
    ASSERT_TRUE(many.has_value()) << many.error().detail;
    EXPECT_FALSE(many->sources.at(0).manifest.has_value());
    EXPECT_EQ(many->sources.at(1).manifest->version_id, "v");
}

TEST(Request, NeedsADestination) {
    const auto request = parse_archive_request(R"({"source":{"bucket":"photos"}})");
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, "missing_field");
    EXPECT_EQ(request.error().key, "/destination");
}

TEST(Request, BrokenJsonIsLocated) {
    const auto request = parse_archive_request("{\n  \"source\": nope }");
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, "bad_json");
    EXPECT_EQ(request.error().key, "");
    EXPECT_THAT(request.error().detail, HasSubstr("line 2, column 13 (byte 14)"));
}

TEST(Request, EveryPrefixAndTheWrongShapesAreErrors) {
    const std::string good =
        R"({"source":{"bucket":"photos"},"destination":{"bucket":"out","key":"a"}})";
    ASSERT_TRUE(parse_archive_request(good).has_value());
    for (std::size_t i = 0; i < good.size(); ++i) {
        const auto request = parse_archive_request(good.substr(0, i));
        ASSERT_FALSE(request.has_value()) << i;
        EXPECT_EQ(request.error().code, "bad_json") << i;
    }
    for (const char* body : {"[]", "null", "1", "\"x\"", "true"}) {
        const auto request = parse_archive_request(body);
        ASSERT_FALSE(request.has_value()) << body;
        EXPECT_EQ(request.error().code, "wrong_type") << body;
        EXPECT_EQ(request.error().key, "") << body;
    }
    EXPECT_EQ(parse_archive_request(good + "x").error().code, "bad_json");
    EXPECT_EQ(parse_archive_request("{\"a\":\"\xff\"}").error().code, "bad_json");
}

TEST(Request, DepthIsBounded) {
    const std::string deep(100'000, '[');
    EXPECT_EQ(parse_archive_request(deep).error().code, "bad_json");
}

}  // namespace
}  // namespace s3zipd
