// Archives read back by the engine: good ones without a finding, spoilt ones never without.
#include <sys/stat.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>

#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::plain_crc32;
using test::random_text;

// A file that goes away with the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& bytes)
        : path_(testing::TempDir() + "verify_test." + std::to_string(::getpid()) + ".zip") {
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class EngineVerify : public EngineTest {
  protected:
    std::string make_archive() {
        put("large", random_text(1, 17 * kMiB));
        for (int i = 0; i < 30; ++i)
            put("small/" + std::to_string(i), random_text(static_cast<unsigned>(i), 40U * i));
        put("empty", "");
        start_engine(config(2, 40));
        ArchiveRequest what = request();
        what.options.comment = "a comment";
        return expect_archive(what);
    }
};
ON_ENGINES(EngineVerify);

TEST_P(EngineVerify, FindsNothingWrongWithGoodArchives) {
    const std::string bytes = make_archive();
    const TemporaryFile file(bytes);
    for (const bool from_s3 : {true, false}) {
        const auto report = from_s3 ? verify("a.zip") : verify_file(file.path());
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_THAT(report->findings, testing::IsEmpty());
        EXPECT_EQ(report->crc32, plain_crc32(bytes));
        const std::vector<CrcWitness> s3{CrcWitness::s3}, nobody;
        EXPECT_EQ(report->compared_with, from_s3 ? s3 : nobody);
        EXPECT_EQ(report->archive_size, bytes.size());
        EXPECT_EQ(report->entries, sources.size());
        EXPECT_GE(report->bytes_read, bytes.size());
    }
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

TEST_P(EngineVerify, FindsNothingWrongWithAnEmptyArchive) {
    start_engine();
    ArchiveRequest what = request();
    what.options.on_empty = OnEmpty::archive;
    const std::string bytes = expect_archive(what);
    const auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_THAT(report->findings, testing::IsEmpty());
    EXPECT_EQ(report->crc32, plain_crc32(bytes));
}

// One bit changed, anywhere; in the comment's bytes only the CRC of the whole shows it.
TEST_P(EngineVerify, FindsEveryCorruption) {
    const std::string good = make_archive();
    base::Random random(4711);
    for (int i = 0; i < 24; ++i) {
        std::string bad = good;
        // Half of them among the records at the end, where each byte has its meaning.
        const std::uint64_t at =
            i % 2 == 0 ? random.below(good.size()) : good.size() - 1 - random.below(2000);
        bad[at] = static_cast<char>(bad[at] ^ (1 << random.below(8)));
        ASSERT_TRUE(server->put("out", "bad.zip", bad));
        const auto report =
            verify({.bucket = "out", .key = "bad.zip", .expected_crc32 = plain_crc32(good)});
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_FALSE(report->ok()) << "byte " << at;
    }
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{21},
                                     std::uint64_t{100'000}, good.size() - 1}) {
        ASSERT_TRUE(server->put("out", "cut.zip", good.substr(0, size)));
        const auto report = verify("cut.zip");
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_FALSE(report->findings.empty()) << size;
    }
}

// 17 MiB in ranges of 8: each bit of them is in one.
TEST_P(EngineVerify, FindsDamageInEachRangeOfALargeEntry) {
    const std::string good = make_archive();
    const std::size_t data = good.find(random_text(1, 100));
    ASSERT_NE(data, std::string::npos);
    for (const std::uint64_t at : {std::uint64_t{0}, 8 * kMiB, 9 * kMiB, 17 * kMiB - 1}) {
        std::string bad = good;
        bad[data + at] = static_cast<char>(bad[data + at] ^ 1);
        const TemporaryFile file(bad);
        const auto report = verify_file(file.path());
        ASSERT_TRUE(report) << report.error().to_string();
        ASSERT_EQ(report->findings.size(), 1U);
        EXPECT_EQ(report->findings[0].entry, "large");
        EXPECT_EQ(report->findings[0].offset, data);
        EXPECT_EQ(report->crc32, plain_crc32(bad));
    }
}

TEST_P(EngineVerify, SaysWhenThereIsNothingToRead) {
    start_engine();
    const TemporaryFile pipe("");  // nobody writes to it, and nobody waits for that
    ASSERT_EQ(std::remove(pipe.path().c_str()), 0);
    ASSERT_EQ(::mkfifo(pipe.path().c_str(), 0600), 0);
    auto report = verify("none.zip");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(report.error().key, "out/none.zip");
    report = verify_file("/nowhere/none.zip");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(report.error().key, "/nowhere/none.zip");
    for (const std::string& path : {std::string("/"), pipe.path()}) {
        report = verify_file(path);
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error().detail, path + " is not a regular file");
    }
}

TEST_P(EngineVerify, EndsWhenTheEngineIsDestroyed) {
    make_archive();
    ASSERT_TRUE(server->set_faults("GetObject stall"));
    server->reset_stats();
    test::Awaited<base::Result<VerifyReport>> done;
    engine->verify({.bucket = "out", .key = "a.zip"}, {},
                   [&done](auto result) { done.set(std::move(result)); });
    wait_until([this] { return server->stats().faults_fired > 0; });
    engine.reset();
    const auto report = done.take().value();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::cancelled);
}

}  // namespace
}  // namespace archive
