#include "cli/engine_settings.h"

#include <gtest/gtest.h>

#include "cli/local.h"

namespace {

using namespace cli;

TEST(EngineSettings, NothingSet) {
    const auto config = engine_config({}, s3client::fixed_environment({}));
    EXPECT_EQ(config.region, "");  // the engine looks further
    EXPECT_EQ(config.endpoint_url, "");
    EXPECT_EQ(config.access_key_id, "");
    EXPECT_EQ(config.profile, "");
    EXPECT_FALSE(config.dual_stack.has_value());
    EXPECT_FALSE(config.no_sign_request);
    EXPECT_EQ(config.conditional_writes, archive::Use::automatic);
    EXPECT_EQ(config.hedged_uploads, archive::Use::automatic);
    EXPECT_EQ(config.io, archive::IoChoice::automatic);
    EXPECT_EQ(config.memory_bytes, 256U << 20);
}

TEST(EngineSettings, OurFlagsAndTheVariablesWeWereGiven) {
    const auto arguments =
        parse_arguments({"verify", "x.zip", "--io", "uring", "--reactors", "2", "--memory", "64MiB",
                         "--profile", "p", "--dualstack", "true", "--no-sign-request",
                         "--conditional-writes", "always", "--hedged-uploads", "never"});
    ASSERT_TRUE(arguments) << arguments.error().text;
    const auto config = engine_config(arguments->settings,
                                      s3client::fixed_environment({{"AWS_REGION", "eu-west-1"}}));
    EXPECT_EQ(config.environment("AWS_REGION"), "eu-west-1");
    EXPECT_EQ(config.profile, "p");
    EXPECT_EQ(config.dual_stack, true);
    EXPECT_TRUE(config.no_sign_request);
    EXPECT_EQ(config.conditional_writes, archive::Use::always);
    EXPECT_EQ(config.hedged_uploads, archive::Use::never);
    EXPECT_EQ(config.io, archive::IoChoice::uring);
    EXPECT_EQ(config.reactors, 2U);
    EXPECT_EQ(config.memory_bytes, 1U << 26);
    EXPECT_FALSE(parse_arguments({"verify", "x.zip", "--dualstack", "perhaps"}));
    EXPECT_FALSE(parse_arguments({"verify", "x.zip", "--hedged-uploads", "on"}));
    EXPECT_FALSE(parse_arguments({"verify", "x.zip", "--conditional-writes", "on"}));
}

TEST(EngineSettings, PlanMemory) {
    const auto plan_memory = [](std::vector<std::string> more) {
        std::vector<std::string> words = {"create", "--local", "s3://src/", "-o", "s3://out/x"};
        words.insert(words.end(), more.begin(), more.end());
        const auto arguments = parse_arguments(words);
        EXPECT_TRUE(arguments) << arguments.error().text;
        return engine_config(arguments->settings, s3client::fixed_environment({}))
            .plan_memory_bytes;
    };
    EXPECT_EQ(plan_memory({}), 1ULL << 30);
    EXPECT_EQ(plan_memory({"--plan-memory", "3GiB"}), 3ULL << 30);
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
