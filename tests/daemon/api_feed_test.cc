// GET /events: the stream of all jobs.
#include <fmt/format.h>
#include <algorithm>

#include "api_fixture.h"
#include "base/bytes.h"
#include "config/tokens.h"
#include "s3client/sigv4.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Event {
    std::string name;
    boost::json::value data;
};

class FeedTest : public ApiTest {
  protected:
    // Fast, and with an overview only at the start, so that what comes is what a test causes.
    static ApiLimits fast() {
        ApiLimits limits;
        limits.feed_interval = std::chrono::milliseconds(5);
        limits.overview_interval = std::chrono::milliseconds(20);
        return limits;
    }
    static std::string watch_text(const std::string& token = {}) {
        return TestClient::request_text(
            "GET", "/events", {}, token.empty() ? "" : "Authorization: Bearer " + token + "\r\n");
    }
    static void begin(TestClient& client, const std::string& token = {}) {
        client.send(watch_text(token));
        EXPECT_EQ(client.read_response().status, 200);
    }
    // The next event; comments are none.
    static Event next(TestClient& client) {
        std::string text = client.read_until("\n\n");
        while (text == ":\n\n") text = client.read_until("\n\n");
        const std::size_t end_of_name = text.find('\n');
        if (!text.starts_with("event: ") || end_of_name == std::string::npos) return {};
        const std::size_t data = end_of_name + 7;
        return {text.substr(7, end_of_name - 7),
                boost::json::parse(text.substr(data, text.size() - data - 2))};
    }
    static Event next(TestClient& client, const std::string& name) {
        for (;;) {
            Event event = next(client);
            if (event.name == name || event.name.empty()) return event;
        }
    }
    // The next event of a job in this state.
    static Event next_in(TestClient& client, const std::string& id, const std::string& state) {
        for (;;) {
            Event event = next(client, "archive");
            if (event.name.empty()) return event;
            if (at(event.data, "/id") == '"' + id + '"' &&
                at(event.data, "/state") == '"' + state + '"')
                return event;
        }
    }
    static std::string body(const std::string& key) {
        return fmt::format(R"({{"source":{{"bucket":"photos","prefix":""}},)"
                           R"("destination":{{"bucket":"out","key":"{}"}}}})",
                           key);
    }
};

TEST_F(FeedTest, BeginsWithWhatThereIsAndTellsWhatBecomesOfIt) {
    start(fast());
    const std::string older = post(body("older.zip"));
    const std::string newer = post(body("newer.zip"));
    const auto started = engine_.next();
    TestClient client(port_);
    begin(client);
    EXPECT_EQ(next(client).name, "history");
    EXPECT_EQ(at(next(client).data, "/id"), '"' + newer + '"');
    EXPECT_EQ(at(next(client).data, "/id"), '"' + older + '"');

    started.enter(archive::JobState::running);
    EXPECT_EQ(next_in(client, older, "running").name, "archive");
    started.job->bytes_total = 1000;
    started.job->bytes_done = 400;
    while (at(next_in(client, older, "running").data, "/progress/bytes_done") != "400") {
    }
    started.succeed(simple_result());
    const Event last = next_in(client, older, "succeeded");
    EXPECT_EQ(at(last.data, "/result/size"), "1234");
    // One that comes while it is watched, and ends before it starts.
    const std::string third = post(body("third.zip"));
    EXPECT_EQ(next_in(client, third, "queued").name, "archive");
    call("DELETE", "/archives/" + third);
    engine_.next();
    engine_.next().end_cancelled();
    EXPECT_EQ(next_in(client, third, "cancelled").name, "archive");
}

TEST_F(FeedTest, BeginsWithTheNewestHundred) {
    start(fast());
    std::string first;
    for (int i = 0; i < 130; ++i) {
        const std::string id = post(body(fmt::format("{}.zip", i)));
        if (i == 30) first = id;
    }
    // None of them changes while it is watched.
    TestClient client(port_);
    begin(client);
    EXPECT_EQ(next(client).name, "history");
    std::string id;
    for (std::size_t i = 0; i < config::kApiFeedJobsAtStart; ++i)
        id = at(next(client, "archive").data, "/id");
    EXPECT_EQ(id, '"' + first + '"');
}

