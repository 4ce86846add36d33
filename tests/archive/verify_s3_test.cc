// Verification against an S3 that is slow, fails, changes its mind, keeps versions and checksums.
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "archive/archive_reader.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::plain_crc32;
using test::random_text;

class EngineVerifyS3 : public EngineTest {
  protected:
    // One large entry, some small ones.
    std::string make_archive(std::uint64_t large_mib = 17) {
        put("large", random_text(1, large_mib * kMiB));
        for (int i = 0; i < 20; ++i)
            put("small/" + std::to_string(i), random_text(static_cast<unsigned>(i), 40U * i));
        start_engine(config(2, 64));
        return expect_archive(request());
    }
};
ON_ENGINES(EngineVerifyS3);

TEST_P(EngineVerifyS3, RangesOfOneLargeEntryAreReadSideBySide) {
    s3sim::Options slow;
    slow.latency_ms = 100;
    start_server(slow);
    make_archive(65);
    start_engine(config(2, 64));  // with no connection open
    server->reset_stats();
    const std::uint64_t before = server->stats().connections_accepted;
    const auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_TRUE(report->ok());
    // The end, the directory, and ten pieces, which all wait for their first byte together.
    EXPECT_EQ(server->stats().count("GetObject"), 2U + 10U);
    EXPECT_GE(server->stats().connections_accepted - before, 6U);
}

TEST_P(EngineVerifyS3, BrokenTransfersGoOnWhereTheyStopped) {
    const std::string bytes = make_archive();
    ASSERT_TRUE(server->set_faults("GetObject every=2 reset-after=3000000"));
    server->reset_stats();
    const auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->crc32, plain_crc32(bytes));
    EXPECT_GT(server->stats().faults_fired, 0U);
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

TEST_P(EngineVerifyS3, AnObjectThatChangesMeanwhileIsAnError) {
    const std::string bytes = make_archive();
    std::string other = bytes;
    other.back() = static_cast<char>(other.back() ^ 1);
    std::atomic<bool> changed = false;
    test::Awaited<base::Result<VerifyReport>> done;
    engine->verify(
        {.bucket = "out", .key = "a.zip"},
        [&](std::uint64_t, std::uint64_t) {
            if (!changed.exchange(true)) {
                EXPECT_TRUE(server->put("out", "a.zip", other));
            }
        },
        [&done](auto result) { done.set(std::move(result)); });
    const auto report = done.take().value();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::precondition);
    EXPECT_EQ(report.error().code, "archive_changed");
    EXPECT_EQ(report.error().key, "out/a.zip");
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

TEST_P(EngineVerifyS3, AFailureOnOneLaneEndsTheOthers) {
    make_archive();
    ASSERT_TRUE(server->set_faults("GetObject nth=3,4,5 stall; GetObject nth=6 status=403"));
    const auto report = verify("a.zip");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().http_status, 403);
    EXPECT_EQ(server->stats().faults_fired, 4U);
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

TEST_P(EngineVerifyS3, ComparesWithWhatS3AndTheRequestSay) {
    const std::string bytes = make_archive();
    const std::uint32_t crc = plain_crc32(bytes);
    auto report = verify({.bucket = "out", .key = "a.zip", .expected_crc32 = crc});
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_TRUE(report->ok());
    const std::vector<CrcWitness> both{CrcWitness::request, CrcWitness::s3};
    EXPECT_EQ(report->compared_with, both);
    report = verify({.bucket = "out", .key = "a.zip", .expected_crc32 = crc ^ 1});
    ASSERT_TRUE(report) << report.error().to_string();
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_EQ(report->findings_total, 1U);
    EXPECT_EQ(report->findings[0].entry, "");
    EXPECT_THAT(report->findings[0].what, testing::HasSubstr("the archive's CRC-32 is"));
}

// The comment stands nowhere twice; but S3 remembers what was uploaded.
TEST_P(EngineVerifyS3, AChangedCommentIsNotWhatS3HasNoted) {
    namespace fs = std::filesystem;
    const fs::path root =
        fs::path(testing::TempDir()) / ("verify_s3_test." + std::to_string(::getpid()));
    fs::create_directories(root);
    s3sim::Options on_disk;
    on_disk.root = root;
    start_server(on_disk);
    put("k", "data");
    start_engine();
    ArchiveRequest what = request();
    what.options.comment = "a comment";
    expect_archive(what);
    // Behind the server's back, so that it knows the old checksum.
    const fs::path file = root / "out" / "a.zip";
    const auto time = fs::last_write_time(file);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(-1, std::ios::end)
        << "X";
    fs::last_write_time(file, time);
    const auto report = verify("a.zip");
    engine.reset();
    server.reset();
    fs::remove_all(root);
    ASSERT_TRUE(report) << report.error().to_string();
    ASSERT_EQ(report->findings.size(), 1U);
    EXPECT_THAT(report->findings[0].what, testing::HasSubstr("S3 has noted"));
}

TEST(ChecksumOfS3, OnlyOfTheWholeObject) {
    EXPECT_EQ(parse_full_crc32("yv66vg=="), 0xCAFEBABEU);
    EXPECT_EQ(parse_full_crc32("yv66vg==-3"), std::nullopt);  // of the parts' checksums
    for (const char* text : {"", "yv66vg", "yv66", "yv66vg===", "yv66vgAA", "-3", "????????"})
        EXPECT_EQ(parse_full_crc32(text), std::nullopt) << text;
}

TEST_P(EngineVerifyS3, TheVersionThatWasAskedFor) {
    ASSERT_TRUE(server->set_versioning("out", true));
    const std::string good = make_archive();
    const std::string version = server->head("out", "a.zip")->version_id;
    ASSERT_TRUE(server->put("out", "a.zip", "no archive at all"));
    auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_FALSE(report->ok());
    report = verify({.bucket = "out", .key = "a.zip", .version_id = version});
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->crc32, plain_crc32(good));
    report = verify({.bucket = "out", .key = "a.zip", .version_id = "nonsense"});
    EXPECT_FALSE(report);
}

TEST_P(EngineVerifyS3, UnsafeNamesThatAreMeant) {
    put("../x", "escapes");
    put("A", "1");
    put("a", "2");
    start_engine();
    ArchiveRequest what = request();
    what.options.names = zip::NamePolicy::raw;
    expect_archive(what);
    auto report = verify({.bucket = "out", .key = "a.zip", .check_names = false});
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_THAT(report->findings, testing::IsEmpty());
    report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(report->findings_total, 2U);  // one unsafe, two that differ in case only
}

TEST_P(EngineVerifyS3, TheListOfFindingsIsCutAndTheTotalIsTrue) {
    for (int i = 0; i < 1200; ++i) put(std::to_string(i), "x");
    start_engine();
    std::string bytes = expect_archive(request());
    std::size_t count = 0;
    for (std::size_t at = 0; (at = bytes.find("PK\1\2", at)) != std::string::npos; ++at, ++count)
        bytes[at + 38] = 1;  // internal attributes
    ASSERT_EQ(count, 1200U);
    ASSERT_TRUE(server->put("out", "bad.zip", bytes));
    const auto report = verify("bad.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(report->findings.size(), 1000U);
    EXPECT_EQ(report->findings_total, 1200U);
}

}  // namespace
}  // namespace archive
