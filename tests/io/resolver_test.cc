#include "io/resolver.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>

#include "dns_server.h"
#include "io/task_scope.h"
#include "on_backends.h"

namespace io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Addresses = std::vector<SocketAddress>;

// The real clock, and what a test has added to it.
class ShiftedClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now() + shift; }
    base::UtcTime utc_now() override { return base::system_clock().utc_now(); }
    base::Duration shift{};
};

std::string text(const Addresses& addresses) {
    std::string all;
    for (const SocketAddress& one : addresses) all += (all.empty() ? "" : " ") + one.to_string();
    return all;
}

ResolverThread::Options asking(const DnsServer& dns) {
    ResolverThread::Options options;
    options.servers = dns.servers();
    options.timeout = seconds(3);
    return options;
}

class ResolverTest : public testing::TestWithParam<BackendChoice> {
  protected:
    static constexpr std::uint16_t kPort = 9000;

    base::Result<Addresses> resolve(const std::string& host, Bounds bounds = {},
                                    std::uint16_t port = kPort) {
        return reactor.run_until_done(resolver->resolve(host, port, bounds));
    }
    std::string first(const std::string& host) { return must(resolve(host))[0].to_string(); }
    // Asks until an answer begins with `address`; false if none does for 20 s.
    bool comes_to(const std::string& host, const std::string& address) {
        const auto end = std::chrono::steady_clock::now() + seconds(20);
        while (first(host) != address) {
            if (std::chrono::steady_clock::now() > end) return false;
            static_cast<void>(reactor.run_until_done(reactor.sleep(milliseconds(1))));
        }
        return true;
    }

    // Whatever has been asked until now has reached the server when this returns.
    void flush() {
        dns.set("flush.test", {.v4 = {"10.0.0.9"}});
        Resolver other(reactor, thread);
        must(reactor.run_until_done(other.resolve("flush.test", kPort, {})));
    }

    DnsServer dns;
    ShiftedClock clock;
    Reactor reactor{must(make_backend(GetParam())), clock};
    std::shared_ptr<ResolverThread> thread = must(ResolverThread::start(asking(dns)));
    std::unique_ptr<Resolver> resolver = std::make_unique<Resolver>(reactor, thread);
};
ON_BACKENDS(ResolverTest);

TEST_P(ResolverTest, NumericAddressesStandForThemselves) {
    EXPECT_EQ(text(must(resolve("127.0.0.1"))), "127.0.0.1:9000");
    EXPECT_EQ(text(must(resolve("10.1.2.3", {}, 443))), "10.1.2.3:443");
    EXPECT_EQ(text(must(resolve("::1", {}, 80))), "[::1]:80");
    EXPECT_EQ(text(must(resolve("127.0.0.1", {}, 9001))), "127.0.0.1:9001");
    EXPECT_EQ(dns.all_questions(), 0);
}

TEST_P(ResolverTest, LocalhostIsHereAndNobodyIsAsked) {
    for (const std::string host : {"localhost", "LocalHost.", "bucket.localhost"}) {
        EXPECT_EQ(text(must(resolve(host))), "127.0.0.1:9000 [::1]:9000") << host;
    }
    // What failed comes last, and is still not asked for.
    resolver->failed("localhost", kPort, must(resolve("localhost"))[0]);
    clock.shift += seconds(10);
    EXPECT_EQ(text(must(resolve("localhost"))), "[::1]:9000 127.0.0.1:9000");
    clock.shift += Resolver::kAvoid;
    EXPECT_EQ(first("localhost"), "127.0.0.1:9000");
    EXPECT_EQ(dns.all_questions(), 0);
}

TEST_P(ResolverTest, NoHostNameNoQuestion) {
    const std::string long_label(64, 'a');
    for (const std::string& host :
         {std::string("no such host"), std::string(), std::string("name..invalid"), long_label,
          std::string(".localhost"), std::string(300, 'a')}) {
        const auto address = resolve(host);
        ASSERT_FALSE(address.has_value()) << host;
        EXPECT_EQ(address.error().kind, base::ErrorKind::transient);
        EXPECT_EQ(address.error().code, "name_not_resolved");
        EXPECT_NE(address.error().detail.find(host), std::string::npos);
    }
    EXPECT_EQ(dns.all_questions(), 0);
}

TEST_P(ResolverTest, ANameThatFailsIsNamedAndAskedForAgain) {
    for (const unsigned rcode : {2u, 3u}) {
        dns.set("gone.test", {.rcode = rcode});
        const int before = dns.questions("gone.test");
        for (int i = 1; i <= 2; ++i) {
            const auto address = resolve("gone.test");
            ASSERT_FALSE(address.has_value()) << rcode;
            EXPECT_EQ(address.error().kind, base::ErrorKind::transient);
            EXPECT_EQ(address.error().code, "name_not_resolved");
            EXPECT_NE(address.error().detail.find("gone.test"), std::string::npos);
            EXPECT_GE(dns.questions("gone.test"), before + i);
        }
    }
    dns.set("gone.test", {.v4 = {"10.0.0.1"}});
    EXPECT_EQ(first("gone.test"), "10.0.0.1:9000");
}

