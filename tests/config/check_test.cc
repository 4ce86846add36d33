#include "config/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "temporary_file.h"

namespace config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNoFile = "/nonexistent/s3zipd.toml";
const std::string kDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

TEST(Check, OnlyTheActionOfLoad) {
    const auto s = load({"--check-config", "--memory", "64MiB"}, {}, "/dev/zero");
    ASSERT_TRUE(s);
    EXPECT_EQ(s->action, Action::check_config);
    EXPECT_EQ(load({"--check-config", "--help"}, {}, kNoFile)->action, Action::show_help);
    EXPECT_FALSE(load({"--check-config", "--nonsense"}, {}, kNoFile));
    EXPECT_EQ(load({"--check-config=1"}, {}, kNoFile).error().detail.substr(0, 14),
              "--check-config");
}

TEST(Check, AllProblemsInOrder) {
    const TemporaryFile file(
        "memroy = \"64MiB\"\n"
        "region = 5\n"
        "part_size = \"4MiB\"\n"
        "part_size = \"8MiB\"\n"
        "reactors = \n"
        "log_level = \"loud\"\n"
        "[[=,\n"
        "admin_token_sha256 = \"hunter2\"\n"
        "tls_key = \"/dev/null\"\n"
        "listen = \"0.0.0.0:1\"\n");
    const auto report = check({"--config", file.path(), "--io", "kqueue"},
                              {{"S3ZIPD_JOBS_KEPT_MAX", "x"}}, kNoFile);
    EXPECT_FALSE(report.good());
    const auto at = [&](const std::string& rest) {
        return testing::StartsWith(file.path() + rest);
    };
    EXPECT_THAT(
        report.problems,
        ElementsAre(at(":1: memroy: no such setting (did you mean memory?)"),
                    at(":2: region: must be a string"), at(":3: part_size: '4MiB' must be from"),
                    at(":4:13: cannot redefine existing string 'part_size'"), at(":5:12: "),
                    at(":6: log_level: 'loud' must be"), at(":7:1: this is not TOML"),
                    at(":8: admin_token_sha256: must be the SHA-256"),
                    testing::StartsWith("S3ZIPD_JOBS_KEPT_MAX: 'x' must be"),
                    testing::StartsWith("--io: 'kqueue' must be"),
                    at(":10: listen: 0.0.0.0:1 can be reached"),
                    at(":9: tls_key: needs tls_certificate"), "/dev/null: is no PEM file"));
    std::string lines = to_text(report);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 13);
    EXPECT_THAT(lines, Not(HasSubstr("hunter2")));
}

TEST(Check, TellsWhatIsNotTheDefaultAndWhoSaidSo) {
    const TemporaryFile file("memory = 67108864\nreactors = 0\nadmin_token_sha256 = \"" + kDigest +
                             "\"\n");
    const auto report = check({"--config", file.path(), "--log-level", "debug", "--check-config"},
                              {{"S3ZIPD_PART_SIZE", "8MiB"}, {"S3ZIPD_NONE", "1"}}, kNoFile);
    ASSERT_TRUE(report.good()) << report.problems[0];
    EXPECT_EQ(to_text(report), file.path() +
                                   ": ok\n"
                                   "  admin_token_sha256 = (set)\n"
                                   "  memory = 64MiB\n"
                                   "  part_size = 8MiB  (S3ZIPD_PART_SIZE)\n"
                                   "  log_level = debug  (--log-level)\n"
                                   "warning: S3ZIPD_NONE is not a setting\n");
    EXPECT_EQ(to_text(check({}, {}, kNoFile)), "no settings file: ok\n");
}

TEST(Check, ReadsTheTokensFileToo) {
    TemporaryFile tokens("[[token]]\nname = \"a\"\nsha256 = \"" + kDigest +
                         "\"\nscopes = [\"read\"]\n");
    const auto good = check({"--tokens-file", tokens.path(), "--listen", "0.0.0.0:1"}, {}, kNoFile);
    EXPECT_TRUE(good.good());
    EXPECT_THAT(good.notes, ElementsAre(tokens.path() + ": ok, 1 token"));
    tokens.write("[[token]]\nname = \"a\"\nsha256 = \"hunter2\"\n");
    const auto bad = check({"--tokens-file", tokens.path(), "--io=x"}, {}, kNoFile);
    EXPECT_THAT(bad.problems,
                ElementsAre(testing::StartsWith("--io: "),
                            testing::StartsWith(tokens.path() + ":3: sha256: must be")));
}

TEST(Check, LooksAtPemFiles) {
    const TemporaryFile pem("-----BEGIN CERTIFICATE-----\n"), other("hello\n");
    const auto with = [&](const std::string& certificate, const std::string& key) {
        return check({"--tls-certificate", certificate, "--tls-key", key}, {}, kNoFile);
    };
    EXPECT_TRUE(with(pem.path(), pem.path()).good());
    EXPECT_THAT(with(pem.path(), pem.path()).notes, ElementsAre());
    EXPECT_THAT(with(pem.path(), other.path()).problems,
                ElementsAre(other.path() + ": is no PEM file"));
    EXPECT_THAT(with("/", pem.path()).problems, ElementsAre("/: Is a directory"));
    ASSERT_EQ(chmod(pem.path().c_str(), 0604), 0);
    EXPECT_THAT(
        with(pem.path(), pem.path()).notes,
        ElementsAre("warning: " + pem.path() + ": all users of this machine may use this key"));
}

}  // namespace
}  // namespace config
