// `s3zip verify` of local files, from the command line to the exit code.
#include "cli/local.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace {

using namespace cli;

struct Ran {
    int code = 0;
    std::string out, err;
};

Ran run(std::vector<std::string> words) {
    base::set_log_level(base::LogLevel::error);
    words.insert(words.begin(), "verify");
    words.insert(words.end(), {"--io", "epoll", "--reactors", "1"});
    auto arguments = parse_arguments(std::move(words));
    EXPECT_TRUE(arguments) << arguments.error().text;
    if (!arguments) return {};
    std::ostringstream out, err;
    Ran ran;
    ran.code = run_local(*arguments, Console{out, err}, base::system_clock(),
                         s3client::fixed_environment({}));
    ran.out = out.str();
    ran.err = err.str();
    return ran;
}

std::string golden(const std::string& name) { return std::string(ZIP_GOLDEN_DIR) + "/" + name; }

// A copy of a golden archive with one byte changed; goes away with the test.
class SpoiltFile {
  public:
    SpoiltFile(const std::string& name, std::size_t at)
        : path(testing::TempDir() + "local_test." + std::to_string(::getpid()) + ".zip") {
        std::ostringstream bytes;
        bytes << std::ifstream(golden(name), std::ios::binary).rdbuf();
        std::string text = bytes.str();
        text.at(at) = static_cast<char>(text.at(at) ^ 1);
        std::ofstream(path, std::ios::binary) << text;
    }
    ~SpoiltFile() { std::remove(path.c_str()); }
    const std::string path;
};

TEST(VerifyCommand, AGoodFile) {
    const Ran plain = run({golden("sample.zip")});
    EXPECT_EQ(plain.code, kDone) << plain.err;
    EXPECT_NE(plain.out.find("sample.zip: ok, 7 entries, 1.11 kB (1106 bytes), crc32 "),
              std::string::npos)
        << plain.out;
    const Ran json = run({golden("comment.zip"), "--json"});
    EXPECT_EQ(json.code, kDone);
    EXPECT_NE(json.out.find(R"("ok":true,"archive_size":146,"entries":1,)"), std::string::npos)
        << json.out;
    EXPECT_NE(json.out.find(R"("compared_with":[],"findings":[],"findings_total":0)"),
              std::string::npos);
}

TEST(VerifyCommand, ASpoiltFile) {
    const SpoiltFile file("comment.zip", 31 + 13);  // in the data of a.txt
    const Ran bad = run({file.path});
    EXPECT_EQ(bad.code, kFailed);
    EXPECT_NE(bad.err.find(": a.txt: the data's CRC-32 is"), std::string::npos) << bad.err;
    EXPECT_NE(bad.out.find("BAD, 1 findings"), std::string::npos) << bad.out;
}

// The comment stands nowhere twice.
TEST(VerifyCommand, ComparesTheCrcOfTheWhole) {
    const Ran good = run({golden("comment.zip"), "--json"});
    const std::size_t at = good.out.find(R"("crc32":")") + 9;
    const std::string crc = good.out.substr(at, 8);
    const SpoiltFile file("comment.zip", 145);
    EXPECT_EQ(run({file.path}).code, kDone);
    const Ran same = run({golden("comment.zip"), "--crc32", crc});
    EXPECT_EQ(same.code, kDone);
    EXPECT_NE(same.out.find("crc32 " + crc + ", compared with --crc32\n"), std::string::npos)
        << same.out;
    const Ran bad = run({file.path, "--crc32", crc, "--json"});
    EXPECT_EQ(bad.code, kFailed);
    EXPECT_NE(bad.out.find(R"("compared_with":["request"])"), std::string::npos) << bad.out;
    EXPECT_NE(bad.out.find(R"("entry":null,"what":"the archive's CRC-32 is )"), std::string::npos)
        << bad.out;
}

TEST(VerifyCommand, WhatIsNotThere) {
    const Ran none = run({"/nowhere/none.zip"});
    EXPECT_EQ(none.code, kFailed);
    EXPECT_NE(none.err.find("/nowhere/none.zip"), std::string::npos);
    EXPECT_EQ(none.out, "");
}

}  // namespace
