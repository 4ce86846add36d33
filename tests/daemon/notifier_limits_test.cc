// Where a Notifier goes, how much of it there is at a time, and how it ends.
#include "daemon/notifier.h"

#include <filesystem>
#include <future>
#include <set>

#include "notifier_fixture.h"

namespace s3zipd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Reply = WebhookReceiver::Reply;

WebhookReceiver::Answer always(Reply reply) {
    return [reply = std::move(reply)](const ReceivedWebhook&, int) { return reply; };
}

Reply held() {
    Reply reply = WebhookReceiver::status(200);
    return {.now = "", .hold = true, .after = reply.now};
}

// By its address, in several spellings, and by names that lead there.
TEST_F(NotifierTest, ItDoesNotGoWhereItMustNot) {
    WebhookReceiver receiver(always(WebhookReceiver::status(200)));
    dns.set("here.test", {.v4 = {"127.0.0.1"}});
    dns.set("six.test", {.v6 = {"::1"}});
    dns.set("mapped.test", {.v6 = {"::ffff:127.0.0.1"}});
    config.allowed = {};
    start();
    std::size_t posted = 0;
    for (const char* host :
         {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]",
          "[::ffff:127.0.0.1]", "0.0.0.0", "here.test", "six.test", "mapped.test"}) {
        post(receiver.url(host), host);
        ++posted;
    }
    const auto all = wait_for(posted * config.refusals_max);
    std::set<std::string> given_up;
    for (const Outcome& outcome : all) {
        EXPECT_EQ(code_of(outcome), "address_refused") << outcome.job_id;
        EXPECT_FALSE(outcome.delivered);
        if (outcome.given_up) given_up.insert(outcome.job_id);
    }
    EXPECT_EQ(given_up.size(), posted);
    EXPECT_EQ(receiver.connections(), 0);
}

// What is allowed is, and what a name says first does not bind it later.
TEST_F(NotifierTest, TheAddressThatIsConnectedToCounts) {
    WebhookReceiver receiver(always(WebhookReceiver::status(500)));
    dns.set("turns.test", {.v4 = {"127.0.0.1"}});
    start();
    post(receiver.url("turns.test"), "J1");
    ASSERT_TRUE(receiver.wait_for(1));
    config.allowed = *base::parse_ip_networks("127.0.0.9");
    start();  // the first goes
    const std::size_t reported = outcomes().size();
    post(receiver.url("turns.test"), "J2");
    EXPECT_EQ(code_of(wait_for(reported + 1).back()), "address_refused");
    for (const ReceivedWebhook& request : receiver.requests())
        EXPECT_EQ(request.header("s3zipd-delivery"), "J1");
}

TEST_F(NotifierTest, CheckTellsWithoutAskingAnybody) {
    config.allowed = *base::parse_ip_networks("127.0.0.2");
    start();
    for (const char* url : {"https://hooks.example/x", "http://10.0.0.1/", "http://127.0.0.2:80/",
                            "http://[fd00::1]/", "http://0x7f000002/", "https://8.8.8.8"}) {
        const auto ok = notifier->check(url);
        EXPECT_TRUE(ok.has_value()) << url << ok.error().detail;
    }
    for (const char* url :
         {"http://127.0.0.1/", "https://localhost/", "http://a.localhost./", "http://2130706433/",
          "http://169.254.169.254/latest", "http://[::ffff:a9fe:a9fe]/", "http://[fd00:ec2::254]/",
          "http://0/", "http://[64:ff9b::7f00:1]/", "ftp://x", "https://u@x/"}) {
        const auto refused = notifier->check(url);
        ASSERT_FALSE(refused.has_value()) << url;
        EXPECT_EQ(refused.error().kind, base::ErrorKind::invalid);
        EXPECT_EQ(refused.error().code, "bad_url");
        EXPECT_EQ(refused.error().key, "/notify/url");
        EXPECT_FALSE(refused.error().detail.empty());
    }
    EXPECT_THAT(notifier->check("http://169.254.169.254/").error().detail, HasSubstr("link-local"));
    EXPECT_EQ(dns.all_questions(), 0);
}

TEST_F(NotifierTest, TwoAtATimeGoToOneHost) {
    WebhookReceiver receiver(always(held()));
    for (const char* name : {"a.test", "A.Test"}) dns.set(name, {.v4 = {"127.0.0.1"}});
    dns.set("b.test", {.v4 = {"127.0.0.1"}});
    start();
    for (int i = 0; i < 6; ++i)
        post(receiver.url(i % 2 == 0 ? "a.test" : "A.Test"), "J" + std::to_string(i));
    ASSERT_TRUE(receiver.wait_for(2));
    // The others wait, and another host is not among them.
    post(receiver.url("b.test"), "other");
    ASSERT_TRUE(receiver.wait_for(3));
    EXPECT_EQ(receiver.requests()[2].header("s3zipd-delivery"), "other");
    EXPECT_EQ(receiver.at_once_max(), 3);
    receiver.release();
    for (const Outcome& outcome : wait_for(7)) EXPECT_TRUE(outcome.delivered);
    EXPECT_LE(receiver.at_once_max(), 3);
}

