// An upload that a job has left behind is removed, and nobody else's.
#include "archive/upload_release.h"

#include "../s3client/fake_http.h"
#include "base/encoding.h"
#include "store_fixture.h"

namespace archive {
namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using s3client::FakeHttp;
using s3client::ListedUpload;
using test::Awaited;

// What the listing shows, without a store.
class ClaimedUpload : public testing::Test {
  protected:
    static base::UtcTime at(int seconds) { return base::UtcTime(std::chrono::seconds(seconds)); }
    bool may_be(base::Duration offset = 0s, bool says_checksums = true) const {
        return may_be_claimed(upload, claim, offset, says_checksums);
    }
    ListedUpload upload{.key = "a.zip",
                        .upload_id = "u1",
                        .initiated_s = 1010,
                        .storage_class = "STANDARD",
                        .checksum_algorithm = "CRC32",
                        .checksum_type = "FULL_OBJECT",
                        .initiator_id = {}};
    UploadClaim claim{
        .bucket = "out", .key = "a.zip", .created_from = at(1000), .created_until = at(1020)};
};

TEST_F(ClaimedUpload, IsOfItsKeyAndTime) {
    EXPECT_TRUE(may_be());
    for (const auto& [initiated, may] :
         {std::pair(997, false), {998, true}, {1022, true}, {1023, false}, {0, false}}) {
        upload.initiated_s = initiated;
        EXPECT_EQ(may_be(), may) << initiated;
    }
    upload.initiated_s = 1010;
    upload.key = "a.zip.1";
    EXPECT_FALSE(may_be());
}

TEST_F(ClaimedUpload, IsTimedByTheStoresClock) {
    EXPECT_FALSE(may_be(300s));
    upload.initiated_s = 1310;
    EXPECT_FALSE(may_be());
    EXPECT_TRUE(may_be(300s));
    upload.initiated_s = 710;
    EXPECT_TRUE(may_be(-300s));
}

TEST_F(ClaimedUpload, IsNotOneOfAnotherJob) {
    claim.known = {"u0", "u1"};
    EXPECT_FALSE(may_be());
}

TEST_F(ClaimedUpload, HasOurChecksumAsFarAsTheStoreSays) {
    upload.checksum_type.clear();
    EXPECT_FALSE(may_be());
    EXPECT_TRUE(may_be(0s, false));
    upload.checksum_algorithm.clear();
    EXPECT_FALSE(may_be());
    EXPECT_TRUE(may_be(0s, false));
    for (const auto& [algorithm, type] :
         {std::pair("CRC32", "COMPOSITE"), {"CRC64NVME", "FULL_OBJECT"}, {"SHA256", "COMPOSITE"}}) {
        upload.checksum_algorithm = algorithm;
        upload.checksum_type = type;
        EXPECT_FALSE(may_be(0s, false)) << algorithm;
    }
}

class UploadRelease : public test::StoreTest {
  protected:
    UploadClaim claim(const std::string& key = "a.zip") const {
        return {.bucket = "out",
                .key = key,
                .created_from = started_,
                .created_until = reactor->utc_now()};
    }
    base::Result<Release> release(UploadClaim what) {
        return run(release_upload(*client, std::move(what), {}));
    }
    std::string part_of(const std::string& id) {
        const std::string body = "part";
        return stranger
            ->call("PUT", "/out/a.zip", "partNumber=1&uploadId=" + id, body,
                   {{"x-amz-checksum-crc32", s3sim::test::crc_base64(body)}})
            .head;
    }
    // Long before the claim, by the store's clock.
    std::string open_earlier(const std::string& key) {
        clock.ahead_min -= 5;
        std::string id = open(key);
        clock.ahead_min += 5;
        return id;
    }
    // Nothing of what is open is ours.
    void expect_untouched(UploadClaim what, Release result = Release::none_found) {
        const std::size_t before = open_uploads();
        const auto done = release(std::move(what));
        ASSERT_TRUE(done) << done.error().to_string();
        EXPECT_EQ(*done, result);
        EXPECT_EQ(open_uploads(), before);
        EXPECT_EQ(asked("AbortMultipartUpload"), 0U);
    }

