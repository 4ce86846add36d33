// verify_sources: md5. What is damaged on the way is found by the ETag, whatever the object's size.
#include <gmock/gmock.h>

#include "../s3client/http_proxy.h"
#include "base/encoding.h"
#include "engine_fixture.h"

namespace archive::test {
namespace {

using s3client::HttpProxy;
using testing::HasSubstr;

// Begins with a byte that random_text() does not make.
const std::string kNeedle = "\x01needle";

class EngineMd5 : public EngineTest {
  protected:
    // Through `proxy`, which may damage what it passes on.
    void start_through(const HttpProxy& proxy, std::uint64_t part_mib) {
        EngineConfig with = config(2, 160);
        with.part_size_bytes = part_mib * kMiB;
        with.environment = s3client::fixed_environment(
            {{"http_proxy", "http://127.0.0.1:" + std::to_string(proxy.port())}});
        start_engine(with);
    }
    static ArchiveRequest by_md5(const std::string& key = "a.zip") {
        ArchiveRequest what = request(key);
        what.options.verify_sources = VerifySources::md5;
        what.destination.overwrite = true;
        return what;
    }
    // With the needle somewhere behind its middle.
    static std::string with_needle(std::uint64_t seed, std::size_t size) {
        std::string bytes = random_text(seed, size);
        return bytes.replace(size / 2 + 7, kNeedle.size(), kNeedle);
    }
    std::uint64_t compared(ArchiveRequest what) {
        const JobSnapshot job = run(std::move(what));
        EXPECT_EQ(job.state, JobState::succeeded) << (job.error ? job.error->to_string() : "");
        if (!job.result) return 0;
        expect_content(*server->get("out", "a.zip"));
        return job.result->compared;
    }
};
ON_ENGINES(EngineMd5);

// Of one GET, of several GETs in one part, of several parts.
TEST_P(EngineMd5, ObjectsOfEverySizeAreCompared) {
    put("empty", "");
    put("one byte", "v");
    put("small", random_text(1, 100'000));
    put("one GET", random_text(2, 16 * kMiB));
    put("ranges", random_text(3, 35 * kMiB + 1));
    for (const std::uint64_t part_mib : {10, 64}) {
        EngineConfig with = config(2, 160);
        with.part_size_bytes = part_mib * kMiB;
        start_engine(with);
        EXPECT_EQ(compared(by_md5()), 4U) << part_mib;  // no byte of "empty" is read
        ArchiveRequest uniform = by_md5();
        uniform.options.part_layout = PartLayout::uniform;
        EXPECT_EQ(compared(uniform), 4U) << part_mib;
        ArchiveRequest stored = by_md5();
        stored.options.verify_sources = VerifySources::stored;
        EXPECT_EQ(compared(stored), 0U) << part_mib;
    }
}

TEST_P(EngineMd5, AStoredChecksumIsEnough) {
    for (const std::size_t size : {1'000U, 12U << 20, 35U << 20}) {
        const std::string bytes = random_text(size, size);
        ASSERT_TRUE(
            server->put("src", std::to_string(size), bytes, "STANDARD",
                        {{"x-amz-checksum-crc32", base::crc32_base64(plain_crc32(bytes))}}));
        sources[std::to_string(size)] = bytes;
    }
    EngineConfig with = config(2, 160);
    with.part_size_bytes = 10 * kMiB;
    start_engine(with);
    ArchiveRequest stored = by_md5();
    stored.options.verify_sources = VerifySources::stored;
    EXPECT_EQ(compared(stored), 2U);  // 12 MiB are two ranges, and S3 is not asked for theirs
    const std::uint64_t gets = server->stats().count("GetObject");
    EXPECT_EQ(compared(by_md5()), 3U);
    EXPECT_LE(server->stats().count("GetObject"), 2 * gets + engine->stats().hedged);
}

TEST_P(EngineMd5, DamageOnTheWayFailsTheJobAndOnlyWithMd5) {
    HttpProxy proxy;
    struct Case {
        std::size_t size;
        std::uint64_t part_mib;
    };
    for (const Case& one :
         {Case{1'000, 10}, Case{1 * kMiB, 10}, Case{20 * kMiB, 64}, Case{35 * kMiB, 10}}) {
        SCOPED_TRACE(one.size);
        start_server();
        sources.clear();
        put("hit", with_needle(1, one.size));
        put("well", random_text(2, 1'000));
        start_through(proxy, one.part_mib);
        proxy.corrupt(kNeedle);
        const JobSnapshot job = run(by_md5());
        ASSERT_EQ(job.state, JobState::failed);
        EXPECT_EQ(job.error->code, "checksum_mismatch");
        EXPECT_EQ(job.error->key, "src/hit");
        EXPECT_THAT(job.error->detail, HasSubstr("src/hit: its ETag is the MD5 "));
        expect_nothing_left();
        ArchiveRequest unchecked = by_md5();
        unchecked.options.verify_sources = VerifySources::stored;
        EXPECT_EQ(run(unchecked).state, JobState::succeeded);
        proxy.corrupt("");
        EXPECT_EQ(compared(by_md5()), 2U);
    }
}

// An object that spans parts is read twice; both reads must have given the same.
TEST_P(EngineMd5, DamageOfOneOfTwoReadsFailsTheJob) {
    HttpProxy proxy;
    put("hit", with_needle(1, 35 * kMiB));
    start_through(proxy, 10);
    for (const PartLayout layout : {PartLayout::entries, PartLayout::uniform}) {
        proxy.corrupt(kNeedle, 1);
        ArchiveRequest what = by_md5();
        what.options.part_layout = layout;
        const JobSnapshot job = run(what);
        ASSERT_EQ(job.state, JobState::failed);
        EXPECT_EQ(job.error->code, "checksum_mismatch");
        EXPECT_EQ(job.error->key, "src/hit");
        expect_nothing_left();
    }
}

TEST_P(EngineMd5, EtagsThatAreNoMd5AreNotCompared) {
    const std::string kms = "x-amz-server-side-encryption";
    for (const std::size_t size : {1'000U, 20U << 20, 35U << 20}) {
        const std::string bytes = random_text(size, size), key = std::to_string(size);
        ASSERT_TRUE(server->put("src", key, bytes, "STANDARD", {{kms, "aws:kms"}}));
        sources[key] = bytes;
    }
    EngineConfig with = config(2, 160);
    with.part_size_bytes = 10 * kMiB;
    start_engine(with);
    EXPECT_EQ(compared(by_md5()), 0U);
    // The ETag of a multipart upload.
    ASSERT_TRUE(exists("a.zip"));
    ArchiveRequest of_upload = by_md5("b.zip");
    of_upload.sources[0] = {};
    of_upload.sources[0].bucket = "out";
    of_upload.sources[0].prefix = "a.zip";
    const JobSnapshot job = run(of_upload);
    ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
    EXPECT_EQ(job.result->compared, 1U);  // by the CRC-32 that the upload has
}

}  // namespace
}  // namespace archive::test