TEST_P(ResolverTest, ConnectionsAreSpreadOverAllAddresses) {
    DnsServer::Zone zone;
    std::set<std::string> all, seen;
    for (int i = 1; i <= 8; ++i) {
        zone.v4.push_back("10.0.0." + std::to_string(i));
        all.insert(zone.v4.back() + ":9000");
    }
    dns.set("s3.test", zone);
    for (int i = 0; i < 8; ++i) {
        const Addresses addresses = must(resolve("s3.test"));
        EXPECT_EQ(addresses.size(), Resolver::kTriesMax);
        seen.insert(addresses[0].to_string());
    }
    EXPECT_EQ(seen, all);
    EXPECT_EQ(dns.questions("s3.test"), 1);
}

TEST_P(ResolverTest, EarlierAnswersServeOnForAWhile) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}, .ttl_s = 5});
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    dns.set("s3.test", {.v4 = {"10.0.0.2"}, .ttl_s = 5});
    clock.shift += seconds(6);
    ASSERT_TRUE(comes_to("s3.test", "10.0.0.2:9000"));
    EXPECT_TRUE(comes_to("s3.test", "10.0.0.1:9000"));  // both take their turns
    clock.shift += Resolver::kKeep;
    static_cast<void>(must(resolve("s3.test")));  // refreshes
    ASSERT_TRUE(dns.wait_for_questions("s3.test", 3));
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (text(must(resolve("s3.test"))) != "10.0.0.2:9000") {
        ASSERT_LT(std::chrono::steady_clock::now(), end);
        static_cast<void>(reactor.run_until_done(reactor.sleep(milliseconds(1))));
    }
}

TEST_P(ResolverTest, ATtlIsBoundedOnBothSides) {
    dns.set("short.test", {.v4 = {"10.0.0.1"}, .ttl_s = 0});
    dns.set("long.test", {.v4 = {"10.0.0.1"}, .ttl_s = 86400});
    for (const std::string host : {"short.test", "long.test"}) {
        const base::Duration bound = host == "short.test" ? Resolver::kTtlMin : Resolver::kTtlMax;
        EXPECT_EQ(first(host), "10.0.0.1:9000");
        clock.shift += bound - seconds(2);
        EXPECT_EQ(first(host), "10.0.0.1:9000");
        EXPECT_EQ(first(host), "10.0.0.1:9000");
        flush();
        EXPECT_EQ(dns.questions(host), 1);
        clock.shift += seconds(2);
        EXPECT_EQ(first(host), "10.0.0.1:9000");
        EXPECT_TRUE(dns.wait_for_questions(host, 2));
    }
}

// The refresh is in the background: its silence is nobody's delay.
TEST_P(ResolverTest, WhatIsKnownServesWhileNoServerAnswers) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}});
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    dns.set("s3.test", {.v4 = {"10.0.0.2"}, .hold = true});
    clock.shift += Resolver::kTtlMax;
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    ASSERT_TRUE(dns.wait_for_questions("s3.test", 2));
    clock.shift += Resolver::kStaleMax - Resolver::kTtlMax - seconds(2);
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    // Not for ever.
    clock.shift += seconds(2);
    const auto late = resolve("s3.test", {.deadline = reactor.now() + milliseconds(20)});
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().code, "timeout");
    dns.release();
    EXPECT_EQ(text(must(resolve("s3.test"))), "10.0.0.2:9000");
}

TEST_P(ResolverTest, AFailedRefreshIsTriedAgainAndNoSoonerThanTtlMin) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}});
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    dns.set("s3.test", {.rcode = 3});
    clock.shift += Resolver::kTtlMax;
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    ASSERT_TRUE(dns.wait_for_questions("s3.test", 2));
    // Another look-up of the same name through the same thread ends after that one has.
    Resolver other(reactor, thread);
    EXPECT_FALSE(reactor.run_until_done(other.resolve("s3.test", kPort, {})).has_value());
    const int after_failure = dns.questions("s3.test");
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    flush();
    EXPECT_EQ(dns.questions("s3.test"), after_failure);
    dns.set("s3.test", {.v4 = {"10.0.0.2"}});
    clock.shift += Resolver::kTtlMin;
    EXPECT_TRUE(comes_to("s3.test", "10.0.0.2:9000"));
}

