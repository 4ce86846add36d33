// The archives in golden/, byte for byte. See its README for how to write them anew.
#include <gtest/gtest.h>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "archive_builder.h"
#include "zip/name_set.h"

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

// What hostile keys become, in the order of their bytes.
TEST(Golden, Hostile) {
    const std::string keys[] = {"../../etc/passwd",
                                "/abs",
                                "A",
                                "C:\\x",
                                "COM1.tar.gz",
                                "a",
                                "a//b",
                                "a/b",
                                "a\\b.",
                                "a;1",
                                "caf\xC3\xA9",
                                "cafe\xCC\x81",
                                "caf\xE9",
                                "d/",
                                "d/with data/",
                                "dot.",
                                "line\nfeed",
                                "nul",
                                std::string(300, 'n') + ".txt",
                                "what?*|<>\""};
    zip::NamePool pool;
    zip::NameSet set(pool, zip::OnDuplicate::rename);
    std::vector<File> files;
    for (const std::string& key : keys) {
        const std::string data = key == "d/" ? "" : "data of " + key;
        const auto name = zip::entry_name_from_key(key, data.size(), {});
        ASSERT_TRUE(name) << key;
        const auto claimed = set.claim(name->kind, name->name);
        ASSERT_TRUE(claimed) << key;
        files.push_back({std::string(claimed->name), data});
    }
    expect_golden("hostile", files);
}

}  // namespace
}  // namespace zip_test
