#include "config/tokens.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "temporary_file.h"

namespace config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const std::string kB = "60303AE22B998861BCE3B28F33EEC1BE758A213C86C93C076DBE9F558C11C752";
const std::string kToken =
    "[[token]]\nname = \"a\"\nsha256 = \"" + kA + "\"\nscopes = [\"read\"]\n";

std::string error_of(const std::string& text) {
    const auto tokens = parse_tokens(text, "t.toml");
    if (tokens) return "no error";
    EXPECT_EQ(tokens.error().code, "bad_tokens_file");
    return tokens.error().detail;
}

// The error of a token with this line instead of the one that begins alike.
std::string error_with(const std::string& line) {
    std::string text = "[[token]]\n";
    const std::string key = line.substr(0, line.find(' '));
    for (const std::string& good : {std::string("name = \"a\""), "sha256 = \"" + kA + "\"",
                                    std::string("scopes = [\"read\"]")}) {
        if (!good.starts_with(key + " ")) text += good + "\n";
    }
    return error_of(text + line + "\n");
}

TEST(Tokens, Everything) {
    const auto tokens = parse_tokens(fmt::format(R"(
[[token]]
name = "exporter"
sha256 = ["{}", "{}"]
certificate = "exporter.internal"
scopes = ["submit", "read"]
sources = ["photos/2026/", "docs", "docs/", "a/b/c", "arn:aws:s3:r:1:accesspoint/ap/k/",
           "arn:aws:s3:r:1:accesspoint:ap"]
destinations = []
roles = ["arn:aws:iam::123456789012:role/x", "arn:aws:iam::1:role/app-*"]

[[token]]
name = "Root_1.x-y"
certificate = ["root", "CN of another"]
scopes = ["admin"]
sources = ["x", "*"]
)",
                                                 kA, kB),
                                     "t.toml");
    ASSERT_TRUE(tokens) << tokens.error().detail;
    ASSERT_EQ(tokens->size(), 2u);
    const TokenEntry& exporter = tokens->front();
    EXPECT_EQ(exporter.name, "exporter");
    ASSERT_EQ(exporter.digests.size(), 2u);
    EXPECT_EQ(exporter.digests[0][0], 0x9f);
    EXPECT_EQ(exporter.digests[0][31], 0x08);
    EXPECT_EQ(exporter.digests[1][2], 0x3a);
    EXPECT_THAT(exporter.certificates, ElementsAre("exporter.internal"));
    EXPECT_TRUE(exporter.submit && exporter.read && !exporter.admin);
    ASSERT_TRUE(exporter.sources);
    EXPECT_THAT(*exporter.sources,
                ElementsAre(BucketPrefix{"photos", "2026/"}, BucketPrefix{"docs", ""},
                            BucketPrefix{"docs", ""}, BucketPrefix{"a", "b/c"},
                            BucketPrefix{"arn:aws:s3:r:1:accesspoint/ap", "k/"},
                            BucketPrefix{"arn:aws:s3:r:1:accesspoint:ap", ""}));
    ASSERT_TRUE(exporter.destinations);
    EXPECT_TRUE(exporter.destinations->empty());  // none, which is not the same as any
    EXPECT_THAT(exporter.roles,
                ElementsAre("arn:aws:iam::123456789012:role/x", "arn:aws:iam::1:role/app-*"));
    const TokenEntry& root = tokens->back();
    EXPECT_TRUE(root.digests.empty());
    EXPECT_THAT(root.certificates, ElementsAre("root", "CN of another"));
    EXPECT_TRUE(root.admin && !root.read && !root.submit);
    EXPECT_FALSE(root.sources);  // "*"
    EXPECT_FALSE(root.destinations);
    EXPECT_TRUE(root.roles.empty());
}

TEST(Tokens, ErrorsNameFileLineAndKey) {
    EXPECT_EQ(error_of(kToken), "no error");
    EXPECT_EQ(error_with("nmae = 1"),
              "t.toml:5: nmae: no such key of a token (did you mean name?)");
    EXPECT_THAT(error_with("name = \"a b\""), HasSubstr("t.toml:4: name: must be 1 to 64 of"));
    EXPECT_THAT(error_with("name = \"\""), HasSubstr(":4: name: must be"));
    EXPECT_THAT(error_with("name = \"" + std::string(65, 'a') + "\""), HasSubstr("name: must be"));
    EXPECT_THAT(error_with("name = 7"), HasSubstr("name: must be"));
    EXPECT_THAT(error_with("sha256 = 7"), HasSubstr(":4: sha256: must be a string or a list"));
    EXPECT_THAT(error_with("sha256 = [7]"), HasSubstr(":4: sha256: must be a string or a list"));
    EXPECT_EQ(error_with("sha256 = []"), "t.toml:1: a: sha256 or certificate: one must be given");
    EXPECT_THAT(error_with("certificate = \"\""), HasSubstr(":5: certificate: must be"));
    EXPECT_THAT(error_with("certificate = \"a\\nb\""), HasSubstr(":5: certificate: must be"));
    EXPECT_EQ(error_with("scopes = []"), "t.toml:1: a: scopes: at least one must be given");
    EXPECT_THAT(error_with("scopes = [\"write\"]"), HasSubstr(":4: scopes: must be of submit"));
    EXPECT_THAT(error_with("scopes = \"read\""), HasSubstr(":4: scopes: must be a list"));
    for (const char* bad : {"", "/x", "s3://b/x", "b/x*", "b c", "b*"}) {
        EXPECT_THAT(error_with(fmt::format("sources = [\"{}\"]", bad)),
                    HasSubstr("t.toml:5: sources: must be BUCKET or BUCKET/PREFIX"));
    }
    EXPECT_THAT(error_with("destinations = \"b\""), HasSubstr(":5: destinations: must be a list"));
    for (const char* bad : {"", "*", "role/x", "arn:aws:iam::*:role/x", "arn:x**"})
        EXPECT_THAT(error_with(fmt::format("roles = [\"{}\"]", bad)),
                    HasSubstr(":5: roles: must be"));
    EXPECT_THAT(error_of("[[token]]\n"), HasSubstr("t.toml:1: name: is missing"));
    EXPECT_THAT(error_of("[token]\nname = \"a\"\n"), HasSubstr("must be written [[token]]"));
    EXPECT_THAT(error_of("token = [1]\n"), HasSubstr("t.toml:1: token: must be a table"));
    EXPECT_THAT(error_of(kToken + "[other]\n"),
                HasSubstr("t.toml:5: only [[token]] may stand here"));
    EXPECT_THAT(error_of(kToken + "[[=,\n"), HasSubstr("t.toml:5:1: this is not TOML"));
    EXPECT_THAT(error_of("\n# none\n"), HasSubstr("there is no [[token]]"));
    EXPECT_THAT(error_of("token = []\n"), HasSubstr("there is no [[token]]"));
}

