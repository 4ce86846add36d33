// Flags about access and storage: what they become in the request, and where keys come from.
#include <gmock/gmock.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

#include "cli/arguments.h"
#include "cli/json_job.h"
#include "cli/json_request.h"

namespace {

using namespace cli;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

const std::string kKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";  // 32 times 'a'

class AccessOptions : public testing::Test {
  protected:
    ~AccessOptions() override { std::filesystem::remove(path_); }
    std::string file(const std::string& bytes) {
        std::ofstream(path_, std::ios::binary) << bytes;
        return path_;
    }
    static std::expected<Arguments, Leave> create(Words more) {
        Words words = {"create", "s3://src/p/", "s3://other/k", "-o", "s3://out/a.zip"};
        words.insert(words.end(), more.begin(), more.end());
        return parse_arguments(words);
    }
    static std::string body(const Words& more, Secrets secrets = Secrets::written) {
        const auto arguments = create(more);
        return arguments ? request_json(arguments->request, secrets)
                         : "bad: " + arguments.error().text;
    }
    const std::string path_ = testing::TempDir() + "s3zip-key-" + std::to_string(::getpid());
};

TEST_F(AccessOptions, OfSourcesGoWithEachOfThem) {
    EXPECT_EQ(body({"--source-requester-pays", "--source-owner", "123456789012"}),
              R"({"sources":[{"requester_pays":true,"expected_bucket_owner":"123456789012",)"
              R"("bucket":"src","prefix":"p/"},)"
              R"({"requester_pays":true,"expected_bucket_owner":"123456789012",)"
              R"("bucket":"other","objects":[{"key":"k"}]}],)"
              R"("destination":{"bucket":"out","key":"a.zip"}})");
}

TEST_F(AccessOptions, OfTheArchive) {
    EXPECT_THAT(
        body({"--output-requester-pays",
              "--output-owner",
              "123456789012",
              "--storage-class",
              "STANDARD_IA",
              "--tag",
              "team=x=y",
              "--tag",
              "empty=",
              "--metadata",
              "k=v",
              "--content-type",
              "a/b",
              "--content-disposition",
              "attachment",
              "--cache-control",
              "no-store",
              "--sse",
              "aws:kms",
              "--sse-key-id",
              "k1",
              "--sse-bucket-key",
              "off",
              "--sse-context",
              "a=b"}),
        HasSubstr(R"("destination":{"bucket":"out","key":"a.zip","storage_class":"STANDARD_IA",)"
                  R"("tags":{"empty":"","team":"x=y"},"metadata":{"k":"v"},)"
                  R"("content_type":"a/b","content_disposition":"attachment",)"
                  R"("cache_control":"no-store","requester_pays":true,)"
                  R"("expected_bucket_owner":"123456789012","sse":{"type":"aws:kms",)"
                  R"("key_id":"k1","bucket_key_enabled":false,"context":{"a":"b"}}})"));
}

TEST_F(AccessOptions, OfTheJob) {
    EXPECT_THAT(body({"--role-arn", "arn:aws:iam::123456789012:role/r", "--external-id", "e1",
                      "--checksums", "required"}),
                HasSubstr(R"("options":{"role_arn":"arn:aws:iam::123456789012:role/r",)"
                          R"("external_id":"e1","checksums":"required"})"));
    EXPECT_THAT(body({"--checksums", "auto"}), Not(HasSubstr("checksums")));
    EXPECT_THAT(body({"--part-layout", "uniform", "--verify-sources", "md5"}),
                HasSubstr(R"("options":{"part_layout":"uniform","verify_sources":"md5"})"));
    EXPECT_THAT(body({"--part-layout", "entries", "--verify-sources", "stored"}),
                HasSubstr(R"("options":{"part_layout":"entries"})"));
}

TEST_F(AccessOptions, KeysComeFromFiles) {
    for (const std::string& bytes : {kKey, kKey + "\n", kKey + " \r\n", std::string(32, 'a')}) {
        const std::string path = file(bytes);
        EXPECT_THAT(body({"--source-customer-key-file", path}),
                    HasSubstr(R"({"sse_customer_key":")" + kKey + R"(","bucket":"src")"));
        EXPECT_THAT(body({"--sse-customer-key-file", path}),
                    HasSubstr(R"("sse":{"type":"customer","customer_key":")" + kKey + R"("})"));
        const auto verify =
            parse_arguments({"verify", "s3://out/a.zip", "--sse-customer-key-file", path});
        ASSERT_TRUE(verify) << verify.error().text;
        EXPECT_EQ(verify->verify.access.customer_key->base64(), kKey);
    }
}

TEST_F(AccessOptions, AKeyFileThatIsWrongIsNamedAndNotQuoted) {
    for (const std::string& bytes :
         {std::string(), kKey.substr(1), kKey + kKey, "\n" + kKey, std::string(2000, 'a')}) {
        const std::string said = body({"--sse-customer-key-file", file(bytes)});
        EXPECT_THAT(said, testing::StartsWith("bad: s3zip: " + path_));
        EXPECT_TRUE(bytes.empty() || !said.contains(bytes)) << said;
    }
    EXPECT_THAT(body({"--sse-customer-key-file", "/nowhere/key"}), HasSubstr("cannot be read"));
    EXPECT_THAT(body({"--source-customer-key-file", testing::TempDir()}),
                HasSubstr("cannot be read"));
}

TEST_F(AccessOptions, WhatIsShownOfAJobHidesKeys) {
    const Words words = {"--sse-customer-key-file", file(kKey), "--source-customer-key-file",
                         path_};
    EXPECT_THAT(body(words, Secrets::hidden),
                testing::AllOf(HasSubstr(R"x("sse_customer_key":"(set)")x"),
                               HasSubstr(R"x("customer_key":"(set)")x"), Not(HasSubstr(kKey))));
    const auto arguments = create(words);
    ASSERT_TRUE(arguments);
    EXPECT_THAT(job_json(JobView{}, arguments->request), Not(HasSubstr(kKey)));
}

TEST_F(AccessOptions, OfVerify) {
    const auto verify = parse_arguments(
        {"verify", "s3://out/a.zip", "--requester-pays", "--owner", "123456789012"});
    ASSERT_TRUE(verify) << verify.error().text;
    EXPECT_EQ(verify->verify.access, (s3client::Access{true, "123456789012"}));
    const auto of_file = parse_arguments({"verify", "a.zip", "--requester-pays"});
    ASSERT_FALSE(of_file);
    EXPECT_EQ(of_file.error().code, kBadUsage);
}

TEST_F(AccessOptions, BadWords) {
    EXPECT_THAT(body({"--tag", "alone"}), HasSubstr("--tag alone: write NAME=VALUE"));
    EXPECT_THAT(body({"--metadata", "=v"}), HasSubstr("NAME=VALUE"));
    EXPECT_THAT(body({"--tag", "a=1", "--tag", "a=2"}), HasSubstr("there twice"));
    EXPECT_THAT(body({"--sse", "rot13"}), HasSubstr("--sse"));
    EXPECT_THAT(body({"--sse-bucket-key", "yes"}), HasSubstr("--sse-bucket-key"));
    EXPECT_THAT(body({"--checksums", "none"}), HasSubstr("--checksums"));
    EXPECT_THAT(body({"--part-layout", "auto"}), HasSubstr("--part-layout"));
    EXPECT_THAT(body({"--verify-sources", "etag"}), HasSubstr("--verify-sources"));
}

}  // namespace