TEST_F(NotifierTest, SixteenAreUnderWayAtOnce) {
    WebhookReceiver receiver(always(held()));
    start();
    for (int i = 0; i < 24; ++i) {
        const std::string host = "h" + std::to_string(i / 2) + ".test";
        dns.set(host, {.v4 = {"127.0.0.1"}});
        post(receiver.url(host), "J" + std::to_string(i));
    }
    ASSERT_TRUE(receiver.wait_for(Notifier::kUnderWayMax));
    receiver.release();
    for (const Outcome& outcome : wait_for(24)) EXPECT_TRUE(outcome.delivered);
    EXPECT_LE(receiver.at_once_max(), static_cast<int>(Notifier::kUnderWayMax));
}

TEST_F(NotifierTest, WhatIsPendingIsNotTakenTwice) {
    WebhookReceiver receiver(always(held()));
    start();
    for (int i = 0; i < 5; ++i) post(receiver.url(), "J1");
    ASSERT_TRUE(receiver.wait_for(1));
    post(receiver.url(), "J2");
    ASSERT_TRUE(receiver.wait_for(2));
    receiver.release();
    EXPECT_EQ(wait_for(2).size(), 2U);
    ASSERT_EQ(receiver.requests().size(), 2U);
    // Once it is settled, it is another.
    post(receiver.url(), "J1");
    EXPECT_TRUE(wait_for(3)[2].delivered);
}

TEST_F(NotifierTest, BeyondItsBoundsItSaysNotNow) {
    WebhookReceiver receiver(always(held()));
    start();
    for (std::size_t i = 0; i < Notifier::kPendingMax; ++i)
        post(receiver.url(), "J" + std::to_string(i));
    EXPECT_TRUE(outcomes().empty());
    post(receiver.url(), "late", 3);
    const Outcome late = wait_for(1)[0];
    EXPECT_EQ(late.job_id, "late");
    EXPECT_EQ(late.attempts, 3U);
    EXPECT_FALSE(late.delivered || late.given_up || late.pending);
    EXPECT_EQ(code_of(late), "too_many_notifications");
    EXPECT_EQ(late.last.error().kind, base::ErrorKind::exhausted);
    EXPECT_TRUE(notifier->stop(seconds(20)));
    start();  // another
    notifier->post({"huge", receiver.url(), std::string(Notifier::kPendingMax_bytes, ' '), 0});
    EXPECT_EQ(code_of(wait_for(2)[1]), "too_many_notifications");
    receiver.release();
    post(receiver.url(), "J1");
    EXPECT_TRUE(wait_for(3)[2].delivered);
}

TEST_F(NotifierTest, AUrlThatIsNoneIsGivenUp) {
    start();
    post("https://u:hidden@x/");
    const Outcome outcome = wait_for(1)[0];
    EXPECT_TRUE(outcome.given_up);
    EXPECT_EQ(outcome.attempts, 0U);
    EXPECT_EQ(code_of(outcome), "bad_url");
}

std::size_t count_of(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

// One that hangs, one that waits for its turn, one that waits for its next attempt, one whose name
// nobody answers for.
TEST_F(NotifierTest, StoppingIsQuickAndLeavesNothing) {
    WebhookReceiver receiver([](const ReceivedWebhook& request, int) {
        return request.header("s3zipd-delivery") == "again" ? WebhookReceiver::status(500) : held();
    });
    dns.set("again.test", {.v4 = {"127.0.0.1"}});
    dns.set("silent.test", {.silent = true});
    config.delay_first = config.delay_max = std::chrono::hours(10);
    const std::size_t threads = count_of("/proc/self/task"), files = count_of("/proc/self/fd");
    start();
    post(receiver.url("again.test"), "again");
    EXPECT_TRUE(wait_for(1)[0].pending);
    for (int i = 0; i < 3; ++i) post(receiver.url(), "J" + std::to_string(i));
    post(receiver.url("silent.test"), "silent");
    ASSERT_TRUE(receiver.wait_for(3));
    ASSERT_TRUE(dns.wait_for_questions("silent.test", 1));
    EXPECT_TRUE(notifier->stop(seconds(20)));
    post(receiver.url(), "too late");
    EXPECT_TRUE(notifier->stop(seconds(20)));
    notifier.reset();
    EXPECT_EQ(outcomes().size(), 1U);
    EXPECT_EQ(receiver.requests().size(), 3U);
    // The receiver's three connections and threads stay until it goes, and the socket of the
    // question that nobody answers.
    EXPECT_LE(count_of("/proc/self/task"), threads + 3);
    EXPECT_LE(count_of("/proc/self/fd"), files + 4);
}

TEST_F(NotifierTest, StoppingDoesNotWaitLongerThanAsked) {
    std::promise<void> go;
    auto may_go = go.get_future();
    std::promise<void> called;
    WebhookReceiver receiver(always(WebhookReceiver::status(200)));
    auto made = Notifier::start(config, [&](const Outcome&) {
        called.set_value();
        may_go.wait();
    });
    ASSERT_TRUE(made.has_value());
    (*made)->post({"J1", receiver.url(), "{}", 0});
    ASSERT_EQ(called.get_future().wait_for(seconds(20)), std::future_status::ready);
    EXPECT_FALSE((*made)->stop(milliseconds(10)));
    go.set_value();
    EXPECT_TRUE((*made)->stop(seconds(20)));
}

}  // namespace
}  // namespace s3zipd
