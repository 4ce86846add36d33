// What the API does with clients that are slow, greedy, many, or do not speak HTTP; and how it
// stops.
#include <future>
#include <thread>
#include <vector>

#include "api_fixture.h"
#include "base/random.h"
#include "daemon/openapi.h"

namespace s3zipd {
namespace {

using namespace std::chrono_literals;

TEST_F(ApiTest, KeepsConnectionsAlive) {
    start();
    TestClient client(port_);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.call("GET", "/healthz").status, 200);
    EXPECT_EQ(client.call("POST", "/archives", kGoodBody).status, 202);
    EXPECT_EQ(client.call("GET", "/nowhere").status, 404);
    EXPECT_EQ(client.call("GET", "/healthz").status, 200);
    const auto last = client.call("GET", "/healthz", "", "Connection: close\r\n");
    EXPECT_EQ(last.headers.at("connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ApiTest, AnswersPipelinedRequestsInOrder) {
    start();
    TestClient client(port_);
    std::string all = TestClient::request_text("GET", "/healthz") +
                      TestClient::request_text("POST", "/archives", kGoodBody) +
                      TestClient::request_text("GET", "/nowhere") +
                      TestClient::request_text("GET", "/readyz");
    client.send(all);
    EXPECT_EQ(client.read_response().body, R"({"status":"ok"})");
    EXPECT_EQ(client.read_response().status, 202);
    EXPECT_EQ(client.read_response().status, 404);
    EXPECT_EQ(client.read_response().body, R"({"status":"ready"})");
}

// To close with something unread is to reset, which takes with it what has been written.
TEST_F(ApiTest, AnswersArriveThoughMoreWasSent) {
    start({.linger_timeout = 100ms});
    const std::string request = TestClient::request_text("GET", "/openapi.json");
    std::string all;
    for (int i = 0; i < 4; ++i) all += request;
    all += TestClient::request_text("GET", "/openapi.json", "", "Connection: close\r\n");
    for (int i = 0; i < 1'500; ++i) all += request;
    TestClient client(port_);
    client.send(all);
    EXPECT_EQ(client.read_response().body.size(), kOpenApi.size());
    // Until the daemon has closed no more is read, so most is still on its way.
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (api_->state().connections != 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.read_response().body.size(), kOpenApi.size());
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ApiTest, TakesARequestByteByByte) {
    start();
    TestClient client(port_);
    for (const char c : TestClient::request_text("POST", "/archives", kGoodBody)) {
        ASSERT_TRUE(client.send(std::string_view(&c, 1)));
    }
    EXPECT_EQ(client.read_response().status, 202);
}

TEST_F(ApiTest, ChunkedBodies) {
    start();
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    client.send(chunk(kGoodBody.substr(0, 10)) + chunk(kGoodBody.substr(10)) + "0\r\n\r\n");
    EXPECT_EQ(client.read_response().status, 202);
    EXPECT_EQ(client.call("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, Expect100Continue) {
    start();
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: "
        "100-continue\r\n"
        "Content-Length: " +
        std::to_string(kGoodBody.size()) + "\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(kGoodBody);
    EXPECT_EQ(client.read_response().status, 202);
}

TEST_F(ApiTest, ABodyOverTheBoundIsRefusedByItsLength) {
    start();
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 16777217\r\n\r\n{");
    const auto response = client.read_response();
    expect_problem(response, 413, "body-too-large");
    EXPECT_EQ(response.headers.at("connection"), "close");
}

TEST_F(ApiTest, ABodyOfTheBoundIsRead) {
    start();
    std::string body = kGoodBody;
    body.insert(1, std::string(16'777'216 - body.size(), ' '));
    EXPECT_EQ(call("POST", "/archives", body).status, 202);
    // One more, all of it sent, and the answer still arrives.
    body.insert(1, " ");
    expect_problem(call("POST", "/archives", body), 413, "body-too-large");
}

TEST_F(ApiTest, AChunkedBodyOverTheBoundIsCutOff) {
    ApiLimits limits;
    limits.body_bytes_max = 1000;
    start(limits);
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    client.send(chunk(std::string(600, ' ')) + chunk(std::string(600, ' ')));
    expect_problem(client.read_response(), 413, "body-too-large");
}

TEST_F(ApiTest, BodiesTogetherAreBounded) {
    ApiLimits limits;
    limits.bodies_bytes_max = 150'000;
    start(limits);
    const std::string large = kGoodBody + std::string(100'000 - kGoodBody.size(), ' ');
    const std::string text = TestClient::request_text("POST", "/archives", large);
    TestClient first(port_);
    // The server says 100 once it has made room for the body.
    first.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: "
        "100-continue\r\n"
        "Content-Length: 100000\r\n\r\n");
    first.read_until("\r\n\r\n");
    const auto refused = call("POST", "/archives", large);
    expect_problem(refused, 503, "overloaded");
    EXPECT_EQ(call("POST", "/archives", kGoodBody).status, 202);  // small ones are not counted
    first.send(large);
    EXPECT_EQ(first.read_response().status, 202);
    EXPECT_EQ(call("POST", "/archives", large).status, 202);
    EXPECT_EQ(api_->state().bodies_bytes.load(), 0u);
}

TEST_F(ApiTest, WhatIsNotHttp) {
    start();
    for (const char* text :
         {"hello\r\n\r\n", "GET / HTTP/9.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
          "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
        TestClient client(port_);
        client.send(text);
        expect_problem(client.read_response(), 400, "bad-http");
    }
    TestClient silent(port_);
    silent.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8));  // a TLS client
    expect_problem(silent.read_response(), 400, "bad-http");
}

// Somebody before us may see another end of it: what follows is no request and has no answer.
TEST_F(ApiTest, WhereARequestEndsIsNeverGuessed) {
    start();
    for (const char* framing :
         {"Transfer-Encoding: identity", "Transfer-Encoding: xchunked",
          "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: gzip, chunked",
          "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", "Transfer-Encoding: ",
          "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5, 6"}) {
        TestClient client(port_);
        client.send(std::string("POST /plans HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\n") +
                    framing + "\r\n\r\n" + chunk("hello") + "0\r\n\r\n" +
                    TestClient::request_text("GET", "/version"));
        expect_problem(client.read_response(), 400, "bad-http");
        EXPECT_EQ(client.read_response().status, 0) << framing;
    }
    TestClient old(port_);  // HTTP/1.0 has no chunks
    old.send("POST /plans HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect_problem(old.read_response(), 400, "bad-http");
}

// Requests with a few bytes changed, taken out or put in: each is answered or cut, none hurts.
TEST_F(ApiTest, MangledRequestsDoNotHurt) {
    start();
    const std::string good = TestClient::request_text("POST", "/archives?x=%41", kGoodBody) +
                             TestClient::request_text("GET", "/archives?limit=3");
    base::Random random(42);
    for (int i = 0; i < 500; ++i) {
        std::string text = good;
        for (std::uint64_t changes = 1 + random.below(6); changes > 0; --changes) {
            const auto at = static_cast<std::size_t>(random.below(text.size()));
            const auto byte = static_cast<char>(random.below(256));
            switch (random.below(3)) {
                case 0: text[at] = byte; break;
                case 1: text.erase(at, 1); break;
                default: text.insert(at, 1, byte); break;
            }
        }
        TestClient client(port_);
        client.send(text);
        client.finish_sending();
        client.read_to_end();
    }
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    EXPECT_EQ(api_->state().bodies_bytes.load(), 0u);
}

TEST_F(ApiTest, LongHeadersAndTargets) {
    start();
    expect_problem(call("GET", "/healthz", "", "X: " + std::string(20'000, 'x') + "\r\n"), 431,
                   "headers-too-large");
    expect_problem(call("GET", "/" + std::string(5'000, 'x')), 414, "target-too-long");
}

TEST_F(ApiTest, ASlowHeadIsCut) {
    ApiLimits limits;
    limits.header_timeout = 20ms;
    start(limits);
    TestClient client(port_);
    client.send("GET /healthz HTT");
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ApiTest, ASlowBodyIsCut) {
    ApiLimits limits;
    limits.body_timeout = 20ms;
    start(limits);
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nContent-Length: "
        "9\r\n\r\n{");
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_EQ(api_->state().bodies_bytes.load(), 0u);
}

TEST_F(ApiTest, AnIdleConnectionIsClosed) {
    ApiLimits limits;
    limits.idle_timeout = 20ms;
    start(limits);
    TestClient client(port_);
    EXPECT_EQ(client.call("GET", "/healthz").status, 200);
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ApiTest, AClientThatDoesNotReadIsCut) {
    ApiLimits limits;
    limits.write_timeout = 20ms;
    start(limits);
    TestClient client(port_);
    // Asks for more than the sockets hold, and reads nothing until the server has given up.
    std::string requests;
    for (int i = 0; i < 20'000; ++i) requests += TestClient::request_text("GET", "/openapi.json");
    client.send(requests);  // fails when the server closes
    while (api_->state().connections.load() != 0) std::this_thread::yield();
    EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, ConnectionsAreBounded) {
    ApiLimits limits;
    limits.connections_max = 2;
    start(limits);
    const std::string watch = TestClient::request_text("GET", "/archives/" + post() + "/events");
    TestClient first(port_);
    first.send(watch);
    first.read_until("\n\n");
    {
        TestClient second(port_);
        second.send(watch);
        second.read_until("\n\n");
        // Both are answered: nobody may be put out.
        TestClient third(port_);
        const auto response = third.call("GET", "/healthz");
        expect_problem(response, 503, "overloaded");
        EXPECT_EQ(third.read_to_end(), "");
        engine_.next().succeed(simple_result());
        second.read_to_end();
    }
    while (api_->state().connections.load() != 0) std::this_thread::yield();
    EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, AnIdleConnectionMakesRoom) {
    ApiLimits limits;
    limits.connections_max = 2;
    start(limits);
    TestClient first(port_), second(port_);
    EXPECT_EQ(first.call("GET", "/healthz").status, 200);
    EXPECT_EQ(second.call("GET", "/healthz").status, 200);
    TestClient third(port_);
    EXPECT_EQ(third.call("GET", "/healthz").status, 200);
    EXPECT_EQ(api_->state().connections_put_out.load(), 1u);
    // Which of the two has gone is a matter of threads; api_places_test.cc has the order.
    const int alive = (first.call("GET", "/healthz").status == 200 ? 1 : 0) +
                      (second.call("GET", "/healthz").status == 200 ? 1 : 0);
    EXPECT_EQ(alive, 1);
}

// Who begins a request that needs no token, and never ends it, keeps nobody out.
TEST_F(ApiTest, StrangersWithBodiesOfTheirOwnPutOutEachOther) {
    access_.replace({}, config::Sha256Digest{});
    ApiLimits limits;
    limits.strangers_max = 3;
    start(limits);
    std::vector<std::unique_ptr<TestClient>> slow;
    for (int i = 0; i < 20; ++i) {
        slow.push_back(std::make_unique<TestClient>(port_));
        slow.back()->send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n");
    }
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    EXPECT_EQ(call("GET", "/archives").status, 401);
}

// Who connects and says nothing, or never all of it, has few places; others get in.
TEST_F(ApiTest, StrangersPutOutEachOther) {
    ApiLimits limits;
    limits.strangers_max = 3;
    start(limits);
    TestClient known(port_);
    EXPECT_EQ(known.call("GET", "/healthz").status, 200);
    std::vector<std::unique_ptr<TestClient>> silent;
    for (int i = 0; i < 50; ++i) {
        silent.push_back(std::make_unique<TestClient>(port_));
        silent.back()->send("GET /healthz HTT");
    }
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    EXPECT_EQ(known.call("GET", "/healthz").status, 200);
    EXPECT_EQ(silent.front()->read_to_end(), "");
    while (api_->state().connections_put_out.load() < 47) std::this_thread::yield();
    EXPECT_LE(api_->state().connections.load(), 5u);
}

// Who asks and does not read the answers has no better place than who says nothing.
TEST_F(ApiTest, ThoseWhoDoNotReadMakeRoom) {
    ApiLimits limits;
    limits.connections_max = 3;
    start(limits);
    const std::string request = TestClient::request_text("GET", "/openapi.json");
    std::vector<std::unique_ptr<TestClient>> greedy;
    for (int i = 0; i < 3; ++i) {
        greedy.push_back(std::make_unique<TestClient>(port_));
        greedy.back()->fill(request);
    }
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    EXPECT_EQ(api_->state().connections_put_out.load(), 1u);
}

// Left alone, the kernel would take megabytes of them: more than a hundred.
TEST_F(ApiTest, FewAnswersAreMadeForThoseWhoDoNotRead) {
    start();
    TestClient greedy(port_);
    greedy.fill(TestClient::request_text("GET", "/openapi.json"));
    EXPECT_LE(api_->state().answers[200].load(), 40u);
}

TEST_F(ApiTest, StrangersWhoDoNotReadMakeRoom) {
    access_.replace({}, config::Sha256Digest{});
    ApiLimits limits;
    limits.strangers_max = 3;
    start(limits);
    const std::string request = TestClient::request_text("GET", "/openapi.json");
    std::vector<std::unique_ptr<TestClient>> greedy;
    for (int i = 0; i < 3; ++i) {
        greedy.push_back(std::make_unique<TestClient>(port_));
        greedy.back()->fill(request);
    }
    EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, PlansAreBoundedAndTimed) {
    ApiLimits limits;
    limits.plans_max = 1;
    limits.plan_timeout = 20ms;
    start(limits);
    expect_problem(call("POST", "/plans", kGoodBody), 504, "plan-timed-out");
    const auto refused = call("POST", "/plans", kGoodBody);  // the engine is still at it
    expect_problem(refused, 429, "too-many-plans");
    EXPECT_EQ(refused.headers.at("retry-after"), "5");
    engine_.next_plan()(archive::PlanSummary{});
    EXPECT_EQ(api_->state().plans.load(), 0u);
    expect_problem(call("POST", "/plans", kGoodBody), 504, "plan-timed-out");
}

TEST_F(ApiTest, ManyClientsAtOnce) {
    start();
    std::vector<std::thread> threads;
    std::atomic<int> accepted{0};
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            TestClient client(port_);
            for (int i = 0; i < 25; ++i) {
                accepted += client.call("POST", "/archives", kGoodBody).status == 202 ? 1 : 0;
                client.call("GET", "/archives?limit=5");
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(accepted.load(), 200);
    EXPECT_EQ(json_of(call("GET", "/archives?limit=1000")).at("archives").as_array().size(), 200u);
}

// --- stopping

TEST_F(ApiTest, StoppingSaysSoAndCloses) {
    start();
    TestClient client(port_);
    EXPECT_EQ(client.call("GET", "/readyz").status, 200);
    api_->stop_accepting();
    EXPECT_TRUE(jobs_->drain(20s));
    const auto response = client.call("GET", "/readyz");
    expect_problem(response, 503, "stopping");
    EXPECT_EQ(response.headers.at("connection"), "close");
}

TEST_F(ApiTest, WhoHasJustConnectedIsAnsweredBeforeTheServerStops) {
    start();
    TestClient client(port_);
    while (api_->state().connections == 0) std::this_thread::yield();
    auto stopped = std::async(std::launch::async, [&] { api_->stop(20s); });
    while (!api_->state().stopping) std::this_thread::yield();
    EXPECT_EQ(client.call("GET", "/healthz").status, 200);
    stopped.get();
}

TEST_F(ApiTest, AnEventStreamSeesTheEndBeforeTheServerStops) {
    start();
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + post() + "/events"));
    client.read_until("\n\n");
    const auto started = engine_.next();
    api_->stop_accepting();
    auto stopped = std::async(std::launch::async, [&] { return jobs_->drain(20s); });
    started.succeed(simple_result());
    EXPECT_TRUE(stopped.get());
    api_->stop(20s);
    EXPECT_THAT(client.read_to_end(), testing::HasSubstr("event: state\n"));
}

TEST_F(ApiTest, ItStopsWithOpenConnectionsStreamsAndPlans) {
    start();
    TestClient idle(port_), stream(port_), plan(port_);
    EXPECT_EQ(idle.call("GET", "/healthz").status, 200);
    stream.send(TestClient::request_text("GET", "/archives/" + post() + "/events"));
    stream.read_until("\n\n");
    plan.send(TestClient::request_text("POST", "/plans", kGoodBody));
    const auto late = engine_.next_plan();
    api_->stop(1ms);
    api_.reset();
    late(archive::PlanSummary{});  // nobody is there any more
    engine_.next().succeed(simple_result());
    jobs_.reset();
    EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(ApiTest, APortThatIsTakenIsAnError) {
    start();
    const auto second =
        ApiServer::listen({.listen = {{"127.0.0.1", port_, {}}}}, *jobs_, engine_, access_);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().detail, testing::HasSubstr("127.0.0.1:" + std::to_string(port_)));
    EXPECT_FALSE(
        ApiServer::listen({.listen = {{"::g", 0, {}}}}, *jobs_, engine_, access_).has_value());
}

}  // namespace
}  // namespace s3zipd