TEST(Tokens, NoTwoShareANameADigestOrACertificate) {
    const auto token = [](const std::string& name, const std::string& more) {
        return fmt::format("[[token]]\nname = \"{}\"\n{}\nscopes = [\"read\"]\n", name, more);
    };
    const std::string digest = "sha256 = \"" + kA + "\"";
    EXPECT_EQ(error_of(kToken + token("a", "certificate = \"c\"")),
              "t.toml:5: name: a is also that of the token in line 1");
    std::string upper = kA;
    for (char& c : upper) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    EXPECT_EQ(error_of(kToken + token("b", "sha256 = \"" + upper + "\"")),
              "t.toml:5: b: sha256: a has the same");
    EXPECT_EQ(
        error_of(token("a", "certificate = \"c\"") + token("b", "certificate = [\"d\", \"c\"]")),
        "t.toml:5: b: certificate: a has the same");
    EXPECT_EQ(error_of(token("a", fmt::format("sha256 = [\"{0}\", \"{0}\"]", kA))),
              "t.toml:1: a: sha256: a has the same");
}

TEST(Tokens, WhatLooksLikeATokenIsNotRepeated) {
    for (const std::string& plain :
         {std::string("hunter2"), std::string(), kA.substr(1), kA + "0", std::string(64, 'g'),
          "-" + kA.substr(1), " " + kA.substr(1)}) {
        const std::string error = error_with("sha256 = \"" + plain + "\"");
        EXPECT_THAT(error, HasSubstr("printf %s TOKEN | sha256sum"));
        if (!plain.empty()) EXPECT_THAT(error, testing::Not(HasSubstr(plain)));
    }
    EXPECT_THAT(error_with("sha256 = hunter2"), testing::Not(HasSubstr("hunter")));
    EXPECT_THAT(
        error_with("sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
        HasSubstr("is the SHA-256 of an empty token"));
}

TEST(Tokens, OnlyItsOwnerMayWriteTheFile) {
    const TemporaryFile file(kToken);
    for (const mode_t good : {0600, 0640, 0644, 0444}) {
        ASSERT_EQ(chmod(file.path().c_str(), good), 0);
        EXPECT_TRUE(read_tokens(file.path())) << good;
    }
    for (const mode_t bad : {0660, 0602, 0666}) {
        ASSERT_EQ(chmod(file.path().c_str(), bad), 0);
        const auto tokens = read_tokens(file.path());
        ASSERT_FALSE(tokens) << bad;
        EXPECT_THAT(tokens.error().detail, HasSubstr("chmod go-w"));
    }
}

TEST(Tokens, FilesThatCannotBeRead) {
    EXPECT_THAT(read_tokens("/nonexistent/t.toml").error().detail, HasSubstr("No such file"));
    EXPECT_THAT(read_tokens("/").error().detail, HasSubstr("is no regular file"));
    EXPECT_THAT(read_tokens("/dev/zero").error().detail, HasSubstr("is no regular file"));
    TemporaryFile file(kToken + std::string(kTokensBytesMax, '#'));
    EXPECT_EQ(read_tokens(file.path()).error().detail, file.path() + ": is longer than 4MiB");
}

TEST(Tokens, AsManyAsThereMayBe) {
    const auto text = [](std::size_t count) {
        std::string all;
        for (std::size_t i = 0; i < count; ++i) {
            all += fmt::format(
                "[[token]]\nname = \"t{0}\"\nsha256 = \"{0:064x}\"\nscopes = [\"read\"]\n", i + 1);
        }
        return all;
    };
    EXPECT_EQ(parse_tokens(text(kTokensMax), "t")->size(), kTokensMax);
    EXPECT_THAT(error_of(text(kTokensMax + 1)), HasSubstr("more than 10000 tokens"));
    std::string many = "sources = [";
    for (std::size_t i = 0; i <= kTokenItemsMax; ++i) many += "\"b\",";
    EXPECT_THAT(error_with(many + "]"), HasSubstr(":5: sources: has more than 1000 items"));
}

}  // namespace
}  // namespace config
