#include "cli/engine_settings.h"

#include <gtest/gtest.h>

#include "cli/local.h"

namespace {

using namespace cli;

TEST(EngineSettings, NothingSet) {
    const auto config = engine_config({}, s3client::fixed_environment({}));
    EXPECT_EQ(config.region, "us-east-1");
    EXPECT_EQ(config.endpoint_url, "");
    EXPECT_EQ(config.access_key_id, "");
    EXPECT_EQ(config.io, archive::IoChoice::automatic);
    EXPECT_EQ(config.memory_bytes, 256U << 20);
}

TEST(EngineSettings, VariablesOfAwsAndOurFlags) {
    const auto config =
        engine_config({"uring", 2, 1 << 26}, s3client::fixed_environment({
                                                 {"AWS_DEFAULT_REGION", "eu-west-1"},
                                                 {"AWS_ENDPOINT_URL", "http://127.0.0.1:9000"},
                                                 {"AWS_ACCESS_KEY_ID", "id"},
                                                 {"AWS_SECRET_ACCESS_KEY", "secret"},
                                                 {"AWS_SESSION_TOKEN", "token"},
                                                 {"AWS_CA_BUNDLE", "/ca.pem"},
                                             }));
    EXPECT_EQ(config.region, "eu-west-1");
    EXPECT_EQ(config.endpoint_url, "http://127.0.0.1:9000");
    EXPECT_EQ(config.access_key_id, "id");
    EXPECT_EQ(config.secret_access_key, "secret");
    EXPECT_EQ(config.session_token, "token");
    EXPECT_EQ(config.ca_bundle, "/ca.pem");
    EXPECT_EQ(config.io, archive::IoChoice::uring);
    EXPECT_EQ(config.reactors, 2U);
    EXPECT_EQ(config.memory_bytes, 1U << 26);
}

TEST(EngineSettings, TheNarrowerVariableWins) {
    std::map<std::string, std::string, std::less<>> set{{"AWS_REGION", "eu-north-1"},
                                                        {"AWS_DEFAULT_REGION", "eu-west-1"},
                                                        {"AWS_ENDPOINT_URL", "http://all"},
                                                        {"AWS_ENDPOINT_URL_S3", "http://s3"}};
    EXPECT_EQ(engine_config({}, s3client::fixed_environment(set)).region, "eu-north-1");
    EXPECT_EQ(engine_config({}, s3client::fixed_environment(set)).endpoint_url, "http://s3");
    set["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
    EXPECT_EQ(engine_config({}, s3client::fixed_environment(set)).endpoint_url, "");
}

TEST(ExitCode, ThreeOnlyWhenS3DidNotAnswer) {
    using base::ErrorKind;
    EXPECT_EQ(exit_code_of({ErrorKind::transient, "connect_failed", "", 0, {}, {}}), kUnreachable);
    EXPECT_EQ(exit_code_of({ErrorKind::denied, "tls_certificate", "", 0, {}, {}}), kUnreachable);
    EXPECT_EQ(exit_code_of({ErrorKind::transient, "InternalError", "", 500, {}, {}}), kFailed);
    EXPECT_EQ(exit_code_of({ErrorKind::denied, "AccessDenied", "", 403, {}, {}}), kFailed);
}

TEST(Local, WhatNeedsNoDaemon) {
    EXPECT_TRUE(needs_no_daemon(*parse_arguments({"verify", "x.zip"})));
    EXPECT_TRUE(
        needs_no_daemon(*parse_arguments({"create", "--local", "s3://src/", "-o", "s3://out/x"})));
    EXPECT_TRUE(
        needs_no_daemon(*parse_arguments({"plan", "--local", "s3://src/", "-o", "s3://out/x"})));
    EXPECT_FALSE(needs_no_daemon(*parse_arguments({"create", "s3://src/", "-o", "s3://out/x"})));
    EXPECT_FALSE(needs_no_daemon(*parse_arguments({"ls"})));
}

}  // namespace