TEST_P(ResolverTest, FailedAddressesComeLastForAWhile) {
    dns.set("s3.test", {.v4 = {"10.0.0.1", "10.0.0.2", "10.0.0.3"}});
    const Addresses addresses = must(resolve("s3.test"));
    ASSERT_EQ(addresses.size(), 3u);
    const std::string bad = addresses[0].to_string();
    resolver->failed("s3.test", kPort, addresses[0]);
    for (int i = 0; i < 6; ++i) {
        const Addresses now = must(resolve("s3.test"));
        ASSERT_EQ(now.size(), 3u);
        EXPECT_EQ(now[2].to_string(), bad);
    }
    // All failed: the one whose failure is longest ago goes first.
    clock.shift += seconds(1);
    resolver->failed("s3.test", kPort, addresses[2]);
    clock.shift += seconds(1);
    resolver->failed("s3.test", kPort, addresses[1]);
    EXPECT_EQ(text(must(resolve("s3.test"))), text({addresses[0], addresses[2], addresses[1]}));
    resolver->worked("s3.test", kPort, addresses[1]);
    EXPECT_EQ(first("s3.test"), addresses[1].to_string());
    clock.shift += Resolver::kAvoid;
    EXPECT_TRUE(comes_to("s3.test", bad));
    resolver->failed("a name that nobody asked for", 1, addresses[0]);
    resolver->worked("a name that nobody asked for", 1, addresses[0]);
}

TEST_P(ResolverTest, AFailureHastensTheRefreshAndOutlivesIt) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}, .ttl_s = 60});
    resolver->failed("s3.test", kPort, must(resolve("s3.test"))[0]);
    clock.shift += Resolver::kTtlMin;
    dns.set("s3.test", {.v4 = {"10.0.0.1", "10.0.0.2"}, .ttl_s = 60});
    ASSERT_TRUE(comes_to("s3.test", "10.0.0.2:9000"));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(first("s3.test"), "10.0.0.2:9000");
}

TEST_P(ResolverTest, TheFamiliesAlternate) {
    dns.set("both.test", {.v4 = {"127.0.0.2", "127.0.0.3", "127.0.0.4"}, .v6 = {"2001:db8::1"}});
    const Addresses addresses = must(resolve("both.test"));
    ASSERT_EQ(addresses.size(), 4u);
    EXPECT_NE(addresses[0].storage.ss_family, addresses[1].storage.ss_family);
    dns.set("six.test", {.v6 = {"2001:db8::1"}});
    EXPECT_EQ(text(must(resolve("six.test"))), "[2001:db8::1]:9000");
}

TEST_P(ResolverTest, ATruncatedAnswerIsAskedForOverTcp) {
    dns.set("big.test", {.v4 = {"10.0.0.1"}, .truncated = true});
    EXPECT_EQ(first("big.test"), "10.0.0.1:9000");
    EXPECT_GT(dns.tcp_questions(), 0);
}

TEST_P(ResolverTest, HostsFileGoesFirst) {
    const std::string path =
        testing::TempDir() + "resolver_test_hosts." + std::to_string(::getpid());
    std::ofstream(path) << "10.9.8.7 minio.test minio\n";
    ASSERT_EQ(::setenv("CARES_HOSTS", path.c_str(), 1), 0);
    dns.set("minio.test", {.v4 = {"10.0.0.1"}});
    auto options = asking(dns);
    options.hosts_from_environment = true;
    resolver = std::make_unique<Resolver>(reactor, must(ResolverThread::start(options)));
    EXPECT_EQ(text(must(resolve("minio.test"))), "10.9.8.7:9000");
    EXPECT_EQ(text(must(resolve("minio"))), "10.9.8.7:9000");
    EXPECT_EQ(dns.questions("minio.test"), 0);
    ::unlink(path.c_str());
}

Task<void> resolve_into(Resolver& resolver, std::vector<std::string>& out) {
    out.push_back(text(must(co_await resolver.resolve("s3.test", 1, {}))));
}

TEST_P(ResolverTest, ANameIsAskedForOnceHoweverManyWait) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}, .hold = true});
    Resolver other(reactor, thread);  // as another reactor's
    std::vector<std::string> answers;
    const auto all = [](Reactor& r, Resolver& one, Resolver& two, DnsServer& server,
                        std::vector<std::string>& out) -> Task<bool> {
        TaskScope scope(r);
        for (int i = 0; i < 50; ++i) scope.spawn(resolve_into(i % 2 == 0 ? one : two, out));
        co_await let_others_run(r);
        const bool asked = server.wait_for_questions("s3.test", 1);
        server.release();
        co_await scope.join();
        co_return asked;
    };
    EXPECT_TRUE(reactor.run_until_done(all(reactor, *resolver, other, dns, answers)));
    EXPECT_EQ(answers, std::vector<std::string>(50, "10.0.0.1:1"));
    EXPECT_EQ(dns.questions("s3.test"), 1);
}

