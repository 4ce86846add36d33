// Buckets and objects that are not for everybody: what a job says that lacks the right key, owner
// or payer, how sources of one bucket differ, and that a customer's key never comes back.
#include <fmt/format.h>
#include <algorithm>

#include "../archive/zip_reading.h"
#include "base/log.h"
#include "e2e_fixture.h"
#include "s3client/access.h"

namespace s3zipd {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kA = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";  // 32 times 'a'
const std::string kB = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";
const std::string kCustomer = "x-amz-server-side-encryption-customer-";

class AccessTest : public E2eTest {
  protected:
    void SetUp() override {
        s3sim::Options sim;
        sim.buckets = {"src", "paid", "theirs"};
        sim.requester_pays = {"paid"};
        sim.bucket_owners = {{"theirs", "999999999999"}};
        sim.record_requests = true;
        start({}, sim);
        for (const char* bucket : {"src", "paid", "theirs"})
            ASSERT_TRUE(sim_->put(bucket, "plain/p", "plain"));
        put_secret("secret/a", kA);
        put_secret("secret/b", kB);
    }
    void put_secret(const std::string& key, const std::string& customer_key) {
        const auto parsed = s3client::CustomerKey::parse(customer_key);
        ASSERT_TRUE(sim_->put(
            "src", key, "secret " + key, "STANDARD",
            {{kCustomer + "algorithm", "AES256"}, {kCustomer + "key-md5", parsed->md5_base64()}}));
    }
    static std::string request(const std::string& sources, const std::string& destination = {}) {
        return R"({"sources":[)" + sources + R"(],"destination":{)" +
               (destination.empty() ? R"("bucket":"out","key":"a.zip")" : destination) + "}}";
    }
    // Fails, naming what it is about, with all the words in its detail.
    void expect_refusal(const std::string& body, const std::string& code, const std::string& about,
                        const std::string& why) {
        SCOPED_TRACE(body);
        const auto job = run(body);
        EXPECT_EQ(text_at(job, "/state"), "failed");
        EXPECT_EQ(text_at(job, "/error/code"), code) << at(job, "/error");
        EXPECT_THAT(text_at(job, "/error/key"), HasSubstr(about));
        EXPECT_THAT(text_at(job, "/error/detail"), AllOf(HasSubstr(about), HasSubstr(why)));
        EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
        EXPECT_TRUE(sim_->open_uploads().empty());
    }
};

TEST_F(AccessTest, ASourceWithoutItsCustomerKey) {
    const std::string lacks = "encrypted with a customer key, which the request lacks";
    const std::string key_b = R"(,"sse_customer_key":")" + kB + "\"}";
    expect_refusal(request(R"({"bucket":"src","prefix":"secret/a"})"), "InvalidRequest",
                   "src/secret/a", lacks);
    expect_refusal(request(R"({"bucket":"src","objects":[{"key":"secret/a"}]})"), "BadRequest",
                   "src/secret/a", lacks);
    expect_refusal(request(R"({"manifest":{"bucket":"src","key":"secret/a"}})"), "BadRequest",
                   "src/secret/a", lacks);
    expect_refusal(request(R"({"bucket":"src","prefix":"secret/a")" + key_b), "AccessDenied",
                   "src/secret/a", "is the customer key of the request its own?");
    expect_refusal(request(R"({"bucket":"src","objects":[{"key":"secret/a"}])" + key_b),
                   "Forbidden", "src/secret/a", "is the customer key of the request its own?");
    expect_refusal(request(R"({"bucket":"src","prefix":"plain/")" + key_b), "InvalidRequest",
                   "src/plain/p", "encrypted with the customer key that the request has?");
}

TEST_F(AccessTest, BucketsOfAnotherOwner) {
    const std::string owner = R"("expected_bucket_owner":"111111111111")";
    const std::string why = "is the bucket's owner 111111111111";
    expect_refusal(request(R"({"bucket":"src",)" + owner + "}"), "AccessDenied", "src", why);
    expect_refusal(request(R"({"bucket":"src","objects":[{"key":"plain/p"}],)" + owner + "}"),
                   "Forbidden", "src/plain/p", why);
    expect_refusal(request(R"({"bucket":"src","prefix":"plain/"})",
                           R"("bucket":"out","key":"a.zip",)" + owner),
                   "AccessDenied", "out/a.zip", why);
    // Of an upload, too.
    ASSERT_TRUE(sim_->put("src", "large", std::string(12 << 20, 'l')));
    expect_refusal(
        request(R"({"bucket":"src","prefix":"large"})", R"("bucket":"out","key":"a.zip",)" + owner),
        "AccessDenied", "out/a.zip", why);
    const auto job = run(request(R"({"bucket":"theirs","expected_bucket_owner":"999999999999"})"));
    expect_archive(job, "a.zip", 1);
}