TEST_F(FeedTest, AnOverviewSaysWhatTheDaemonDoes) {
    start(fast());
    const std::string id = post();
    TestClient client(port_);
    begin(client);
    const Event event = next(client, "overview");
    EXPECT_EQ(at(event.data, "/jobs/queued"), "1");
    EXPECT_EQ(at(event.data, "/jobs/failed"), "0");
    EXPECT_EQ(at(event.data, "/memory"), "1000");
    EXPECT_EQ(at(event.data, "/memory_in_use"), "10");
    EXPECT_EQ(at(event.data, "/retries_total"), "3");
    EXPECT_EQ(at(event.data, "/requests_per_second"), "0");
    const std::int64_t time = event.data.at("time_ms").as_int64();
    EXPECT_GT(next(client, "overview").data.at("time_ms").as_int64(), time);
    // Who comes later is told of before.
    TestClient later(port_);
    begin(later);
    const Event history = next(later);
    ASSERT_EQ(history.name, "history");
    EXPECT_THAT(boost::json::serialize(history.data.at("samples")),
                HasSubstr(fmt::format("[{},0,0,0,10]", time)));
}

config::TokenEntry token_for(const std::string& token, const std::string& prefix, bool read) {
    config::TokenEntry entry;
    entry.name = token;
    const auto hash = s3client::sha256(base::as_bytes(token));
    config::Sha256Digest& digest = entry.digests.emplace_back();
    for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(hash[i]);
    entry.read = read;
    entry.submit = true;
    entry.destinations = {{"out", prefix}};
    return entry;
}

TEST_F(FeedTest, ACallerIsToldOfItsOwnJobsOnly) {
    access_.replace({token_for("ann", "ann/", true), token_for("bob", "bob/", true),
                     token_for("eve", "", false)},
                    std::nullopt);
    start(fast());
    const auto post_as = [&](const std::string& name, const std::string& key) {
        const auto response =
            call("POST", "/archives", body(key), "Authorization: Bearer " + name + "\r\n");
        EXPECT_EQ(response.status, 202) << response.body;
        return text_at(response, "/id");
    };
    expect_problem(call("GET", "/events"), 401, "unauthorized");
    expect_problem(call("GET", "/events", {}, "Authorization: Bearer eve\r\n"), 403, "not-allowed");

    const std::string before_a = post_as("ann", "ann/1.zip");
    const std::string before_b = post_as("bob", "bob/1.zip");
    TestClient ann(port_);
    TestClient bob(port_);
    begin(ann, "ann");
    begin(bob, "bob");
    EXPECT_EQ(next(ann).name, "history");
    EXPECT_EQ(next(bob).name, "history");
    const auto started_a = engine_.next();
    const auto started_b = engine_.next();
    started_a.enter(archive::JobState::running);
    started_b.enter(archive::JobState::running);
    const std::string after_a = post_as("ann", "ann/2.zip");
    const std::string after_b = post_as("bob", "bob/2.zip");
    started_b.succeed(simple_result());
    started_a.succeed(simple_result());
    // All that each gets until its own has ended, and one second job has come.
    const auto ids_until = [&](TestClient& client, const std::string& ended,
                               const std::string& other) {
        std::set<std::string> ids;
        bool has_ended = false;
        while (!has_ended || !ids.contains('"' + other + '"')) {
            const Event event = next(client, "archive");
            if (event.name.empty()) break;
            ids.insert(at(event.data, "/id"));
            has_ended = has_ended || (at(event.data, "/id") == '"' + ended + '"' &&
                                      at(event.data, "/state") == "\"succeeded\"");
        }
        return ids;
    };
    const auto both = [](const std::string& a, const std::string& b) {
        return std::set<std::string>{'"' + a + '"', '"' + b + '"'};
    };
    EXPECT_EQ(ids_until(ann, before_a, after_a), both(before_a, after_a));
    EXPECT_EQ(ids_until(bob, before_b, after_b), both(before_b, after_b));
}

