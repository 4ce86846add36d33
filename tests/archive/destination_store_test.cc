// What an S3 does with a destination: uploads that end, writes whose answer is lost.
#include "archive/destination.h"

#include "store_fixture.h"

namespace archive {
namespace {

using base::ErrorKind;

constexpr const char* kJob = "01JABCDEFGHJKMNPQRSTVWXYZ0";
constexpr const char* kMark = "x-amz-meta-s3zipd-job";

class AbortUpload : public test::StoreTest {
  protected:
    base::Status abort(const std::string& id, s3client::CallContext context = {}) {
        return run(abort_upload(*client, {"out", "a.zip", id}, context));
    }
};
ON_ENGINES(AbortUpload);

TEST_P(AbortUpload, LooksWhetherItIsGone) {
    EXPECT_TRUE(abort(open("a.zip")));
    EXPECT_EQ(open_uploads(), 0U);
    EXPECT_EQ(asked("AbortMultipartUpload"), 1U);
    EXPECT_EQ(asked("ListParts"), 1U);
}

TEST_P(AbortUpload, OfACancelledJobToo) {
    io::CancelSource cancel;
    cancel.cancel();
    EXPECT_TRUE(abort(open("a.zip"), {.cancel = &cancel}));
    EXPECT_EQ(open_uploads(), 0U);
}

TEST_P(AbortUpload, AgainIfAPartCameInMeanwhile) {
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload times=2 stays-open"));
    EXPECT_TRUE(abort(open("a.zip")));
    EXPECT_EQ(open_uploads(), 0U);
    EXPECT_EQ(asked("AbortMultipartUpload"), 3U);
}

TEST_P(AbortUpload, GivesUpOnOneThatStays) {
    const std::string id = open("a.zip");
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload stays-open"));
    const auto done = abort(id);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "upload_still_there");
    EXPECT_EQ(done.error().kind, ErrorKind::transient);
    EXPECT_EQ(asked("AbortMultipartUpload"), 6U);
}

TEST_P(AbortUpload, OneThatIsGoneAlready) {
    const std::string id = open("a.zip");
    ASSERT_TRUE(abort(id));
    server->reset_stats();
    EXPECT_TRUE(abort(id));
    EXPECT_EQ(asked("AbortMultipartUpload"), 1U);
    EXPECT_EQ(asked("ListParts"), 0U);
}

// Who may not list parts asks by another abort.
TEST_P(AbortUpload, WithoutTheRightToList) {
    ASSERT_TRUE(server->set_faults("ListParts status=403"));
    EXPECT_TRUE(abort(open("a.zip")));
    EXPECT_EQ(asked("AbortMultipartUpload"), 2U);
    const std::string id = open("a.zip");
    ASSERT_TRUE(server->set_faults("ListParts status=403; AbortMultipartUpload stays-open"));
    const auto done = abort(id);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::denied);
}

TEST_P(AbortUpload, SaysWhyItCouldNot) {
    const std::string id = open("a.zip");
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload status=403"));
    auto done = abort(id);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::denied);
    // A 404 that is not S3's own says nothing.
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload status=404 no-body"));
    done = abort(id);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().http_status, 404);
    EXPECT_EQ(open_uploads(), 1U);
}

class WriteEnds : public test::StoreTest {
  protected:
    static Destination destination(bool overwrite = true) {
        Destination to;
        to.bucket = "out";
        to.key = "a.zip";
        to.overwrite = overwrite;
        return to;
    }
    void put(std::map<std::string, std::string> headers) {
        ASSERT_TRUE(server->put("out", "a.zip", kBytes, "STANDARD", headers));
    }
    using Found = base::Result<std::optional<s3client::ObjectHead>>;
    Found find(const std::string& job_id, std::optional<std::uint32_t> crc32 = kCrc32,
               std::uint64_t size = kBytes.size()) {
        return run(find_finished(*client, destination(), job_id, size, crc32, {}));
    }
    static bool is_none(const Found& found) { return found && !found->has_value(); }

    static inline const std::string kBytes = "archive";
    static inline const std::uint32_t kCrc32 = test::plain_crc32(kBytes);
    static inline const std::string kRight = s3sim::test::crc_base64(kBytes);
    static inline const std::string kWrong = s3sim::test::crc_base64("another");
};
ON_ENGINES(WriteEnds);

TEST_P(WriteEnds, FindsWhatItHasFinished) {
    EXPECT_TRUE(is_none(find(kJob)));  // 404
    put({{kMark, kJob}});
    EXPECT_TRUE(is_none(find("01JABCDEFGHJKMNPQRSTVWXYZ1")));
    EXPECT_TRUE(is_none(find({})));
    EXPECT_TRUE(is_none(find(kJob, kCrc32, 1)));
    auto found = find(kJob);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->job_mark, kJob);
    put({{kMark, kJob}, {"x-amz-checksum-crc32", kWrong}});
    EXPECT_TRUE(is_none(find(kJob)));
    EXPECT_TRUE(*find(kJob, std::nullopt)) << "without a CRC-32 of ours the mark decides";
    put({{"x-amz-checksum-crc32", kRight}});
    EXPECT_TRUE(*find({}));
    EXPECT_TRUE(is_none(find(kJob, std::nullopt)));
}

TEST_P(WriteEnds, NothingIsFoundWhereItIsDeniedButErrorsAreErrors) {
    put({{kMark, kJob}});
    ASSERT_TRUE(server->set_faults("HeadObject status=403"));
    EXPECT_TRUE(is_none(find(kJob)));
    ASSERT_TRUE(server->set_faults("HeadObject status=400"));
    const auto found = find(kJob);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().http_status, 400);
}

TEST_P(WriteEnds, TellsTheVersion) {
    ASSERT_TRUE(server->set_versioning("out", true));
    put({{kMark, kJob}});
    const std::string version = server->head("out", "a.zip")->version_id;
    EXPECT_NE(version, "");
    EXPECT_EQ((*find(kJob))->version_id, version);
}

// What we write ourselves bears the mark, whichever way it goes.
TEST_P(WriteEnds, TheMarkGoesWithPutAndCreate) {
    const std::array<base::ByteView, 1> pieces = {base::as_bytes(kBytes)};
    ASSERT_TRUE(run(client->put_object("out", "a.zip", object_headers(destination(), kJob),
                                       {pieces, kBytes.size(), kCrc32}, {})));
    EXPECT_EQ(server->head("out", "a.zip")->metadata.at("s3zipd-job"), kJob);
    const auto created = run(
        client->create_multipart_upload("out", "a.zip", object_headers(destination(), kJob), {}));
    ASSERT_TRUE(created);
    const auto etag = run(client->upload_part(*created, 1, {pieces, kBytes.size(), kCrc32}, {}));
    ASSERT_TRUE(etag);
    ASSERT_TRUE(run(client->complete_multipart_upload({.upload = *created,
                                                       .parts = {{1, *etag, kRight}},
                                                       .object_size = kBytes.size(),
                                                       .crc32 = kCrc32},
                                                      {})));
    EXPECT_EQ((*find(kJob, std::nullopt))->job_mark, kJob);
}

}  // namespace
}  // namespace archive
