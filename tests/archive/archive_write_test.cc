// The write that makes an archive appear, against s3sim: what is believed, what is looked at again,
// and what happens where a store refuses conditions.
#include "archive/archive_write.h"

#include <array>

#include "store_fixture.h"

namespace archive {
namespace {

using base::ErrorKind;

constexpr const char* kJob = "01JABCDEFGHJKMNPQRSTVWXYZ0";
constexpr const char* kOther = "01JABCDEFGHJKMNPQRSTVWXYZ1";
constexpr const char* kMark = "x-amz-meta-s3zipd-job";

class ArchiveWriteTest : public test::StoreTest {
  protected:
    void place(std::map<std::string, std::string> headers) {
        ASSERT_TRUE(server->put("out", "a.zip", kBytes, "STANDARD", headers));
    }
    base::Result<WrittenArchive> put(bool overwrite = true, const std::string& job = kJob,
                                     std::uint64_t size = kBytes.size(),
                                     Use conditional = Use::automatic) {
        Destination to;
        to.bucket = "out";
        to.key = "a.zip";
        to.overwrite = overwrite;
        ArchiveWrite write(*client, to, job, conditional, {});
        const std::array<base::ByteView, 1> pieces = {base::as_bytes(kBytes)};
        return run(write.put({pieces, kBytes.size(), kCrc32}, {size, kCrc32}));
    }
    // The error code, or "" for a success.
    static std::string code_of(const base::Result<WrittenArchive>& written) {
        return written ? "" : written.error().code;
    }