TEST_F(AccessTest, BucketsWhoseRequestersPay) {
    const std::string why = "must say requester_pays";
    expect_refusal(request(R"({"bucket":"paid"})"), "AccessDenied", "paid", why);
    expect_refusal(request(R"({"bucket":"paid","objects":[{"key":"plain/p"}]})"), "Forbidden",
                   "paid/plain/p", why);
    const std::string source = R"({"bucket":"src","prefix":"plain/"})";
    expect_refusal(request(source, R"("bucket":"paid","key":"a.zip")"), "AccessDenied",
                   "paid/a.zip", why);
    const auto job = run(request(R"({"bucket":"paid","requester_pays":true})",
                                 R"("bucket":"paid","key":"a.zip","requester_pays":true)"));
    EXPECT_EQ(text_at(job, "/state"), "succeeded") << at(job, "/error");

    const auto url = call("GET", "/archives/" + text_at(job, "/id") + "/download");
    EXPECT_EQ(url.status, 307);
    std::string target = url.headers.at("location");
    EXPECT_THAT(target, HasSubstr("x-amz-request-payer=requester"));
    target.erase(0, sim_->endpoint().size());
    const auto get = [&](const std::string& what) {
        TestClient client(sim_->port());
        client.send(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", what,
                                sim_->endpoint().substr(std::string("http://").size())));
        return client.read_response().status;
    };
    EXPECT_EQ(get(target), 200);
    EXPECT_EQ(get(target.replace(target.find("x-amz-request-payer"), 19, "x")), 403)
        << "it is signed";
}

// Two keys for one bucket, and none for a part of it.
TEST_F(AccessTest, SourcesOfOneBucketHaveAccessOfTheirOwn) {
    const auto with = [](const std::string& key) {
        return R"(,"sse_customer_key":")" + key + "\"}";
    };
    const std::string body =
        request(R"({"bucket":"src","prefix":"secret/a")" + with(kA) +
                R"(,{"bucket":"src","prefix":"plain/"})" +
                R"(,{"bucket":"src","objects":[{"key":"secret/b"}])" + with(kB) +
                R"(,{"bucket":"src","objects":[{"key":"secret/a","name":"again"}])" + with(kA));
    const auto job = run(body);
    expect_archive(job, "a.zip", 4);
    const std::string bytes = *sim_->get("out", "a.zip");
    const auto archive = archive::test::read_archive(bytes);
    ASSERT_EQ(archive.entries.size(), 4U);
    EXPECT_EQ(archive.entries[0].data, "secret secret/a");
    EXPECT_EQ(archive.entries[1].data, "plain");
    EXPECT_EQ(archive.entries[2].data, "secret secret/b");
    EXPECT_EQ(archive.entries[3].data, "secret secret/a");
    for (const s3sim::RecordedRequest& seen : sim_->requests()) {
        const bool secret = seen.key.starts_with("secret/");
        EXPECT_EQ(seen.headers.contains(kCustomer + "key"), secret) << seen.operation << seen.key;
    }
}

TEST_F(AccessTest, AnArchiveWithACustomersKeyIsReadWithItOnly) {
    const auto job = run(request(R"({"bucket":"src","prefix":"plain/"})",
                                 R"("bucket":"out","key":"a.zip","sse":{"type":"customer",)"
                                 R"("customer_key":")" +
                                     kA + "\"}"));
    ASSERT_EQ(text_at(job, "/state"), "succeeded") << at(job, "/error");
    const auto download = call("GET", "/archives/" + text_at(job, "/id") + "/download");
    EXPECT_EQ(download.status, 409);
    EXPECT_EQ(text_at(json::parse(download.body), "/type"), "/problems/not-downloadable");
    EXPECT_THAT(download.body, HasSubstr("customer key"));

    const auto verify = [&](const std::string& key) {
        archive::VerifyRequest what{.bucket = "out", .key = "a.zip"};
        if (!key.empty()) {
            what.access.customer_key =
                std::make_shared<const s3client::CustomerKey>(*s3client::CustomerKey::parse(key));
        }
        std::promise<base::Result<archive::VerifyReport>> done;
        engine_->verify(what, {}, [&](auto report) { done.set_value(std::move(report)); });
        return done.get_future().get();
    };
    const auto report = verify(kA);
    ASSERT_TRUE(report) << report.error().detail;
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->entries, 1U);
    EXPECT_THAT(verify("").error().detail, HasSubstr("which the request lacks"));
    EXPECT_EQ(verify(kB).error().http_status, 403);
    s3client::Access with_key;
    with_key.customer_key =
        std::make_shared<s3client::CustomerKey>(*s3client::CustomerKey::parse(kA));
    std::promise<base::Result<std::string>> url;
    adapter_->presign_get({"out", "a.zip", 60, {}, {}, with_key},
                          [&](auto made) { url.set_value(std::move(made)); });
    EXPECT_FALSE(url.get_future().get().has_value());
}