TEST_P(ResolverTest, ADeadlineHoldsThoughTheServerIsSilent) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}, .hold = true});
    const auto late = resolve("s3.test", {.deadline = reactor.now() + milliseconds(20)});
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().kind, base::ErrorKind::transient);
    EXPECT_EQ(late.error().code, "timeout");
    EXPECT_NE(late.error().detail.find("s3.test"), std::string::npos);
    // The look-up goes on for the next, and others' names are not held up by it.
    dns.set("other.test", {.v4 = {"10.0.0.3"}});
    EXPECT_EQ(first("other.test"), "10.0.0.3:9000");
    dns.release();
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
}

TEST_P(ResolverTest, SilenceEndsByItself) {
    dns.set("s3.test", {.silent = true});
    auto options = asking(dns);
    options.timeout = milliseconds(50);
    resolver = std::make_unique<Resolver>(reactor, must(ResolverThread::start(options)));
    const auto address = resolve("s3.test");
    ASSERT_FALSE(address.has_value());
    EXPECT_EQ(address.error().code, "name_not_resolved");
    EXPECT_EQ(dns.questions("s3.test"), 2);
}

TEST_P(ResolverTest, ACancelledAskerIsNotKept) {
    dns.set("s3.test", {.silent = true});
    const auto cancelled = [](Reactor& r, Resolver& one, DnsServer& server) -> Task<base::Error> {
        CancelSource cancel;
        std::optional<base::Error> error;
        TaskScope scope(r);
        scope.spawn(
            [](Resolver& asked, CancelSource& c, std::optional<base::Error>& e) -> Task<void> {
                auto result = co_await asked.resolve("s3.test", 1, {.cancel = &c});
                if (!result) e = result.error();
            }(one, cancel, error));
        co_await let_others_run(r);
        CHECK(server.wait_for_questions("s3.test", 1));
        cancel.cancel();
        co_await scope.join();
        co_return error.value_or(base::Error{});
    };
    const base::Error error = reactor.run_until_done(cancelled(reactor, *resolver, dns));
    EXPECT_EQ(error.kind, base::ErrorKind::cancelled);
    EXPECT_EQ(error.code, "cancelled");
    // Its look-up is still under way when everything goes.
    resolver.reset();
    thread.reset();
}

TEST_P(ResolverTest, WhoLeftIsToldNothing) {
    dns.set("s3.test", {.v4 = {"10.0.0.1"}, .hold = true});
    const int asker = 0;
    std::atomic<bool> told = false;
    thread->look_up(&asker, "s3.test", [&](const auto&) { told = true; });
    ASSERT_TRUE(dns.wait_for_questions("s3.test", 1));
    thread->leave(&asker);
    dns.release();
    EXPECT_EQ(first("s3.test"), "10.0.0.1:9000");
    EXPECT_FALSE(told);
}

// ... however the answer races with it.
TEST_P(ResolverTest, LeavingWhileAnswersCome) {
    for (int i = 0; i < 50; ++i) {
        const std::string host = "s" + std::to_string(i) + ".test";
        dns.set(host, {.v4 = {"10.0.0.1"}, .hold = true});
        Reactor short_lived(must(make_backend(GetParam())), clock);
        Resolver leaves(short_lived, thread);
        const auto late = short_lived.run_until_done(
            leaves.resolve(host, 1, {.deadline = short_lived.now() + milliseconds(1)}));
        EXPECT_FALSE(late.has_value());
        ASSERT_TRUE(dns.wait_for_questions(host, 1));
        dns.release();
    }
}

TEST_P(ResolverTest, TheProcessHasOneThreadAsLongAsItIsHeld) {
    auto one = must(ResolverThread::shared());
    EXPECT_EQ(one, must(ResolverThread::shared()));
    const std::weak_ptr<ResolverThread> before = one;
    one.reset();
    EXPECT_TRUE(before.expired());
    EXPECT_NE(must(ResolverThread::shared()), nullptr);
}

TEST_P(ResolverTest, TheNamesRememberedAreBounded) {
    for (std::size_t i = 0; i < Resolver::kNamesMax + 10; ++i) {
        const std::string host = "b" + std::to_string(i) + ".localhost";
        ASSERT_EQ(first(host), "127.0.0.1:9000");
        clock.shift += milliseconds(1);
        if (i == 0) resolver->failed(host, kPort, must(resolve(host))[0]);
    }
    // The first was forgotten, and with it that its address had failed.
    EXPECT_EQ(first("b0.localhost"), "127.0.0.1:9000");
}

}  // namespace
}  // namespace io