    const base::UtcTime started_ = base::system_clock().utc_now();
};
ON_ENGINES(UploadRelease);

TEST_P(UploadRelease, ByItsId) {
    UploadClaim what = claim();
    what.upload_id = open("a.zip");
    open("a.zip");
    EXPECT_EQ(release(what), Release::gone);
    EXPECT_EQ(open_uploads(), 1U);
    EXPECT_EQ(release(what), Release::gone) << "already";
    EXPECT_EQ(asked("ListMultipartUploads"), 0U);
}

TEST_P(UploadRelease, TheOnlyOneThatCanBeOurs) {
    open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(open_uploads(), 0U);
    EXPECT_EQ(release(claim()), Release::none_found);
}

TEST_P(UploadRelease, NotOneOfAnotherTimeOrKey) {
    open_earlier("a.zip");
    open("a.zip.1");
    open("a.zi");
    expect_untouched(claim());
    open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(open_uploads(), 3U);
}

// Less than would keep our signatures from being taken, so nobody else would notice.
TEST_P(UploadRelease, FromAStoreWithAnotherClock) {
    clock.ahead_min = 10;
    open_earlier("a.zip");
    open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(open_uploads(), 1U);
    clock.ahead_min = -10;
    open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(open_uploads(), 1U);
}

TEST_P(UploadRelease, NotOneThatHasParts) {
    part_of(open("a.zip"));
    expect_untouched(claim());
    open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(open_uploads(), 1U);
}

TEST_P(UploadRelease, NotOneWithAnotherChecksum) {
    open("a.zip", {{"x-amz-checksum-algorithm", "CRC32"}});  // COMPOSITE
    open("a.zip", {{"x-amz-checksum-algorithm", "SHA256"}});
    expect_untouched(claim());
}

TEST_P(UploadRelease, NotOneOfAnotherJob) {
    UploadClaim what = claim();
    what.known = {open("a.zip")};
    expect_untouched(what);
    open("a.zip");
    EXPECT_EQ(release(what), Release::gone);
    ASSERT_EQ(open_uploads(), 1U);
    EXPECT_EQ(server->open_uploads().front().upload_id, what.known.front());
}

TEST_P(UploadRelease, NoneOfTwo) {
    open("a.zip");
    open("a.zip");
    base::set_log_level(base::LogLevel::warn);
    testing::internal::CaptureStderr();
    expect_untouched(claim(), Release::ambiguous);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, testing::HasSubstr("bucket=out"));
    EXPECT_THAT(log, testing::HasSubstr("key=a.zip"));
}

