// The archives in golden/, byte for byte. See its README for how to write them anew.
#include <gtest/gtest.h>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "archive_builder.h"

namespace zip_test {
namespace {

std::string golden_path(const std::string& name) {
    return std::string(ZIP_GOLDEN_DIR) + "/" + name + ".zip";
}

void expect_golden(const std::string& name, const std::vector<File>& files,
                   const std::string& comment = {}) {
    const std::string archive = build_archive(files, comment);
    if (std::getenv("S3ZIPD_REGENERATE_GOLDEN") != nullptr) {
        std::ofstream(golden_path(name), std::ios::binary) << archive;
        GTEST_SKIP() << "wrote " << golden_path(name);
    }
    std::ifstream file(golden_path(name), std::ios::binary);
    ASSERT_TRUE(file) << golden_path(name) << " is missing";
    std::stringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(archive, golden.str()) << name << ".zip: see golden/README.md";
    EXPECT_TRUE(verify(golden.str()).findings.empty());
}

TEST(Golden, Empty) { expect_golden("empty", {}); }
TEST(Golden, Comment) { expect_golden("comment", {{"a.txt", "hello\n"}}, "made by s3zipd"); }
TEST(Golden, Sample) { expect_golden("sample", sample_files()); }
TEST(Golden, Nested) {
    expect_golden("nested", {{"a/b/c/d.txt", "deep\n"},
                             {"a/b/e.bin", std::string(1000, '\0')},
                             {"a/", ""},
                             {"z (2).txt", "", 0}});
}

}  // namespace
}  // namespace zip_test
