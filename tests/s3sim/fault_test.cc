#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>

#include "client.h"
#include "s3sim/faults.h"

namespace s3sim::test {
namespace {

TEST(FaultPlan, When) {
    FaultPlan plan;
    ASSERT_TRUE(plan.set(
        "UploadPart nth=2,4 status=500; GetObject every=3 times=1 status=503\n# a comment\n"
        "UploadPart part=7 status=412; * key=bad stall"));
    const auto fires = [&](std::string_view operation, std::string_view key = "k",
                           std::string_view part = "1") {
        const auto fault = plan.next({operation, key, part});
        return fault ? static_cast<int>(fault->number) : -1;
    };
    EXPECT_EQ(fires("UploadPart"), -1);
    EXPECT_EQ(fires("UploadPart"), 500);
    EXPECT_EQ(fires("UploadPart", "k", "7"), 412);
    EXPECT_EQ(fires("UploadPart"), 500);
    std::vector<int> gets;
    for (int i = 0; i < 6; ++i) gets.push_back(fires("GetObject"));
    EXPECT_EQ(gets, (std::vector<int>{-1, -1, 503, -1, -1, -1}));
    EXPECT_EQ(plan.next({"ListParts", "a/bad/key", ""})->kind, FaultKind::stall);
    EXPECT_EQ(plan.fired(), 5U);
    plan.reset_counts();
    EXPECT_EQ(fires("UploadPart"), -1);
    EXPECT_EQ(fires("UploadPart"), 500);
}

TEST(FaultPlan, AnUploadStaysOpenOnlyWhenItIsAborted) {
    FaultPlan plan;
    ASSERT_TRUE(plan.set("* times=1 stays-open"));
    EXPECT_FALSE(plan.next({"ListParts", "k", ""}));
    EXPECT_EQ(plan.next({"AbortMultipartUpload", "k", ""})->kind, FaultKind::stays_open);
    EXPECT_FALSE(plan.next({"AbortMultipartUpload", "k", ""}));
}

TEST(FaultPlan, FromOnePlaceOn) {
    FaultPlan plan;
    ASSERT_TRUE(plan.set("* from=3 times=3 stall"));
    std::string fired;
    for (int i = 0; i < 7; ++i) fired += plan.next({"GetObject", "k", ""}) ? 'x' : '.';
    EXPECT_EQ(fired, "..xxx..");
}

TEST(FaultPlan, Refusals) {
    FaultPlan plan;
    for (const char* text : {"GetObject",
                             "Nonsense stall",
                             "GetObject status",
                             "GetObject status=99",
                             "GetObject nth=0 stall",
                             "GetObject from=0 stall",
                             "GetObject stall reset",
                             "GetObject wibble",
                             "GetObject reset-after=x",
                             "GetObject reset=5",
                             "AbortMultipartUpload stays-open=1",
                             "GetObject nth= stall",
                             "GetObject drip=0",
                             "GetObject delay=99999999999999999",
                             "GetObject redirect",
                             "GetObject redirect=r,302",
                             "GetObject skew=",
                             "GetObject skew=1h",
                             "GetObject expired-token=401",
                             "GetObject garbage-headers=even",
                             "GetObject continue=0",
                             "GetObject chunked=2",
                             "GetObject double=last",
                             "GetObject double=-1",
                             "GetObject late=1ms",
                             "PutObject early=closed",
                             "PutObject early=close,stored",
                             "GetObject swap=1",
                             "GetObject tail=lf",
                             "GetObject cut",
                             "GetObject cut=next",
                             "GetObject continue=101",
                             "seed=1",
                             "rate=2",
                             "rate=-1",
                             "rate=0.5x",
                             "seed=x rate=1",
                             "rate=1 kinds=",
                             "rate=1 kinds=reset,nonsense",
                             "rate=1 kinds=redirect",
                             "rate=1 kinds=reset stall",
                             "* kinds=reset",
                             "GetObject long-headers=1000000000"}) {
        EXPECT_FALSE(plan.set(text)) << text;
    }
}

TEST(FaultPlan, ACommentMayHoldASemicolon) {
    FaultPlan plan;
    ASSERT_TRUE(plan.set("# first; not a rule\nGetObject stall # nor; this\nPutObject reset"));
    EXPECT_EQ(plan.next({"GetObject", "k", ""})->kind, FaultKind::stall);
    EXPECT_EQ(plan.next({"PutObject", "k", ""})->kind, FaultKind::reset);
}

class FaultTest : public ServerTest {
  protected:
    void SetUp() override {
        start();
        ASSERT_TRUE(server->put("bkt", "k", std::string(100'000, 'x')));
    }
    Answer get() { return client->call("GET", "/bkt/k"); }
    void plan(std::string_view text) {
        const auto set = server->set_faults(text);
        ASSERT_TRUE(set) << set.error().to_string();
    }
};

TEST_F(FaultTest, Statuses) {
    plan(
        "GetObject nth=1 status=503; GetObject nth=2 status=500 no-body; GetObject nth=3 "
        "status=412");
    Answer answer = get();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.code(), "SlowDown");
    answer = get();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(get().code(), "PreconditionFailed");
    EXPECT_EQ(get().status, 200);
    EXPECT_EQ(server->stats().faults_fired, 3U);
    EXPECT_EQ(server->stats().answers.at("GetObject 503"), 1U);
}

TEST_F(FaultTest, ResetsAndShortBodies) {
    for (const char* action : {"reset", "reset-early", "lost-answer"}) {
        plan(fmt::format("GetObject nth=1 {}", action));
        EXPECT_EQ(get().status, 0) << action;
        EXPECT_EQ(get().status, 200) << action;
    }
    for (const char* action : {"reset-after=5000", "short=5000"}) {
        plan(fmt::format("GetObject nth=1 {}", action));
        const Answer answer = get();
        EXPECT_TRUE(answer.cut || answer.status == 0) << action;  // a reset may take the head along
        EXPECT_LE(answer.body.size(), 5000U);
        EXPECT_EQ(get().body.size(), 100'000U);
    }
}

TEST_F(FaultTest, AResetIsNotExecutedALostAnswerIs) {
    plan("PutObject key=first reset; PutObject key=second lost-answer");
    EXPECT_EQ(client->call("PUT", "/bkt/first", {}, "v").status, 0);
    EXPECT_EQ(client->call("PUT", "/bkt/second", {}, "v").status, 0);
    EXPECT_FALSE(server->get("bkt", "first"));
    EXPECT_TRUE(server->get("bkt", "second"));
}

TEST_F(FaultTest, ErrorIn200) {
    const std::string id = create("z");
    const std::string etag =
        client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + id, "v").headers.at("etag");
    plan("CompleteMultipartUpload nth=1 error200=InternalError");
    const std::string xml = complete_xml({part_xml(1, etag)});
    const Answer answer = client->call("POST", "/bkt/z", "uploadId=" + id, xml);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.code(), "InternalError");
    EXPECT_EQ(server->open_uploads().size(), 1U);
    EXPECT_EQ(client->call("POST", "/bkt/z", "uploadId=" + id, xml).status, 200);
    EXPECT_EQ(server->open_uploads().size(), 0U);
}

TEST_F(FaultTest, CloseIsNotAnnounced) {
    plan("GetObject nth=1 close");
    const Answer answer = get();
    EXPECT_EQ(answer.body.size(), 100'000U);
    EXPECT_FALSE(answer.headers.contains("connection"));
    EXPECT_EQ(client->receive().status, 0);  // nothing but the end comes
}

TEST_F(FaultTest, AStallHoldsOnlyItsOwnConnection) {
    plan("GetObject nth=1 stall; GetObject nth=2 stall-after=10");
    Client first(server->port());
    Client second(server->port());
    const auto send = [&](Client& on) {
        // Any request will do: the fault comes before the signature.
        return on.send_raw("GET /bkt/k HTTP/1.1\r\nHost: h\r\n\r\n");
    };
    ASSERT_TRUE(send(first));
    while (server->stats().faults_fired < 1) std::this_thread::yield();
    ASSERT_TRUE(send(second));
    while (server->stats().faults_fired < 2) std::this_thread::yield();
    EXPECT_EQ(get().status, 200);
    server->stop();
    EXPECT_EQ(first.receive().status, 0);
    EXPECT_TRUE(second.receive().cut);
}

TEST_F(FaultTest, OverTheControlEndpoint) {
    const auto post = [&](std::string_view what, std::string_view body) {
        client->send_raw(
            fmt::format("POST /_s3sim/{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", what,
                        body.size(), body));
        return client->receive();
    };
    EXPECT_EQ(post("faults", "GetObject status=500").status, 200);
    EXPECT_EQ(get().status, 500);
    EXPECT_EQ(post("faults", "nonsense").status, 400);
    EXPECT_EQ(get().status, 500);  // a bad plan changes nothing
    EXPECT_EQ(post("faults", "").status, 200);
    EXPECT_EQ(get().status, 200);
    ASSERT_TRUE(client->send_raw("GET /_s3sim/stats HTTP/1.1\r\nHost: h\r\n\r\n"));
    const Answer stats = client->receive();
    EXPECT_NE(stats.body.find("\"GetObject 500\":2"), std::string::npos) << stats.body;
    EXPECT_EQ(post("reset-stats", "").status, 200);
    EXPECT_EQ(server->stats().count("GetObject"), 0U);
}

}  // namespace
}  // namespace s3sim::test
