#include "cli/arguments.h"

#include <gtest/gtest.h>

#include "cli/json_request.h"

namespace {

using namespace cli;
using Words = std::vector<std::string>;

std::string body(const Words& words) {
    const auto arguments = parse_arguments(words);
    return arguments ? request_json(arguments->request, Secrets::written)
                     : "bad: " + arguments.error().text;
}

int code(const Words& words) {
    const auto arguments = parse_arguments(words);
    return arguments ? -1 : arguments.error().code;
}

TEST(Arguments, APrefixAndADestination) {
    EXPECT_EQ(body({"create", "s3://photos/2026/", "-o", "s3://out/zips/2026.zip"}),
              R"({"sources":[{"bucket":"photos","prefix":"2026/"}],)"
              R"("destination":{"bucket":"out","key":"zips/2026.zip"}})");
    EXPECT_EQ(body({"create", "s3://photos", "-o", "s3://out/x.zip"}),
              body({"create", "s3://photos/", "--output=s3://out/x.zip"}));
}

TEST(Arguments, ObjectsOfOneBucketInARowAreOneSource) {
    EXPECT_EQ(body({"create", "s3://a-b/1", "s3://a-b/dir/2", "s3://a-b/p/", "s3://a-b/3",
                    "s3://c-d/4", "-o", "s3://out/x.zip", "--name", "one", "--name", "two.txt"}),
              R"({"sources":[{"bucket":"a-b","objects":[{"key":"1","name":"one"},)"
              R"({"key":"dir/2","name":"two.txt"}]},)"
              R"({"bucket":"a-b","prefix":"p/"},{"bucket":"a-b","objects":[{"key":"3"}]},)"
              R"({"bucket":"c-d","objects":[{"key":"4"}]}],)"
              R"("destination":{"bucket":"out","key":"x.zip"}})");
}

TEST(Arguments, ManifestsStandWhereTheyWereSaid) {
    EXPECT_EQ(body({"create", "--manifest", "s3://m/list.jsonl", "-o", "s3://out/x.zip"}),
              R"({"sources":[{"manifest":{"bucket":"m","key":"list.jsonl"}}],)"
              R"("destination":{"bucket":"out","key":"x.zip"}})");
    EXPECT_EQ(body({"plan", "s3://b/1", "--manifest", "s3://m/a", "s3://b/2", "s3://b/p/",
                    "--manifest=s3://m/b", "--manifest", "s3://m/c", "-o", "s3://out/x.zip",
                    "s3://b/3", "--name", "one", "--name", "two", "--include", "*.jpg"}),
              R"({"sources":[{"bucket":"b","objects":[{"key":"1","name":"one"}]},)"
              R"({"manifest":{"bucket":"m","key":"a"}},)"
              R"({"bucket":"b","objects":[{"key":"2","name":"two"}]},)"
              R"({"bucket":"b","prefix":"p/","include":["*.jpg"]},)"
              R"({"manifest":{"bucket":"m","key":"b"}},{"manifest":{"bucket":"m","key":"c"}},)"
              R"({"bucket":"b","objects":[{"key":"3"}]}],)"
              R"("destination":{"bucket":"out","key":"x.zip"}})");
}

TEST(Arguments, EveryOptionReachesTheBody) {
    EXPECT_EQ(
        body({"create",         "s3://src/p/",  "-o",        "s3://out/x.zip", "--overwrite",
              "--strip-prefix", "p/",           "--flatten", "--include",      "*.jpg",
              "--include",      "*.[a,b]",      "--exclude", "*/tmp/*",        "--on-duplicate",
              "rename",         "--on-missing", "skip",      "--on-empty",     "archive",
              "--timestamps",   "fixed",        "--comment", "hi \"you\"",     "--part-size",
              "8MiB",           "--priority",   "-3",        "--notify",       "https://x/y?z=1"}),
        R"({"sources":[{"bucket":"src","prefix":"p/","include":["*.jpg","*.[a,b]"],)"
        R"("exclude":["*/tmp/*"]}],)"
        R"("destination":{"bucket":"out","key":"x.zip","overwrite":true},)"
        R"("options":{"strip_prefix":"p/","flatten":true,"on_duplicate":"rename",)"
        R"("on_missing":"skip",)"
        R"("on_empty":"archive","timestamps":"fixed","comment":"hi \"you\"",)"
        R"("priority":-3,"part_size":8388608},"notify":{"url":"https://x/y?z=1"}})");
}

TEST(Arguments, NamesOrderAndTheListOfMissing) {
    const auto options_of = [](Words more) {
        Words words{"plan", "s3://src/p/", "-o", "s3://out/x.zip"};
        words.insert(words.end(), more.begin(), more.end());
        const std::string text = body(words);
        const std::size_t at = text.find(R"(,"options":)");
        return at == std::string::npos ? text.substr(0, 4) : text.substr(at + 11);
    };
    EXPECT_EQ(options_of({"--names", "strict"}), R"({"names":"strict"}})");
    EXPECT_EQ(options_of({"--names", "raw", "--order", "key"}),
              R"({"names":"raw","order":"key"}})");
    EXPECT_EQ(options_of({"--on-missing", "skip", "--list-missing"}),
              R"({"on_missing":"skip","list_missing":true}})");
    EXPECT_EQ(options_of({"--names", "safe", "--order", "given"}), R"({"so)");  // the defaults
    EXPECT_EQ(options_of({"--list-missing"}), "bad:");
    EXPECT_EQ(options_of({"--names", "Raw"}), "bad:");
    EXPECT_EQ(options_of({"--order", "size"}), "bad:");
}

TEST(Arguments, APatternTakesOneWord) {
    EXPECT_EQ(body({"create", "--include", "*.jpg", "s3://src/p/", "-o", "s3://out/x.zip"}),
              R"({"sources":[{"bucket":"src","prefix":"p/","include":["*.jpg"]}],)"
              R"("destination":{"bucket":"out","key":"x.zip"}})");
}

TEST(Arguments, DefaultsSaidOutLoudAreNotSent) {
    EXPECT_EQ(body({"create", "s3://src/p/", "-o", "s3://out/x.zip", "--on-duplicate", "fail",
                    "--on-missing", "fail", "--on-empty", "fail", "--timestamps", "source"}),
              body({"create", "s3://src/p/", "-o", "s3://out/x.zip"}));
}

TEST(Arguments, GlobalOptionsStandAnywhere) {
    for (const Words& words : {Words{"--daemon", "http://h:1", "--json", "ls"},
                               Words{"ls", "--json", "--daemon=http://h:1"}}) {
        const auto arguments = parse_arguments(words);
        ASSERT_TRUE(arguments) << arguments.error().text;
        EXPECT_EQ(arguments->daemon.url, "http://h:1");
        EXPECT_TRUE(arguments->json);
        EXPECT_EQ(arguments->command, Command::ls);
        EXPECT_EQ(arguments->limit, 20U);
    }
}

TEST(Arguments, CommandsAndTheirOwnOptions) {
    auto arguments = parse_arguments({"create", "--local", "--wait", "s3://src", "-o", "s3://out/x",
                                      "--io", "epoll", "--reactors", "2", "--memory", "64MiB"});
    ASSERT_TRUE(arguments) << arguments.error().text;
    EXPECT_TRUE(arguments->local);
    EXPECT_TRUE(arguments->wait);
    EXPECT_EQ(arguments->settings.io, "epoll");
    EXPECT_EQ(arguments->settings.reactors, 2U);
    EXPECT_EQ(arguments->settings.memory_bytes, 64U << 20);
    arguments = parse_arguments({"ls", "--state", "running", "--limit", "5"});
    ASSERT_TRUE(arguments);
    EXPECT_EQ(arguments->state, "running");
    EXPECT_EQ(arguments->limit, 5U);
    arguments = parse_arguments({"cancel", "01J0000000ABCDEFGHJKMNPQRS"});
    ASSERT_TRUE(arguments);
    EXPECT_EQ(arguments->command, Command::cancel);
    EXPECT_EQ(arguments->id, "01J0000000ABCDEFGHJKMNPQRS");
    arguments = parse_arguments({"verify", "./x.zip"});
    ASSERT_TRUE(arguments);
    EXPECT_EQ(arguments->target, "./x.zip");
    EXPECT_EQ(arguments->verify.path, "./x.zip");
    EXPECT_TRUE(arguments->verify.check_names);
    EXPECT_FALSE(arguments->verify.expected_crc32);
}

TEST(Arguments, WhatVerifyComparesWith) {
    const auto arguments = parse_arguments({"verify", "--crc32", "1a2B3c4d", "--version-id", "v/1",
                                            "--names", "raw", "s3://bucket/a/b.zip"});
    ASSERT_TRUE(arguments) << arguments.error().text;
    EXPECT_EQ(arguments->verify.expected_crc32, 0x1A2B3C4DU);
    EXPECT_EQ(arguments->verify.version_id, "v/1");
    EXPECT_EQ(arguments->verify.bucket, "bucket");
    EXPECT_EQ(arguments->verify.key, "a/b.zip");
    EXPECT_EQ(arguments->verify.path, "");
    EXPECT_FALSE(arguments->verify.check_names);
}

class BadUsage : public testing::TestWithParam<Words> {};
TEST_P(BadUsage, ExitsWith2) {
    const auto arguments = parse_arguments(GetParam());
    ASSERT_FALSE(arguments);
    EXPECT_EQ(arguments.error().code, kBadUsage);
    EXPECT_TRUE(arguments.error().text.starts_with("s3zip: ")) << arguments.error().text;
}
INSTANTIATE_TEST_SUITE_P(
    Arguments, BadUsage,
    testing::Values(
        Words{}, Words{"bogus"}, Words{"create"}, Words{"create", "s3://src/"},
        Words{"create", "-o", "s3://out/x.zip"}, Words{"create", "src", "-o", "s3://out/x.zip"},
        Words{"create", "s3://", "-o", "s3://out/x.zip"},
        Words{"create", "s3://src/", "-o", "x.zip"}, Words{"create", "s3://src/", "-o", "s3://out"},
        Words{"create", "s3://src/", "-o", "s3://out/dir/"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--on-duplicate", "keep"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--part-size", "1MiB"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--part-size", "6GiB"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--part-size", "many"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--name", "n"},
        Words{"create", "--manifest", "-o", "s3://out/x"},
        Words{"create", "--manifest", "list.jsonl", "-o", "s3://out/x"},
        Words{"create", "--manifest", "s3://m", "-o", "s3://out/x"},
        Words{"create", "--manifest", "s3://m/dir/", "-o", "s3://out/x"},
        Words{"create", "--manifest", "s3://m/l", "-o", "s3://out/x", "--name", "n"},
        Words{"create", "--manifest", "s3://m/l", "-o", "s3://out/x", "--include", "*"},
        Words{"create", "s3://src/key", "-o", "s3://out/x", "--exclude", "*.tmp"},
        Words{"ls", "--manifest", "s3://m/l"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--priority", "101"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--notify", "x.example"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--notify", ""},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--notify", "https://u:p@x"},
        Words{"create", "s3://src/", "-o", "s3://out/x", "--notify", "https://x", "--local"},
        Words{"plan", "--wait", "s3://src/", "-o", "s3://out/x"}, Words{"ls", "--state", "done"},
        Words{"ls", "--limit", "0"}, Words{"ls", "--limit", "-1"}, Words{"show"},
        Words{"show", "../x"}, Words{"show", "a b"}, Words{"verify"},
        Words{"verify", "s3://bucket"}, Words{"verify", "x.zip", "--memory", "lots"},
        Words{"verify", ""}, Words{"verify", "x.zip", "--version-id", "1"},
        Words{"verify", "x.zip", "--crc32", "123"}, Words{"verify", "x.zip", "--crc32", "0x123456"},
        Words{"verify", "x.zip", "--crc32", "123456789"},
        Words{"verify", "x.zip", "--names", "strict"}));

TEST(Arguments, HelpAndVersionAreNoErrors) {
    EXPECT_EQ(code({"--help"}), kDone);
    EXPECT_EQ(code({"create", "--help"}), kDone);
    const auto version = parse_arguments({"--version"});
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().code, kDone);
    EXPECT_TRUE(version.error().text.starts_with("s3zip ")) << version.error().text;
    EXPECT_NE(parse_arguments({"create", "--help"}).error().text.find("--on-duplicate"),
              std::string::npos);
}

}  // namespace
