#include "io/task.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "io/task_scope.h"
#include "on_backends.h"

namespace io {
namespace {

using namespace std::chrono_literals;

class TaskTest : public OnBackends {};
class TaskScopeTest : public OnBackends {};
ON_BACKENDS(TaskTest);
ON_BACKENDS(TaskScopeTest);

Task<int> value(int n) { co_return n; }

Task<int> sum_to(int n) {
    int sum = 0;
    for (int i = 1; i <= n; ++i) sum += co_await value(i);
    co_return sum;
}

Task<int> depth(int n) {
    if (n == 0) co_return 0;
    co_return co_await depth(n - 1) + 1;
}

Task<std::unique_ptr<std::string>> made(std::string text) {
    co_return std::make_unique<std::string>(std::move(text));
}

Task<void> mark(std::shared_ptr<int> held, int& at) {
    at = *held;
    co_return;
}

TEST_P(TaskTest, HandsItsValueToWhoAwaitsIt) {
    EXPECT_EQ(reactor.run_until_done(sum_to(1000)), 500'500);
}

TEST_P(TaskTest, MovesAMoveOnlyResultThrough) {
    const auto text =
        reactor.run_until_done(made("a move-only result, too long for the inline buffer"));
    EXPECT_EQ(*text, "a move-only result, too long for the inline buffer");
}

TEST_P(TaskTest, TakesAResultThatIsAnError) {
    auto task = []() -> Task<base::Result<int>> {
        co_return base::fail(base::ErrorKind::invalid, "no", "not today");
    };
    const auto result = reactor.run_until_done(task());
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, "no");
}

// Symmetric transfer, both on the way down and on the way up: no stack is used however deep awaits
// go.
TEST_P(TaskTest, AwaitsAreAsDeepAsTheyLike) {
    EXPECT_EQ(reactor.run_until_done(depth(100'000)), 100'000);
}

TEST_P(TaskTest, DestroyedUnstartedDestroysItsParameters) {
    int at = 0;
    auto held = std::make_shared<int>(7);
    {
        const auto task = mark(held, at);
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(at, 0);
}

TEST_P(TaskTest, RunsOnlyWhenAwaited) {
    int at = 0;
    auto task = mark(std::make_shared<int>(7), at);
    EXPECT_EQ(at, 0);
    run(std::move(task));
    EXPECT_EQ(at, 7);
}

TEST_P(TaskTest, ARunEndsWithItsTaskNotWithTheLoopsNextWait) {
    const auto begin = reactor.now();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(reactor.run_until_done(value(i)), i);
    EXPECT_LT(reactor.now() - begin, 5s);  // 20 waits of a loop that has nothing to do take 20 s
}

TEST(Frames, ComeBackFromTheFreeListUnmixed) {
    // Sizes of one class share frames, those of different classes never do; large ones go to the
    // heap.
    constexpr std::array<std::size_t, 7> kSizes = {1, 64, 65, 640, 4096, 4097, 100'000};
    for (int round = 0; round < 3; ++round) {
        std::vector<std::pair<void*, std::size_t>> frames;
        for (int i = 0; i < 1000; ++i) {
            for (const std::size_t size : kSizes) {
                void* frame = detail::allocate_frame(size);
                EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % alignof(std::max_align_t), 0u);
                std::memset(frame, i, size);
                frames.emplace_back(frame, size);
            }
        }
        for (std::size_t i = 0; i < frames.size(); ++i) {
            const auto* bytes = static_cast<const unsigned char*>(frames[i].first);
            const auto want = static_cast<unsigned char>(i / kSizes.size());
            EXPECT_TRUE(bytes[0] == want && bytes[frames[i].second - 1] == want) << i;
        }
        for (const auto& [frame, size] : frames) detail::free_frame(frame, size);
    }
}

Task<void> add_later(Reactor& reactor, int n, std::vector<int>& order) {
    co_await reactor.sleep(base::Duration::zero());
    order.push_back(n);
}

TEST_P(TaskScopeTest, JoinWaitsForAll) {
    std::vector<int> order;
    run([](Reactor& r, std::vector<int>& out) -> Task<void> {
        TaskScope scope(r);
        for (int i = 0; i < 10'000; ++i) scope.spawn(add_later(r, i, out));
        EXPECT_EQ(scope.running(), 10'000u);
        EXPECT_TRUE(out.empty());  // nothing runs inside spawn()
        co_await scope.join();
        EXPECT_EQ(scope.running(), 0u);
    }(reactor, order));
    ASSERT_EQ(order.size(), 10'000u);
    std::sort(order.begin(), order.end());
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(TaskScopeTest, JoinWithNothingSpawnedReturns) {
    run([](Reactor& r) -> Task<void> {
        TaskScope scope(r);
        co_await scope.join();
        co_await scope.join();
    }(reactor));
}

Task<void> spawn_tree(Reactor& reactor, TaskScope& scope, int levels, int& leaves) {
    if (levels == 0) {
        ++leaves;
        co_return;
    }
    co_await reactor.sleep(base::Duration::zero());
    scope.spawn(spawn_tree(reactor, scope, levels - 1, leaves));
    scope.spawn(spawn_tree(reactor, scope, levels - 1, leaves));
}

TEST_P(TaskScopeTest, JoinWaitsForWhatIsSpawnedFromWithin) {
    int leaves = 0;
    run([](Reactor& r, int& out) -> Task<void> {
        TaskScope scope(r);
        scope.spawn(spawn_tree(r, scope, 10, out));
        co_await scope.join();
    }(reactor, leaves));
    EXPECT_EQ(leaves, 1024);
}

TEST_P(TaskScopeTest, IsReusableAfterAJoin) {
    std::vector<int> order;
    run([](Reactor& r, std::vector<int>& out) -> Task<void> {
        TaskScope scope(r);
        for (int i = 0; i < 3; ++i) {
            scope.spawn(add_later(r, i, out));
            co_await scope.join();
        }
    }(reactor, order));
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_P(TaskScopeTest, DyingUnjoinedAborts) {
    EXPECT_DEATH(
        {
            Reactor r(must(make_backend(BackendChoice::epoll)));
            TaskScope scope(r);
            scope.spawn([]() -> Task<void> { co_return; }());
        },
        "running_ == 0");
}

}  // namespace
}  // namespace io