// S3 would refuse it; but a key that came over plain HTTP is no secret any more. Nothing is asked
// of AWS.
TEST_F(AccessTest, ACustomersKeyIsNotSentToAwsInTheClear) {
    api_.reset();
    engine_.reset();
    jobs_.reset();
    start([](archive::EngineConfig& config) {
        config.endpoint_url = "http://s3.us-east-1.amazonaws.com";
    });
    const std::string key = R"("sse_customer_key":")" + kA + "\"}";
    const std::string of_source = request(R"({"bucket":"src",)" + key);
    const std::string of_destination =
        request(R"({"bucket":"src"})", R"("bucket":"out","key":"a.zip","sse":{"type":"customer",)"
                                       R"("customer_key":")" +
                                           kA + "\"}");
    for (const std::string& body : {of_source, of_destination}) {
        const auto job = run(body);
        EXPECT_EQ(text_at(job, "/error/code"), "customer_key_in_the_clear") << at(job, "/error");
        EXPECT_EQ(at(job, "/requests"), "{}");
        EXPECT_EQ(text_at(json::parse(call("POST", "/plans", body).body), "/code"),
                  "customer_key_in_the_clear");
    }
    std::promise<base::Result<archive::VerifyReport>> done;
    engine_->verify({.bucket = "out",
                     .key = "a.zip",
                     .access = {.customer_key = std::make_shared<const s3client::CustomerKey>(
                                    *s3client::CustomerKey::parse(kA))}},
                    {}, [&](auto report) { done.set_value(std::move(report)); });
    EXPECT_EQ(done.get_future().get().error().code, "customer_key_in_the_clear");
}

TEST_F(AccessTest, NobodyIsToldACustomersKey) {
    const std::string raw(32, 'a');
    const auto tells = [&](const std::string& text) {
        return text.contains(kA) || text.contains(raw);
    };
    const std::string body = request(
        R"({"bucket":"src","prefix":"secret/b","sse_customer_key":")" + kA + "\"}",
        R"("bucket":"out","key":"a.zip","sse":{"type":"customer","customer_key":")" + kA + "\"}");
    testing::internal::CaptureStderr();
    base::set_log_level(base::LogLevel::debug);
    const auto posted = call("POST", "/archives", body);
    ASSERT_EQ(posted.status, 202);
    const std::string id = text_at(json::parse(posted.body), "/id");
    const auto job = until_end(id);
    base::set_log_level(base::LogLevel::warn);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr(id));
    EXPECT_FALSE(tells(log));
    EXPECT_EQ(text_at(job, "/state"), "failed");
    EXPECT_FALSE(tells(posted.body));
    EXPECT_FALSE(tells(json::serialize(job)));
    for (const std::string& target : {std::string("/archives"), "/archives/" + id}) {
        const auto answer = call("GET", target);
        EXPECT_FALSE(tells(answer.body));
        EXPECT_THAT(answer.body, HasSubstr(R"x("sse_customer_key":"(set)")x"));
    }
    EXPECT_FALSE(tells(call("POST", "/plans", body).body));
    // Problems with a body that has one.
    for (const std::string& bad :
         {request(R"({"bucket":"src","sse_customer_key":")" + kA + "x\"}"),
          request(R"({"bucket":"src","sse_customer_key":[")" + kA + "\"]}"),
          request(R"({"bucket":"src","sse_key":")" + kA + "\"}"),
          request(R"({"bucket":"src","sse_customer_key":")" + kA + "\"}}")}) {
        const auto problem = call("POST", "/archives", bad);
        EXPECT_GE(problem.status, 400) << bad;
        EXPECT_FALSE(tells(problem.body)) << problem.body;
    }
}

}  // namespace
}  // namespace s3zipd