TEST_P(UploadRelease, FromAListingOfManyPages) {
    clock.ahead_min = -5;
    for (int i = 0; i < 1'500; ++i) ASSERT_NE(open("a.zip"), "");
    clock.ahead_min = 0;
    for (int i = 0; i < 600; ++i) ASSERT_NE(open("a.zip/" + std::to_string(i)), "");
    const std::string ours = open("a.zip");
    EXPECT_EQ(release(claim()), Release::gone);
    EXPECT_EQ(asked("ListMultipartUploads"), 3U);
    EXPECT_EQ(open_uploads(), 2'100U);
    for (const auto& left : server->open_uploads()) EXPECT_NE(left.upload_id, ours);
}

TEST_P(UploadRelease, NotFromAListingWithoutAnEnd) {
    FakeHttp store([](const std::string&) {
        return FakeHttp::answer(
            200,
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
            "<NextKeyMarker>a.zip</NextKeyMarker></ListMultipartUploadsResult>");
    });
    start_client(store.url());
    const auto done = release(claim());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, "too_many_uploads");
    EXPECT_EQ(store.requests().size(), 100U);
    client.reset();
}

TEST_P(UploadRelease, SaysWhatIsDenied) {
    UploadClaim known = claim();
    known.upload_id = open("a.zip");
    for (const char* denied : {"ListMultipartUploads", "ListParts", "AbortMultipartUpload"}) {
        ASSERT_TRUE(server->set_faults(std::string(denied) + " status=403"));
        const auto done = release(claim());
        ASSERT_FALSE(done) << denied;
        EXPECT_EQ(done.error().kind, ErrorKind::denied);
        EXPECT_EQ(open_uploads(), 1U);
    }
    EXPECT_EQ(release(known).error().kind, ErrorKind::denied);
}

TEST_P(UploadRelease, SaysThatItIsStillThere) {
    open("a.zip");
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload stays-open"));
    EXPECT_EQ(release(claim()), Release::still_there);
    ASSERT_TRUE(server->set_faults("AbortMultipartUpload times=1 stays-open"));
    EXPECT_EQ(release(claim()), Release::gone);
}

TEST_P(UploadRelease, OneThatEndsWhileItIsLookedAt) {
    open("a.zip");
    ASSERT_TRUE(server->set_faults("ListParts status=404 code=NoSuchUpload"));
    EXPECT_EQ(release(claim()), Release::none_found);
}

// A customer's key shows whose an upload is: S3 wants the same one to list its parts.
TEST_P(UploadRelease, WithACustomersKey) {
    open("a.zip");
    UploadClaim what = claim();
    what.access.customer_key = std::make_shared<const s3client::CustomerKey>(
        *s3client::CustomerKey::parse(base::base64(base::as_bytes(std::string(32, 'k')))));
    expect_untouched(what);
    s3client::CallContext context{.access = &what.access};
    ASSERT_TRUE(run(client->create_multipart_upload("out", "a.zip", {}, context)));
    EXPECT_EQ(release(what), Release::gone);
    EXPECT_EQ(open_uploads(), 1U);
}

class EngineRelease : public test::EngineTest {
  protected:
    base::Result<Release> release(UploadClaim what) {
        Awaited<base::Result<Release>> done;
        engine->release_upload(std::move(what), [&done](auto result) { done.set(result); });
        return done.take().value();
    }
    std::string open() {
        return s3sim::test::Client(server->port())
            .call("POST", "/out/a.zip", "uploads=", {},
                  {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}})
            .xml("UploadId");
    }
    UploadClaim claim{.bucket = "out",
                      .key = "a.zip",
                      .created_from = base::system_clock().utc_now(),
                      .created_until = base::system_clock().utc_now() + 1min};
};
ON_ENGINES(EngineRelease);

TEST_P(EngineRelease, OnOneOfItsReactors) {
    start_engine();
    open();
    EXPECT_EQ(release(claim), Release::gone);
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_P(EngineRelease, WithTheKeysOfTheClaimsRole) {
    s3sim::Options options;
    options.record_requests = true;
    start_server(options);
    FakeHttp sts([this](const std::string&) {
        server->accept_too("role-1", "rolesecret", "token");
        return FakeHttp::answer(
            200,
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role-1</AccessKeyId>"
            "<SecretAccessKey>rolesecret</SecretAccessKey><SessionToken>token</SessionToken>"
            "<Expiration>2036-11-20T13:05:02Z</Expiration></Credentials></AssumeRoleResult>"
            "</AssumeRoleResponse>");
    });
    EngineConfig with = config();
    with.environment = s3client::fixed_environment({{"AWS_ENDPOINT_URL_STS", sts.url()}});
    start_engine(with);
    claim.role_arn = "arn:aws:iam::123456789012:role/zipper";
    open();
    server->reset_stats();
    EXPECT_EQ(release(claim), Release::gone);
    EXPECT_EQ(sts.requests().size(), 1U);
    std::size_t signed_by_role = 0;
    for (const auto& request : server->requests()) {
        EXPECT_THAT(request.headers.at("authorization"), testing::HasSubstr("role-1"));
        ++signed_by_role;
    }
    EXPECT_EQ(signed_by_role, 4U);  // LIST, ListParts, Abort, ListParts
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_P(EngineRelease, EndsWithTheEngine) {
    start_engine();
    open();
    ASSERT_TRUE(server->set_faults("ListMultipartUploads stall"));
    Awaited<base::Result<Release>> done;
    engine->release_upload(claim, [&done](auto result) { done.set(result); });
    wait_until([this] { return server->stats().faults_fired > 0; });
    engine.reset();
    const auto result = done.take();
    ASSERT_TRUE(result);
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace archive