    static inline const std::string kBytes = "archive";
    static inline const std::uint32_t kCrc32 = test::plain_crc32(kBytes);
    static inline const std::string kRight = s3sim::test::crc_base64(kBytes);
    static inline const std::string kWrong = s3sim::test::crc_base64("another");
};
ON_ENGINES(ArchiveWriteTest);

TEST_P(ArchiveWriteTest, IsConfirmedByOneHead) {
    const auto written = put();
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_TRUE(written->confirmed);
    EXPECT_FALSE(written->settled);
    EXPECT_TRUE(written->object.checked);
    EXPECT_EQ(written->guard, OverwriteGuard::none);
    EXPECT_EQ(asked("PutObject"), 1U);
    EXPECT_EQ(asked("HeadObject"), 1U);
}

// A store that shows a new object late.
TEST_P(ArchiveWriteTest, LooksAgainBeforeItCallsTheObjectMissing) {
    ASSERT_TRUE(server->set_faults("HeadObject times=3 status=404"));
    EXPECT_EQ(code_of(put()), "");
    EXPECT_EQ(asked("PutObject"), 1U);
    EXPECT_EQ(asked("HeadObject"), 4U);
}

TEST_P(ArchiveWriteTest, ASuccessWithoutAnObjectIsNone) {
    ASSERT_TRUE(server->set_faults("HeadObject status=404"));
    const auto written = put();
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, "archive_not_there");
    EXPECT_EQ(written.error().key, "out/a.zip");
    EXPECT_EQ(asked("PutObject"), 4U) << "it is written again before that";
}

TEST_P(ArchiveWriteTest, ASuccessWithAnotherSizeIsNone) {
    EXPECT_EQ(code_of(put(true, kJob, kBytes.size() + 1)), "archive_not_there");
}

TEST_P(ArchiveWriteTest, WhereLookingIsDeniedTheResultIsNotConfirmed) {
    ASSERT_TRUE(server->set_faults("HeadObject status=403"));
    const auto written = put();
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_FALSE(written->confirmed);
}

TEST_P(ArchiveWriteTest, WhenLookingFailsSoDoesTheWrite) {
    ASSERT_TRUE(server->set_faults("HeadObject status=500"));
    EXPECT_EQ(code_of(put()), "InternalError");
}

// The write's answer is an error, but the object may be there.
class InDoubt : public ArchiveWriteTest {
  protected:
    base::Result<WrittenArchive> put_in_doubt(const std::string& job,
                                              std::uint64_t size = kBytes.size()) {
        EXPECT_TRUE(server->set_faults("PutObject status=500"));
        return put(true, job, size);
    }
};
ON_ENGINES(InDoubt);

TEST_P(InDoubt, TheChecksumShowsOurs) {
    place({{"x-amz-checksum-crc32", kRight}});
    const auto written = put_in_doubt({});
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_TRUE(written->settled);
    EXPECT_TRUE(written->object.checked);
    EXPECT_EQ(written->object.etag, server->head("out", "a.zip")->etag);
}

TEST_P(InDoubt, TheMarkShowsOurs) {
    place({{kMark, kJob}});
    const auto written = put_in_doubt(kJob);
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_FALSE(written->object.checked);
    EXPECT_EQ(written->object.etag, server->head("out", "a.zip")->etag);
}

TEST_P(InDoubt, AnothersObjectLeavesTheError) {
    EXPECT_EQ(code_of(put_in_doubt(kJob)), "InternalError");  // there is none
    place({});
    EXPECT_EQ(code_of(put_in_doubt(kJob)), "InternalError");
    EXPECT_EQ(code_of(put_in_doubt({})), "InternalError") << "no mark is like no mark";
    place({{kMark, kOther}});
    EXPECT_EQ(code_of(put_in_doubt(kJob)), "InternalError");
    place({{kMark, kJob}});
    EXPECT_EQ(code_of(put_in_doubt(kJob, kBytes.size() + 1)), "InternalError");
    place({{kMark, kJob}, {"x-amz-checksum-crc32", kWrong}});
    EXPECT_EQ(code_of(put_in_doubt(kJob)), "InternalError");
}

// A store that repeats another checksum than it was sent has other bytes.
TEST_P(InDoubt, AMarkDoesNotOutweighAnotherChecksum) {
    place({{kMark, kJob}});
    ASSERT_TRUE(server->set_faults("PutObject wrong-checksum"));
    const auto written = put();
    // s3sim stores what it was sent all the same, with its checksum: then HEAD shows it.
    if (written) EXPECT_EQ(server->head("out", "a.zip")->crc32, kCrc32);
    ASSERT_TRUE(server->set_faults("PutObject wrong-checksum; HeadObject wrong-checksum"));
    EXPECT_NE(code_of(put()), "");
}

TEST_P(InDoubt, TheVersionIsKnown) {
    ASSERT_TRUE(server->set_versioning("out", true));
    place({{kMark, kJob}});
    const std::string version = server->head("out", "a.zip")->version_id;
    EXPECT_NE(version, "");
    const auto written = put_in_doubt(kJob);
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(written->object.version_id, version);
}

class Guarded : public ArchiveWriteTest {};
ON_ENGINES(Guarded);

// s3sim is not AWS: whether it enforces the condition shows once it has refused a write.
TEST_P(Guarded, AStoreEnforcesConditionsOnceItHasRefusedOne) {
    auto written = put(false);
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(written->guard, OverwriteGuard::checked);
    // The look before the write does not see it: the condition does.
    ASSERT_TRUE(server->put("out", "a.zip", kBytes, "STANDARD", {{kMark, kOther}}));
    ASSERT_TRUE(server->set_faults("HeadObject nth=1 status=404"));
    EXPECT_EQ(code_of(put(false)), "destination_exists");
    ASSERT_TRUE(server->set_faults(""));
    EXPECT_TRUE(client->support().enforces(s3client::Feature::put_condition));
    server->reset_stats();
    EXPECT_EQ(code_of(put(false)), "destination_exists");
    EXPECT_EQ(asked("PutObject"), 1U) << "nobody looks before it any more";
    EXPECT_EQ(asked("HeadObject"), 1U);
    EXPECT_EQ(server->head("out", "a.zip")->metadata.at("s3zipd-job"), kOther);
}

TEST_P(Guarded, ARefusalThatNoObjectExplainsIsTriedAgain) {
    ASSERT_TRUE(server->set_faults("PutObject times=2 status=412 code=PreconditionFailed"));
    EXPECT_EQ(code_of(put(false)), "");
    EXPECT_EQ(asked("PutObject"), 3U);
    ASSERT_TRUE(server->set_faults("PutObject status=412 code=PreconditionFailed"));
    server->reset_stats();
    EXPECT_EQ(code_of(put(true)), "")
        << "the object of before is ours: the answer was lost, as far as can be seen";
}

TEST_P(Guarded, AConflictIsTriedAgain) {
    ASSERT_TRUE(server->set_faults("PutObject times=2 status=409 code=ConditionalRequestConflict"));
    EXPECT_EQ(code_of(put(false)), "");
    EXPECT_EQ(asked("PutObject"), 3U);
}

TEST_P(Guarded, AConflictWithoutEndIsAnError) {
    ASSERT_TRUE(server->set_faults("PutObject status=409 code=ConditionalRequestConflict"));
    EXPECT_EQ(code_of(put(false)), "ConditionalRequestConflict");
    EXPECT_EQ(asked("PutObject"), 4U);
}

class RefusedConditions : public Guarded {};
ON_ENGINES(RefusedConditions);

// Only the first request is refused, as if it had been for its condition.
TEST_P(RefusedConditions, AreLeftOutAfterALook) {
    for (const char* answer : {"status=501 code=NotImplemented", "status=400 code=NotImplemented",
                               "status=400 code=InvalidArgument", "status=501 no-body"}) {
        SCOPED_TRACE(answer);
        start_server({});
        ASSERT_TRUE(server->set_faults(std::string("PutObject times=2 ") + answer));
        // The second is the one without a checksum.
        const auto written = put(false);
        ASSERT_TRUE(written) << written.error().to_string();
        EXPECT_EQ(written->guard, OverwriteGuard::checked);
        EXPECT_EQ(asked("PutObject"), 3U);
        EXPECT_EQ(asked("HeadObject"), 3U) << "before each kind of write, and after the last";
    }
}

TEST_P(RefusedConditions, AreNotLeftOutIfTheyMustBeUsed) {
    ASSERT_TRUE(server->set_faults("PutObject status=501 code=NotImplemented"));
    EXPECT_EQ(code_of(put(false, kJob, kBytes.size(), Use::always)), "NotImplemented");
}

TEST_P(RefusedConditions, AreNotSentIfTheyMustNotBeUsed) {
    const auto written = put(false, kJob, kBytes.size(), Use::never);
    ASSERT_TRUE(written) << written.error().to_string();
    EXPECT_EQ(written->guard, OverwriteGuard::checked);
    EXPECT_EQ(asked("HeadObject"), 2U);
    place({{kMark, kOther}});
    EXPECT_EQ(code_of(put(false, kJob, kBytes.size(), Use::never)), "destination_exists");
}

}  // namespace
}  // namespace archive
