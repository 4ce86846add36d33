// The s3sim binary's flags about stores: what it says of them, and what it refuses.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <array>
#include <cstdio>
#include <memory>

namespace s3sim::test {
namespace {

using testing::HasSubstr;

struct Outcome {
    int status = -1;
    std::string text;
};

Outcome run(const std::string& flags) {
    Outcome outcome;
    std::FILE* pipe = ::popen(fmt::format("{} {} 2>&1", S3SIM_BINARY, flags).c_str(), "r");
    if (pipe == nullptr) return outcome;
    std::array<char, 4096> chunk;
    while (const std::size_t n = std::fread(chunk.data(), 1, chunk.size(), pipe))
        outcome.text.append(chunk.data(), n);
    const int status = ::pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
}

TEST(Flags, HelpNamesTheStores) {
    const Outcome help = run("--help");
    EXPECT_EQ(help.status, 0);
    for (const char* text : {"--like", "minio", "s3proxy", "swift", "--equal-parts",
                             "--close-connections", "--header-rule"}) {
        EXPECT_THAT(help.text, HasSubstr(text));
    }
}

TEST(Flags, WhatIsWrongEndsTheStart) {
    const Outcome store = run("--like s4");
    EXPECT_NE(store.status, 0);
    EXPECT_THAT(store.text, HasSubstr("--like"));
    const Outcome rule = run("--listen 127.0.0.1:0 --header-rule if-match=nothing");
    EXPECT_EQ(rule.status, 1);
    EXPECT_THAT(rule.text, HasSubstr("'if-match=nothing'"));
}

// The binary serves by them: it ends when the address is one that it cannot have, not before.
TEST(Flags, AllTogether) {
    const Outcome all =
        run("--like r2 --equal-parts --close-connections --header-rule 'if-match@GetObject=ignore' "
            "--header-rule 'x-amz-meta-*=501,NotImplemented,no {}' --listen 192.0.2.1:1");
    EXPECT_EQ(all.status, 1);
    EXPECT_THAT(all.text, HasSubstr("192.0.2.1:1"));
}

}  // namespace
}  // namespace s3sim::test
