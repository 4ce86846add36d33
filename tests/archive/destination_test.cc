// What a destination becomes in headers. Whether it may be written is in engine tests.
#include "archive/destination.h"

#include <gmock/gmock.h>

namespace archive {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

Destination destination(bool overwrite = false) {
    Destination d;
    d.bucket = "b";
    d.key = "k";
    d.overwrite = overwrite;
    return d;
}

TEST(ObjectHeaders, ByDefaultOnlyTheContentType) {
    EXPECT_THAT(object_headers(destination()),
                ElementsAre(Pair("content-type", "application/zip")));
}

TEST(ObjectHeaders, EveryFieldHasItsHeader) {
    Destination d = destination();
    d.storage_class = "STANDARD_IA";
    d.content_disposition = "attachment; filename=2026.zip";
    d.sse = {"aws:kms", "key-1"};
    d.metadata = {{"case", "4711"}, {"Owner-Name", "Ann"}};
    d.tags = {{"a b", "c&d=e"}, {"x", ""}};
    EXPECT_THAT(
        object_headers(d),
        UnorderedElementsAre(Pair("content-type", "application/zip"),
                             Pair("x-amz-storage-class", "STANDARD_IA"),
                             Pair("content-disposition", "attachment; filename=2026.zip"),
                             Pair("x-amz-server-side-encryption", "aws:kms"),
                             Pair("x-amz-server-side-encryption-aws-kms-key-id", "key-1"),
                             Pair("x-amz-meta-case", "4711"), Pair("x-amz-meta-owner-name", "Ann"),
                             Pair("x-amz-tagging", "a%20b=c%26d%3De&x=")));
}

TEST(ObjectHeaders, TheMarkOfTheJob) {
    Destination d = destination();
    d.metadata = {{"case", "4711"}};
    EXPECT_THAT(
        object_headers(d, "01JABCDEFGHJKMNPQRSTVWXYZ0"),
        ElementsAre(Pair("content-type", "application/zip"), Pair("x-amz-meta-case", "4711"),
                    Pair("x-amz-meta-s3zipd-job", "01JABCDEFGHJKMNPQRSTVWXYZ0")));
}

TEST(ObjectHeaders, KmsHasAContextAndABucketKey) {
    Destination d = destination();
    d.content_type = "application/x-zip";
    d.cache_control = "no-store";
    d.sse = {"aws:kms:dsse", "", false, {{"a\"b", "c\\\n"}, {"z", "ä"}}};
    EXPECT_EQ(kms_context(d.sse.context), R"({"a\"b":"c\\\u000a","z":"ä"})");
    EXPECT_EQ(kms_context({}), "{}");
    EXPECT_THAT(
        object_headers(d),
        ElementsAre(Pair("content-type", "application/x-zip"), Pair("cache-control", "no-store"),
                    Pair("x-amz-server-side-encryption", "aws:kms:dsse"),
                    Pair("x-amz-server-side-encryption-bucket-key-enabled", "false"),
                    Pair("x-amz-server-side-encryption-context",
                         "eyJhXCJiIjoiY1xcXHUwMDBhIiwieiI6IsOkIn0=")));
}

// Access sends the key, with these requests and others.
TEST(ObjectHeaders, ACustomersKeyIsNotTheirs) {
    Destination d = destination();
    d.sse.type = "customer";
    EXPECT_THAT(object_headers(d), ElementsAre(Pair("content-type", "application/zip")));
}

}  // namespace
}  // namespace archive
