#include "io/resolver.h"

#include <gtest/gtest.h>
#include <set>

#include "io/task_scope.h"
#include "loopback.h"
#include "on_backends.h"

namespace io {
namespace {

class ResolverTest : public OnBackends {
  protected:
    base::Result<SocketAddress> resolve(const std::string& host, std::uint16_t port = 9000) {
        return reactor.run_until_done(resolver.resolve(host, port));
    }
    WorkerThread worker;
    Resolver resolver{reactor, worker};
};
ON_BACKENDS(ResolverTest);

TEST_P(ResolverTest, NumericAddressesStandForThemselves) {
    EXPECT_EQ(must(resolve("127.0.0.1")).to_string(), "127.0.0.1:9000");
    EXPECT_EQ(must(resolve("10.1.2.3", 443)).to_string(), "10.1.2.3:443");
    EXPECT_EQ(must(resolve("::1", 80)).to_string(), "[::1]:80");
    EXPECT_EQ(must(resolve("127.0.0.1", 9001)).to_string(), "127.0.0.1:9001");
}

TEST_P(ResolverTest, LocalhostIsHere) {
    const std::set<std::string> here = {"127.0.0.1:9000", "[::1]:9000"};
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(here.contains(must(resolve("localhost")).to_string()));
    resolver.forget("localhost", 9000);
    EXPECT_TRUE(here.contains(must(resolve("localhost")).to_string()));
    resolver.forget("a name that nobody asked for", 1);
}

// Who connects to localhost where only one of its addresses answers must get to that one, however
// often the other has been tried and forgotten.
TEST_P(ResolverTest, ForgettingDoesNotStartOverWithTheSameAddress) {
    std::set<std::string> all, after_failures;
    for (int i = 0; i < 8; ++i) all.insert(must(resolve("localhost")).to_string());
    for (int i = 0; i < 8; ++i) {
        after_failures.insert(must(resolve("localhost")).to_string());
        resolver.forget("localhost", 9000);
    }
    EXPECT_EQ(after_failures, all);
}

TEST_P(ResolverTest, ANameThatFailsIsNamed) {
    for (const std::string host : {"no such host", "", "name..invalid"}) {
        const auto address = resolve(host);
        ASSERT_FALSE(address.has_value()) << host;
        EXPECT_EQ(address.error().kind, base::ErrorKind::transient);
        EXPECT_EQ(address.error().code, "name_not_resolved");
        EXPECT_NE(address.error().detail.find(host), std::string::npos);
    }
}

Task<void> resolve_into(Resolver& resolver, std::vector<std::string>& out) {
    out.push_back(must(co_await resolver.resolve("localhost", 1)).to_string());
}

TEST_P(ResolverTest, ManyMayAskForTheSameNameAtOnce) {
    std::vector<std::string> answers;
    run([](Reactor& r, Resolver& resolver_, std::vector<std::string>& out) -> Task<void> {
        TaskScope scope(r);
        for (int i = 0; i < 50; ++i) scope.spawn(resolve_into(resolver_, out));
        co_await scope.join();
    }(reactor, resolver, answers));
    EXPECT_EQ(answers.size(), 50u);
}

}  // namespace
}  // namespace io