TEST_F(FeedTest, WhoReadsSlowlyMissesStepsButNoEnd) {
    start(fast());
    const std::string id = post();
    const auto started = engine_.next();
    started.enter(archive::JobState::running);
    started.job->bytes_total = 1'000'000;
    TestClient quick(port_);
    TestClient slow(port_);
    begin(quick);
    slow.send(watch_text());  // and nothing is read
    for (int i = 0; i < 20; ++i) {
        started.job->bytes_done.fetch_add(1);
        while (at(next_in(quick, id, "running").data, "/progress/bytes_done") !=
               std::to_string(i + 1)) {
        }
    }
    started.succeed(simple_result());
    EXPECT_EQ(next_in(quick, id, "succeeded").name, "archive");
    EXPECT_EQ(slow.read_response().status, 200);
    EXPECT_EQ(next_in(slow, id, "succeeded").name, "archive");
}

TEST_F(FeedTest, ItCountsAmongTheEventStreams) {
    ApiLimits limits = fast();
    limits.event_streams_max = 1;
    start(limits);
    TestClient client(port_);
    begin(client);
    expect_problem(call("GET", "/events"), 503, "overloaded");
    EXPECT_EQ(api_->state().event_streams, 1u);
    const auto response = call("HEAD", "/events");
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.headers.at("allow"), "GET");
}

TEST_F(FeedTest, ItHasAHeartbeatWhereNothingHappens) {
    ApiLimits limits;
    limits.overview_interval = std::chrono::hours(1);
    limits.event_heartbeat = std::chrono::milliseconds(2);
    start(limits);
    TestClient client(port_);
    begin(client);
    client.read_until("\n\n");  // history
    EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
    EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
}

TEST_F(FeedTest, ItEndsAfterAWhileAndIsToBeAskedForAgain) {
    ApiLimits limits = fast();
    limits.feed_time = std::chrono::milliseconds(50);
    start(limits);
    TestClient client(port_);
    begin(client);
    EXPECT_THAT(client.read_to_end(), StartsWith("event: history\n"));
}

TEST_F(FeedTest, ADaemonThatStopsDoesNotWaitForIt) {
    start(fast());
    TestClient client(port_);
    begin(client);
    api_->begin_stopping();
    EXPECT_EQ(next(client, "overview").name, "overview") << "people watch the last jobs end";
    const auto begun = std::chrono::steady_clock::now();
    api_->stop(std::chrono::seconds(20));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
    client.read_to_end();
}

// Of a caller that is known no more, or may see less; those of others go on.
TEST_F(FeedTest, StreamsEndWithTheirToken) {
    const auto entry = [](const std::string& name) {
        config::TokenEntry token;
        token.name = name;
        token.read = token.submit = true;
        std::ranges::transform(s3client::sha256(base::as_bytes(name)),
                               token.digests.emplace_back().begin(),
                               [](std::byte b) { return static_cast<std::uint8_t>(b); });
        return token;
    };
    auto changed = entry("changed");
    access_.replace({entry("stays"), entry("goes"), changed}, std::nullopt);
    ApiLimits limits = fast();
    limits.event_heartbeat = std::chrono::milliseconds(20);
    start(limits);
    const auto header = [](const std::string& token) {
        return "Authorization: Bearer " + token + "\r\n";
    };
    const TestResponse posted = call("POST", "/archives", body("a.zip"), header("goes"));
    const std::string id = boost::json::parse(posted.body).at("id").as_string().c_str();
    const auto events = [&](TestClient& client, const std::string& token) {
        client.send(
            TestClient::request_text("GET", "/archives/" + id + "/events", {}, header(token)));
        EXPECT_EQ(client.read_response().status, 200);
    };
    TestClient stays(port_), goes(port_), of_changed(port_), job_stays(port_), job_goes(port_);
    begin(stays, "stays");
    begin(goes, "goes");
    begin(of_changed, "changed");
    events(job_stays, "stays");
    events(job_goes, "goes");
    changed.destinations = std::vector<config::BucketPrefix>{{"elsewhere", ""}};
    access_.replace({entry("stays"), changed}, std::nullopt);
    goes.read_to_end();
    of_changed.read_to_end();
    EXPECT_THAT(job_goes.read_to_end(), Not(HasSubstr("event: state")));
    engine_.next().succeed(simple_result());
    EXPECT_EQ(next_in(stays, id, "succeeded").name, "archive");
    EXPECT_THAT(job_stays.read_to_end(), HasSubstr("event: state"));
}

}  // namespace
}  // namespace s3zipd
