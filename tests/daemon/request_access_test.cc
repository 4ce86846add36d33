// Fields about access and storage that no request may have: each is refused by name, and what a
// customer's key was is told by none of the errors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/api_request.h"

namespace s3zipd {
namespace {

const std::string kKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";  // 32 bytes

enum class Where : std::uint8_t { source, destination, options };

struct Case {
    Where where;
    std::string members;
    std::string pointer;  // below /sources/0, /destination or /options; empty: it is good
};

std::string problem_of(const Case& c) {
    const auto members = [&](Where where) {
        return c.where == where ? "," + c.members : std::string();
    };
    const auto request = parse_archive_request(fmt::format(
        R"({{"sources":[{{"bucket":"src"{}}}],"destination":{{"bucket":"out","key":"a"{}}},)"
        R"("options":{{"flatten":false{}}}}})",
        members(Where::source), members(Where::destination), members(Where::options)));
    if (request) return "";
    EXPECT_FALSE(request.error().to_string().contains(kKey)) << request.error().to_string();
    EXPECT_EQ(request.error().kind, base::ErrorKind::invalid);
    const std::string parent = c.where == Where::source        ? "/sources/0"
                               : c.where == Where::destination ? "/destination"
                                                               : "/options";
    const std::string& key = request.error().key;
    return key.starts_with(parent) ? key.substr(parent.size()) : "elsewhere: " + key;
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }
std::string repeat(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

void expect_all(Where where, const std::vector<std::pair<std::string, std::string>>& cases) {
    for (const auto& [members, pointer] : cases)
        EXPECT_EQ(problem_of({where, members, pointer}), pointer) << members.substr(0, 200);
}

TEST(RequestAccess, OfASource) {
    expect_all(Where::source,
               {{R"("requester_pays":true)", ""},
                {R"("requester_pays":"yes")", "/requester_pays"},
                {R"("expected_bucket_owner":"123456789012")", ""},
                {R"("expected_bucket_owner":"12345678901")", "/expected_bucket_owner"},
                {R"("expected_bucket_owner":"12345678901x")", "/expected_bucket_owner"},
                {R"("expected_bucket_owner":"")", "/expected_bucket_owner"},
                {R"("expected_bucket_owner":123456789012)", "/expected_bucket_owner"},
                {R"("sse_customer_key":")" + kKey + '"', ""},
                {R"x("sse_customer_key":"(set)")x", "/sse_customer_key"},
                {R"("sse_customer_key":"")", "/sse_customer_key"},
                {R"("sse_customer_key":null)", "/sse_customer_key"},
                {R"("sse_customer_key":"c2hvcnQ=")", "/sse_customer_key"},
                {R"("sse_customer_key":")" + kKey + R"(x")", "/sse_customer_key"},
                {R"("customer_key":")" + kKey + '"', "/customer_key"}});
}

TEST(RequestAccess, OfTheDestination) {
    expect_all(
        Where::destination,
        {{R"("requester_pays":1)", "/requester_pays"},
         {R"("expected_bucket_owner":"1")", "/expected_bucket_owner"},
         {R"("sse_customer_key":")" + kKey + '"', "/sse_customer_key"},
         {R"("sse":{"type":"customer","customer_key":")" + kKey + R"("})", ""},
         {R"("sse":{"type":"customer"})", "/sse/customer_key"},
         {R"("sse":{"type":"AES256","customer_key":")" + kKey + R"("})", "/sse/customer_key"},
         {R"("sse":{"type":"customer","customer_key":"abc"})", "/sse/customer_key"},
         {R"("sse":{"type":""})", "/sse/type"},
         {R"("sse":{"type":"kms"})", "/sse/type"},
         {R"("sse":{"type":"aws:kms","key_id":""})", "/sse/key_id"},
         {R"("sse":{"type":"AES256","key_id":"k"})", "/sse/key_id"},
         {R"("sse":{"type":"aws:kms","key_id":"ä"})", "/sse/key_id"},
         {R"("sse":{"type":"aws:kms","bucket_key_enabled":"on"})", "/sse/bucket_key_enabled"},
         {R"("sse":{"type":"AES256","bucket_key_enabled":false})", "/sse/bucket_key_enabled"},
         {R"("sse":{"type":"aws:kms:dsse","bucket_key_enabled":true})", "/sse/bucket_key_enabled"},
         {R"("sse":{"type":"aws:kms:dsse","context":{"a":"b"}})", ""},
         {R"("sse":{"type":"AES256","context":{"a":"b"}})", "/sse/context"},
         {R"("sse":{"type":"aws:kms","context":{"":"b"}})", "/sse/context"},
         {R"("sse":{"type":"aws:kms","context":{"a":1}})", "/sse/context/a"},
         {R"("sse":{"type":"aws:kms","context":{"a":")" + repeat("b", 4100) + R"("}})",
          "/sse/context"}});
}

TEST(RequestAccess, TagsThatS3Refuses) {
    const auto tag = [](const std::string& key, const std::string& value) {
        return R"("tags":{)" + quoted(key) + ":" + quoted(value) + "}";
    };
    std::string ten;
    for (int i = 0; i < 10; ++i) ten += fmt::format(R"("{}":"v",)", i);
    expect_all(Where::destination, {{tag("a b+-=._:/@Z9", ""), ""},
                                    {tag(repeat("ä", 128), repeat("ö", 256)), ""},
                                    {tag(repeat("ä", 129), "v"), "/tags/" + repeat("ä", 129)},
                                    {tag("k", repeat("v", 257)), "/tags/k"},
                                    {tag("", "v"), "/tags/"},
                                    {tag("a/b~c!", "v"), "/tags/a~1b~0c!"},
                                    {tag("k", "a&b"), "/tags/k"},
                                    {tag("aws:k", "v"), "/tags/aws:k"},
                                    {R"("tags":{)" + ten + R"("x":"y"})", "/tags"}});
}

TEST(RequestAccess, HeadersThatWouldNotArriveAsTheyAre) {
    const auto metadata = [](const std::string& name, const std::string& value) {
        return R"("metadata":{)" + quoted(name) + ":" + quoted(value) + "}";
    };
    expect_all(Where::destination,
               {{metadata("Name-1_x.y", "a  b"), ""},
                {metadata("k", repeat("v", 2011)), ""},  // the mark of the job has 36 bytes
                {metadata("k", repeat("v", 2012)), "/metadata"},
                {metadata("k", "ä"), "/metadata/k"},
                {metadata("k", " v"), "/metadata/k"},
                {metadata("k", "v "), "/metadata/k"},
                {metadata("k", "a\\tb"), "/metadata/k"},
                {metadata("a b", "v"), "/metadata/a b"},
                {metadata("", "v"), "/metadata/"},
                {R"("metadata":{"a":"1","A":"2"})", "/metadata/a"},
                {R"("content_type":"")", "/content_type"},
                {R"("content_type":"a\r\nb")", "/content_type"},
                {R"("content_disposition":"attachment; filename=ä.zip")", "/content_disposition"},
                {R"("cache_control":"no-store ")", "/cache_control"},
                {R"("storage_class":"A_NEW_CLASS_2030")", ""},
                {R"("storage_class":"")", "/storage_class"},
                {R"("storage_class":"IA,STANDARD")", "/storage_class"},
                {R"("storage_class":")" + repeat("A", 65) + '"', "/storage_class"}});
}

TEST(RequestAccess, RolesAndChecksums) {
    const auto role = [](const std::string& arn) { return R"("role_arn":)" + quoted(arn); };
    const std::string good = role("arn:aws:iam::123456789012:role/r");
    expect_all(Where::options,
               {{good, ""},
                {role("arn:aws-us-gov:iam::123456789012:role/path/to/r+=,.@-_1"), ""},
                {role(""), "/role_arn"},
                {role("r"), "/role_arn"},
                {role("arn:aws:iam::123456789012:role/"), "/role_arn"},
                {role("arn:aws:iam::12345678901:role/r"), "/role_arn"},
                {role("arn:aws:iam::123456789012:user/r"), "/role_arn"},
                {role("arn:aws:sts::123456789012:role/r"), "/role_arn"},
                {role("arn:gcp:iam::123456789012:role/r"), "/role_arn"},
                {role("arn:aws:iam::123456789012:role/a b"), "/role_arn"},
                {good + R"(,"external_id":"e1")", ""},
                {good + R"(,"external_id":"e")", "/external_id"},
                {good + R"(,"external_id":"")", "/external_id"},
                {good + R"(,"external_id":"a b")", "/external_id"},
                {R"("external_id":"e1")", "/external_id"},
                {R"("checksums":"auto")", ""},
                {R"("checksums":"none")", "/checksums"},
                {R"("checksums":true)", "/checksums"},
                {R"("part_layout":"entries")", ""},
                {R"("part_layout":"auto")", "/part_layout"},
                {R"("part_layout":1)", "/part_layout"},
                {R"("verify_sources":"stored")", ""},
                {R"("verify_sources":"sha256")", "/verify_sources"},
                {R"("verify_sources":null)", "/verify_sources"}});
}

}  // namespace
}  // namespace s3zipd
