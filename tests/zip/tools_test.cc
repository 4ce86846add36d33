// What other people's readers say of our archives; skipped, by name, where a reader is not
// installed. The whole matrix of readers is `./dev interop`.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "archive_builder.h"
#include "zip/crc32.h"

namespace zip_test {
namespace {

struct Outcome {
    int status;
    std::string output;
};

Outcome run(const std::string& command) {
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return {-1, "popen failed"};
    std::string output;
    std::array<char, 4096> block;
    while (const std::size_t n = std::fread(block.data(), 1, block.size(), pipe))
        output.append(block.data(), n);
    return {pclose(pipe), output};
}

bool installed(const std::string& tool) { return run("command -v " + tool).status == 0; }

class ToolsTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "s3zipd-zip-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        archive_ = directory_ / "test.zip";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& bytes) { std::ofstream(archive_, std::ios::binary) << bytes; }
    void expect_accepted(const std::string& command) {
        const Outcome outcome = run(fmt::format(fmt::runtime(command), archive_.string()));
        EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.output;
    }

    std::filesystem::path directory_, archive_;
};

std::vector<File> many_files() {
    std::vector<File> files(65'536);
    for (std::size_t i = 0; i < files.size(); ++i)
        files[i] = {fmt::format("d{}/f{}", i % 100, i), fmt::format("{}", i)};
    return files;
}

TEST_F(ToolsTest, UnzipAcceptsEverything) {
    if (!installed("unzip")) GTEST_SKIP() << "unzip is not installed";
    write(build_archive(sample_files(), "comment"));
    expect_accepted("unzip -t {}");
    write(build_archive(many_files()));
    expect_accepted("unzip -tq {}");
}

TEST_F(ToolsTest, PythonAcceptsEverything) {
    if (!installed("python3")) GTEST_SKIP() << "python3 is not installed";
    write(build_archive({}));
    expect_accepted("python3 -m zipfile -t {}");
    write(build_archive(sample_files(), "comment"));
    expect_accepted("python3 -m zipfile -t {}");
    write(build_archive(many_files()));
    expect_accepted("python3 -m zipfile -t {}");
}

// Entries of 0xFFFFFFFE, 0xFFFFFFFF and 0x100000000 bytes as holes of a sparse file, and a small
// one behind each.
TEST_F(ToolsTest, Zip64SparseArchive) {
    if (!installed("python3") || !installed("unzip"))
        GTEST_SKIP() << "python3 or unzip is not installed";
    const std::string data = "behind it";
    const std::uint32_t crc = zip::crc32_update(0, base::as_bytes(data));
    const std::vector<zip::Entry> entries = {
        {.name = "fffffffe", .size = 0xFFFFFFFE},   {.name = "small1", .size = data.size()},
        {.name = "ffffffff", .size = 0xFFFFFFFF},   {.name = "small2", .size = data.size()},
        {.name = "100000000", .size = 0x100000000}, {.name = "small3", .size = data.size()}};
    const std::vector<std::uint32_t> crcs = {0, crc, 0, crc, 0, crc};
    const zip::SpanEntryList list(entries);
    const zip::Layout layout = *zip::Layout::create(list);
    std::ofstream out(archive_, std::ios::binary);
    const auto put = [&](std::uint64_t offset, const std::string& bytes) {
        out.seekp(static_cast<std::streamoff>(offset));
        out << bytes;
    };
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::string header(layout.header_size(i), '\0');
        zip::encode_local_file_header(entries[i], crcs[i],
                                      {reinterpret_cast<std::byte*>(header.data()), header.size()});
        put(layout.header_offset(i), header);
        if (i % 2 == 1) put(layout.data_offset(i), data);
    }
    std::string end(layout.archive_size() - layout.cd_offset(), '\0');
    zip::CentralDirectory(layout, list, crcs)
        .read(layout.cd_offset(), {reinterpret_cast<std::byte*>(end.data()), end.size()});
    put(layout.cd_offset(), end);
    out.close();
    if (!out) GTEST_SKIP() << "no room for a sparse file of 12 GiB in " << directory_;

    expect_accepted("unzip -t {} small1 small2 small3");
    // infolist() reads the directory, open() each local header.
    expect_accepted(
        "python3 -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]);"
        " assert [i.file_size for i in z.infolist()][::2] == [0xFFFFFFFE, 0xFFFFFFFF, 0x100000000];"
        " [z.open(i).close() for i in z.infolist()];"
        " assert all(z.read(n) == b\"behind it\" for n in [\"small1\", \"small2\", \"small3\"])' "
        "{}");
}

}  // namespace
}  // namespace zip_test
