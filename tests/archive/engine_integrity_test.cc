// What is read is compared with what S3 has stored; what is written is checked by S3, and where a
// store does not check, that is found out and said.
#include <gmock/gmock.h>

#include "base/encoding.h"
#include "engine_fixture.h"

namespace archive::test {
namespace {

using s3client::Operation;
using testing::HasSubstr;

class EngineIntegrity : public EngineTest {
  protected:
    // In "src", with the checksum that an SDK sends along.
    void put_checked(const std::string& key, std::string bytes) {
        const auto done =
            server->put("src", key, bytes, "STANDARD",
                        {{"x-amz-checksum-crc32", base::crc32_base64(plain_crc32(bytes))}});
        ASSERT_TRUE(done) << done.error().to_string();
        sources[key] = std::move(bytes);
    }
    void start_store(const std::string& checksums) {
        s3sim::Options options;
        options.checksums = checksums;
        start_server(std::move(options));
        put("small", "v");
        put("big", random_text(1, 22 * kMiB));
        start_engine(config(2, 40));
    }
    static ArchiveRequest of_prefix(const std::string& prefix) {
        ArchiveRequest what = request();
        what.sources[0].prefix = prefix;
        return what;
    }
};
ON_ENGINES(EngineIntegrity);

TEST_P(EngineIntegrity, ObjectsAreComparedWithTheirStoredChecksums) {
    put_checked("a", random_text(1, 100'000));
    put_checked("empty", "");
    put_checked("large", random_text(2, 35 * kMiB));  // read in ranges: S3 is asked for it
    put("z", random_text(3, 100));                    // has none
    start_engine(config(2, 80));
    const JobSnapshot job = run(request());
    ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
    EXPECT_EQ(job.result->compared, 2U);
    EXPECT_TRUE(job.result->checked);
    expect_content(*server->get("out", "a.zip"));
}

TEST_P(EngineIntegrity, WhatDiffersOnTheWayIsReadAgain) {
    for (int i = 0; i < 10; ++i) put_checked("k" + std::to_string(i), random_text(i, 10'000));
    start_engine();
    ASSERT_TRUE(server->set_faults("GetObject nth=3 wrong-checksum"));
    expect_archive(request());
    EXPECT_GE(server->stats().count("GetObject"), 11U);
    EXPECT_LE(server->stats().count("GetObject"), 11U + engine->stats().hedged);
}

TEST_P(EngineIntegrity, WhatDiffersInS3FailsTheJob) {
    put_checked("a", random_text(1, 1'000));
    put_checked("large", random_text(2, 35 * kMiB));
    start_engine(config(2, 80));
    for (const std::string key : {"a", "large"}) {
        ASSERT_TRUE(server->set_faults(
            "GetObject key=" + key + " wrong-checksum; HeadObject key=" + key + " wrong-checksum"));
        const JobSnapshot job = run(request());
        ASSERT_EQ(job.state, JobState::failed) << key;
        EXPECT_EQ(job.error->code, "checksum_mismatch");
        EXPECT_EQ(job.error->key, "src/" + key);
        expect_nothing_left();
    }
}

TEST_P(EngineIntegrity, AnEchoOfAnotherChecksumIsNoSuccess) {
    put("big", random_text(1, 22 * kMiB));
    put("small", "v");
    start_engine(config(2, 40));
    ASSERT_TRUE(
        server->set_faults("UploadPart nth=1 wrong-checksum; PutObject nth=1 wrong-checksum"));
    expect_archive(request());
    EXPECT_EQ(engine->stats().retries, 1U);
    EXPECT_EQ(run(of_prefix("small")).state, JobState::failed);  // it exists by now
    ArchiveRequest again = of_prefix("small");
    again.destination.overwrite = true;
    EXPECT_EQ(run(again).state, JobState::succeeded);
    EXPECT_EQ(engine->stats().retries, 2U);
}

// A part that was sent twice may have another ETag than the answer we heard, where ETags are not
// the MD5 of the content.
TEST_P(EngineIntegrity, PartsAreLookedUpWhenS3HasOthers) {
    put("big", random_text(1, 42 * kMiB));
    start_engine(config(2, 40));
    ASSERT_TRUE(server->set_faults("UploadPart part=2 wrong-etag"));
    expect_archive(request());
    EXPECT_GE(server->stats().count("ListParts"), 1U);
    EXPECT_EQ(server->stats().count("CompleteMultipartUpload"), 2U);
}

TEST_P(EngineIntegrity, AStoreThatIgnoresChecksumsIsReported) {
    start_store("ignored");
    for (const std::string prefix : {"small", ""}) {
        ArchiveRequest what = of_prefix(prefix);
        what.destination.overwrite = true;
        const JobSnapshot job = run(what);
        ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
        EXPECT_FALSE(job.result->checked);
        EXPECT_EQ(job.result->compared, 0U);
    }
    expect_content(*server->get("out", "a.zip"));
}

TEST_P(EngineIntegrity, AStoreThatRefusesChecksumsIsSentNone) {
    start_store("refused");
    for (const std::string prefix : {"small", ""}) {
        ArchiveRequest what = of_prefix(prefix);
        what.destination.overwrite = true;
        const JobSnapshot job = run(what);
        ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
        EXPECT_FALSE(job.result->checked);
    }
    expect_content(*server->get("out", "a.zip"));
    // Found out once by each reactor.
    EXPECT_LE(server->stats().answers["PutObject 400"] + server->stats().answers["UploadPart 400"] +
                  server->stats().answers["CreateMultipartUpload 400"] +
                  server->stats().answers["CompleteMultipartUpload 400"],
              3U);
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_P(EngineIntegrity, AJobMayRequireThatTheyAreChecked) {
    for (const std::string store : {"checked", "ignored", "refused"}) {
        start_store(store);
        for (const std::string prefix : {"small", ""}) {
            ArchiveRequest what = of_prefix(prefix);
            what.destination.overwrite = true;
            what.options.checksums = Checksums::required;
            const JobSnapshot job = run(what);
            if (store == "checked") {
                ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
                EXPECT_TRUE(job.result->checked);
                continue;
            }
            ASSERT_EQ(job.state, JobState::failed) << store;
            EXPECT_EQ(job.error->code, "checksums_not_checked");
            EXPECT_THAT(job.error->detail, HasSubstr("out"));
            expect_nothing_left();
        }
        engine.reset();
    }
}

}  // namespace
}  // namespace archive::test
