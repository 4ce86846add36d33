// Access points: which ARNs are taken where a bucket is meant, and where requests to them go.
#include "s3client/access_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "s3client/endpoint.h"

namespace s3client {
namespace {

using testing::HasSubstr;

constexpr const char* kArn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/my-point";

std::string detail_of(const auto& result) { return result ? "" : result.error().detail; }

TEST(AccessPoint, IsReadFromItsArn) {
    for (const std::string arn : {kArn, "arn:aws:s3:eu-west-1:123456789012:accesspoint:my-point"}) {
        const auto point = parse_access_point(arn);
        ASSERT_TRUE(point) << arn;
        EXPECT_EQ(point->region, "eu-west-1");
        EXPECT_EQ(point->account, "123456789012");
        EXPECT_EQ(point->name, "my-point");
        EXPECT_TRUE(check_bucket(arn, true));
        EXPECT_TRUE(check_bucket(arn, false));
        EXPECT_EQ(region_of_access_point(arn), "eu-west-1");
    }
    EXPECT_EQ(region_of_access_point("photos"), std::nullopt);
    EXPECT_EQ(region_of_access_point("arn:aws:s3:::photos"), std::nullopt);
    EXPECT_TRUE(parse_access_point("arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/abc"));
    EXPECT_TRUE(parse_access_point("arn:aws-us-gov:s3:us-gov-west-1:123456789012:accesspoint/abc"));
}

TEST(AccessPoint, OtherArnsAreRefusedByName) {
    const std::pair<const char*, const char*> cases[] = {
        {"arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", "multi-region"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint/mfzwi23gnjvgw.mrap", "multi-region"},
        {"arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/ol", "Object Lambda"},
        {"arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/accesspoint/x", "Outposts"},
        {"arn:aws:s3express:us-east-1:123456789012:accesspoint/x--use1-az4--xa-s3", "Express"},
        {"arn:aws:s3:::photos", "expected a name or arn:"},
        {"arn:aws:iam::123456789012:role/r", "expected a name or arn:"},
        {"arn:", "expected a name or arn:"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint", "expected a name or arn:"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoints/abc", "expected a name or arn:"},
        {"arn:aws:s3:cn-north-1:123456789012:accesspoint/abc", "region"},
        {"arn:aws:s3:us.east:123456789012:accesspoint/abc", "region"},
        {"arn:aws:s3:us-east-1:12345678901:accesspoint/abc", "12 digits"},
        {"arn:aws:s3:us-east-1:12345678901x:accesspoint/abc", "12 digits"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint/ab", "3 to 50"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint/-ab", "3 to 50"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint/a.b", "3 to 50"},
        {"arn:aws:s3:us-east-1:123456789012:accesspoint/abc/object/k", "3 to 50"},
    };
    for (const auto& [arn, why] : cases) {
        EXPECT_THAT(detail_of(parse_access_point(arn)), HasSubstr(why)) << arn;
        EXPECT_THAT(detail_of(check_bucket(arn, false)), HasSubstr(arn));
    }
    const std::string longest(50, 'a');
    EXPECT_TRUE(parse_access_point("arn:aws:s3:us-east-1:123456789012:accesspoint/" + longest));
    EXPECT_FALSE(parse_access_point("arn:aws:s3:us-east-1:123456789012:accesspoint/a" + longest));
}

TEST(AccessPoint, NamesThatMeanAnotherKindAreRefusedByAws) {
    EXPECT_THAT(detail_of(check_bucket("b--use1-az4--x-s3", true)), HasSubstr("Express"));
    EXPECT_THAT(detail_of(check_bucket("p--use1-az4--xa-s3", true)), HasSubstr("Express"));
    EXPECT_THAT(detail_of(check_bucket("alias-1234567890--ol-s3", true)), HasSubstr("Lambda"));
    EXPECT_THAT(detail_of(check_bucket("mfzwi23gnjvgw.mrap", true)), HasSubstr("multi-region"));
    EXPECT_TRUE(check_bucket("b--use1-az4--x-s3", false));  // another store may have it
}

TEST(AccessPoint, HasAHostOfItsOwn) {
    const Endpoint usual = *endpoint_of_region("us-east-1");
    const auto target = resolve(usual, Addressing::automatic, kArn, "a b/c");
    ASSERT_TRUE(target) << target.error().detail;
    EXPECT_EQ(target->connect_host, "my-point-123456789012.s3-accesspoint.eu-west-1.amazonaws.com");
    EXPECT_EQ(target->host_header, target->connect_host);
    EXPECT_EQ(target->path, "/a%20b/c");
    EXPECT_TRUE(target->tls);
    EXPECT_EQ(resolve(usual, Addressing::virtual_host, kArn, "")->path, "/");
    const Endpoint dual = *endpoint_of_region("us-east-1", IpVersions::dual_stack);
    EXPECT_EQ(resolve(dual, Addressing::automatic, kArn, "k")->connect_host,
              "my-point-123456789012.s3-accesspoint.dualstack.eu-west-1.amazonaws.com");
    EXPECT_EQ(resolve(*endpoint_of_region("cn-north-1"), Addressing::automatic,
                      "arn:aws-cn:s3:cn-northwest-1:123456789012:accesspoint/abc", "k")
                  ->connect_host,
              "abc-123456789012.s3-accesspoint.cn-northwest-1.amazonaws.com.cn");
    const Endpoint in_vpc =
        *parse_endpoint("https://accesspoint.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com");
    EXPECT_EQ(resolve(in_vpc, Addressing::automatic, kArn, "k")->connect_host,
              "my-point-123456789012.accesspoint.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com");
}

TEST(AccessPoint, IsRefusedWhereThereIsNone) {
    for (const char* url :
         {"http://127.0.0.1:9000", "https://minio.example", "https://s3.us-east-1.example.com",
          "https://s3.amazonaws.com", "https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com"}) {
        const auto target = resolve(*parse_endpoint(url), Addressing::automatic, kArn, "k");
        EXPECT_THAT(detail_of(target), HasSubstr(url));
    }
    EXPECT_THAT(detail_of(resolve(*endpoint_of_region("us-east-1"), Addressing::path, kArn, "k")),
                HasSubstr("path addressing"));
}

TEST(AccessPoint, AnAliasIsABucketsName) {
    const char* const alias = "my-point-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias";
    EXPECT_EQ(
        resolve(*endpoint_of_region("us-east-1"), Addressing::automatic, alias, "k")->connect_host,
        std::string(alias) + ".s3.us-east-1.amazonaws.com");
}

TEST(AccessPoint, StandsInUris) {
    const auto uri = parse_s3_uri(std::string("s3://") + kArn + "/a/b:c.txt");
    ASSERT_TRUE(uri) << uri.error().detail;
    EXPECT_EQ(uri->bucket, kArn);
    EXPECT_EQ(uri->key, "a/b:c.txt");
    EXPECT_EQ(parse_s3_uri(std::string("s3://") + kArn)->key, "");
    EXPECT_EQ(parse_s3_uri(std::string("s3://") + kArn + "/")->key, "");
    EXPECT_EQ(parse_s3_uri("s3://arn:aws:s3:eu-west-1:123456789012:accesspoint:abc/k")->bucket,
              "arn:aws:s3:eu-west-1:123456789012:accesspoint:abc");
    for (const char* bad : {"s3://arn:aws:s3:::photos/k", "s3://arn:", "s3://arn:aws",
                            "s3://arn:aws:s3:eu-west-1:1:accesspoint/x/k"}) {
        EXPECT_FALSE(parse_s3_uri(bad)) << bad;
    }
}

}  // namespace
}  // namespace s3client
