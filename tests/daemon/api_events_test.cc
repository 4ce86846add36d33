// GET /archives/{id}/events.
#include <thread>
#include <vector>

#include "api_fixture.h"

namespace s3zipd {
namespace {

using archive::JobState;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST_F(ApiTest, EventsOfAnEndedJobAreOneState) {
    start();
    const std::string id = post();
    until_end(id, [&] { engine_.next().succeed(simple_result()); });
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
    const auto head = client.read_response();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-type"), "text/event-stream");
    EXPECT_EQ(head.headers.at("connection"), "close");
    const std::string rest = client.read_to_end();
    EXPECT_THAT(rest, testing::StartsWith("event: state\ndata: {\"id\":\"" + id +
                                          "\",\"state\":\"succeeded\""));
    EXPECT_THAT(rest, testing::EndsWith("}\n\n"));
    EXPECT_EQ(rest.find("event:", 1), std::string::npos);
}

TEST_F(ApiTest, EventsFollowAJobToItsEnd) {
    ApiLimits limits;
    limits.event_interval = std::chrono::seconds(30);  // so that only the end can wake it
    start(limits);
    const std::string id = post();
    const auto started = engine_.next();
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
    EXPECT_EQ(client.read_response().status, 200);
    EXPECT_THAT(client.read_until("\n\n"),
                testing::StartsWith("event: progress\ndata: {\"id\":\"" + id));
    started.fail({base::ErrorKind::denied, "AccessDenied", "no", 403, "", "photos"});
    const std::string last = client.read_to_end();
    EXPECT_THAT(last, HasSubstr("event: state\n"));
    EXPECT_THAT(last, HasSubstr("AccessDenied"));
}

TEST_F(ApiTest, EventsComeAtMostSoOften) {
    ApiLimits limits;
    limits.event_interval = std::chrono::milliseconds(50);
    start(limits);
    const std::string id = post();
    const auto started = engine_.next();
    started.enter(JobState::running);
    started.job->bytes_total = 1'000'000;
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
    client.read_until("\r\n\r\n");
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) {
        EXPECT_THAT(client.read_until("\n\n"), testing::StartsWith("event: progress\n"));
        started.job->bytes_done.fetch_add(1000);
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(4 * 50 - 50));
    started.succeed(simple_result());
    EXPECT_THAT(client.read_to_end(), HasSubstr("event: state\n"));
}

TEST_F(ApiTest, QuietEventStreamsHaveAHeartbeat) {
    ApiLimits limits;
    limits.event_interval = std::chrono::milliseconds(1);
    limits.event_heartbeat = std::chrono::milliseconds(2);
    start(limits);
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + post() + "/events"));
    client.read_until("\r\n\r\n");
    EXPECT_THAT(client.read_until("\n\n"), testing::StartsWith("event: progress\n"));
    EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
}

TEST_F(ApiTest, EventStreamsAreBounded) {
    ApiLimits limits;
    limits.event_streams_max = 1;
    start(limits);
    const std::string target = "/archives/" + post() + "/events";
    TestClient first(port_);
    first.send(TestClient::request_text("GET", target));
    first.read_until("\r\n\r\n");
    const auto refused = call("GET", target);
    expect_problem(refused, 503, "overloaded");
    EXPECT_EQ(refused.headers.at("retry-after"), "5");
    engine_.next().succeed(simple_result());
    first.read_to_end();
}

}  // namespace
}  // namespace s3zipd
