// What the tests of survival stand on, by itself: the proxy, the receiver of notifications, the
// reference, and the judge of what S3 saw.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <boost/json.hpp>
#include <string>
#include <thread>

#include "../archive/zip_reading.h"
#include "base/check.h"
#include "daemon_process.h"
#include "delivery_log.h"
#include "kill_scenario.h"
#include "request_log.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"
#include "tls_proxy.h"

namespace s3zipd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Moment = SeenRequest::Moment;

// The daemon checks the certificate, and its bytes arrive as they are.
TEST(TlsProxy, CarriesAnArchive) {
    KillScenario scenario = draw_scenario(1);
    KillJob job;
    job.key = "a.zip";
    job.prefix = "x/";
    for (int i = 0; i < 5; ++i)
        job.objects.push_back(
            {"x/" + std::to_string(i), static_cast<std::size_t>(i) << 20, 7 << 20});
    job.part_size = "5MiB";
    for (const char* io : {"uring", "epoll"}) {
        s3sim::Options options;
        options.buckets = {"src", "out"};
        auto sim = s3sim::Server::start(options);
        ASSERT_TRUE(sim);
        for (const KillObject& object : job.objects) {
            ASSERT_TRUE(
                (*sim)->put("src", object.key, kill_pool().substr(object.offset, object.size)));
        }
        const TempFolder state;
        TlsProxy proxy((*sim)->port());
        DaemonProcess process(
            {"--listen", "127.0.0.1:0", "--memory", "32MiB", "--reactors", "1", "--io", io,
             "--state-dir", state.path()},
            {"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
             "AWS_ENDPOINT_URL_S3=" + proxy.endpoint(), "AWS_CA_BUNDLE=" + proxy.pem_file()});
        TestClient client(process.port());
        const auto posted = client.call("POST", "/archives", job.body(""));
        ASSERT_EQ(posted.status, 202) << posted.body << process.log();
        TestClient watcher(process.port());
        watcher.send(TestClient::request_text("GET", posted.headers.at("location") + "/events"));
        ASSERT_THAT(watcher.read_to_end(), HasSubstr("\"state\":\"succeeded\"")) << process.log();
        EXPECT_TRUE(*(*sim)->get("out", "a.zip") == reference_of(job));
        EXPECT_GT(proxy.open_connections(), 0u);
        process.send(SIGTERM);
        EXPECT_EQ(process.exit_code(), 0);
        proxy.stop();
        EXPECT_EQ(proxy.open_connections(), 0u);
    }
}

TEST(KillScenario, ItsReferencesAreArchivesOfItsObjects) {
    std::size_t checked = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        for (const KillJob& job : draw_scenario(seed).jobs) {
            const std::string reference = reference_of(job);
            const auto read = archive::test::read_archive(reference);
            EXPECT_EQ(read.problem, "");
            ASSERT_EQ(read.entries.size(), job.objects.size());
            for (std::size_t i = 0; i < read.entries.size(); ++i) {
                EXPECT_EQ(read.entries[i].name, job.objects[i].key);
                EXPECT_TRUE(read.entries[i].data ==
                            std::string_view(kill_pool())
                                .substr(job.objects[i].offset, job.objects[i].size));
            }
            ++checked;
        }
    }
    EXPECT_GT(checked, 5u);
    EXPECT_EQ(draw_scenario(7).jobs.front().body("u"), draw_scenario(7).jobs.front().body("u"));
}

TEST(DeliveryLog, RemembersWhatItAnswered) {
    std::vector<std::string> told;
    DeliveryLog log(
        {.fail_first = 1, .on_delivery = [&](const std::string& job) { told.push_back(job); }});
    const auto deliver = [&](const std::string& job, const std::string& body) {
        const std::string url = log.url("");
        TestClient client(static_cast<std::uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)));
        const std::string text = "POST /x HTTP/1.1\r\ns3zipd-delivery: " + job +
                                 "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
                                 body;
        client.send(text);
        return client.read_response().status;
    };
    EXPECT_EQ(deliver("1", "first"), 503);
    EXPECT_EQ(deliver("1", std::string(100'000, 'b')), 204);
    EXPECT_EQ(deliver("2", "other"), 503);
    ASSERT_EQ(log.of("1").size(), 2u);
    EXPECT_EQ(log.of("1")[0].answer, 503);
    EXPECT_EQ(log.of("1")[1].request.body.size(), 100'000u);
    EXPECT_EQ(log.of("2")[0].target(), "/x");
    EXPECT_THAT(log.of("3"), IsEmpty());
    EXPECT_THAT(told, ElementsAre("1", "1", "2"));
}

SeenRequest came(unsigned life, const char* operation, int part = 0, const char* upload = "u") {
    return {
        .operation = operation, .key = "k", .upload_id = upload, .part_number = part, .life = life};
}
SeenRequest done(unsigned life, const char* operation, int part = 0, const char* upload = "u") {
    SeenRequest request = came(life, operation, part, upload);
    request.moment = Moment::executed;
    request.status = 200;
    return request;
}

TEST(RequestLog, APartThatWasKnownIsNotToBeSentAgain) {
    std::vector<SeenRequest> seen = {came(1, "UploadPart", 1), done(1, "UploadPart", 1),
                                     came(1, "UploadPart", 2), came(2, "ListParts"),
                                     done(2, "ListParts"),     came(2, "UploadPart", 2)};
    EXPECT_THAT(broken_upload_promises(seen), IsEmpty());
    seen.push_back(came(2, "UploadPart", 1));
    EXPECT_THAT(broken_upload_promises(seen), ElementsAre(HasSubstr("part 1 of upload u")));
    seen.back().in_doubt = true;
    EXPECT_THAT(broken_upload_promises(seen), IsEmpty());
    // A part that came in after the question was not known.
    seen = {came(1, "UploadPart", 1), came(2, "ListParts"), done(1, "UploadPart", 1),
            came(2, "UploadPart", 1)};
    EXPECT_THAT(broken_upload_promises(seen), IsEmpty());
}

TEST(RequestLog, WhoSendsMorePartsHasAsked) {
    EXPECT_THAT(broken_upload_promises({came(1, "UploadPart", 1), came(2, "UploadPart", 2)}),
                ElementsAre(HasSubstr("without asking")));
}

TEST(RequestLog, OneUploadAndOneEndForAKey) {
    EXPECT_THAT(
        broken_upload_promises({came(1, "UploadPart", 1), done(2, "CreateMultipartUpload", 0, "v"),
                                came(2, "AbortMultipartUpload", 0, "v")}),
        IsEmpty());
    EXPECT_THAT(broken_upload_promises({came(1, "UploadPart", 1), came(2, "UploadPart", 1, "v")}),
                ElementsAre(HasSubstr("2 uploads")));
    EXPECT_THAT(
        broken_upload_promises({came(1, "UploadPart", 1), done(1, "CompleteMultipartUpload"),
                                done(2, "PutObject", 0, "")}),
        ElementsAre(HasSubstr("completed 1 times and put 1")));
    const Written written =
        written_to({done(1, "PutObject", 0, ""), came(1, "PutObject", 0, "")}, "k");
    EXPECT_EQ(written.puts, 1u);
    EXPECT_EQ(written.completes, 0u);
}

}  // namespace
}  // namespace s3zipd
