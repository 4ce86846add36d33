// Whose turn it is.
#include "daemon/api_turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <vector>

namespace s3zipd {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;
using Waiter = ApiTurns::Waiter;

class TurnsTest : public testing::Test {
  protected:
    std::shared_ptr<Waiter> waiter() {
        return std::make_shared<Waiter>(turns_, io_.get_executor());
    }
    // Notes what comes of it, once the context runs: the number with a turn, its negative without.
    std::shared_ptr<Waiter> take(int number) {
        auto made = waiter();
        asio::co_spawn(io_, note(made, number),
                       [](const std::exception_ptr& e) { EXPECT_FALSE(e); });
        run();
        return made;
    }
    asio::awaitable<void> note(std::shared_ptr<Waiter> waiter, int number) {
        const bool has_turn = co_await waiter->take();
        noted_.push_back(has_turn ? number : -number);
    }
    void run() {
        io_.restart();
        io_.poll();
    }

    asio::io_context io_;
    std::shared_ptr<ApiTurns> turns_ = std::make_shared<ApiTurns>(2);
    std::vector<int> noted_;
};

TEST_F(TurnsTest, TheLatestGoesFirst) {
    const auto a = take(1), b = take(2), c = take(3), d = take(4);
    EXPECT_THAT(noted_, ElementsAre(1, 2));
    a->done();
    run();
    EXPECT_THAT(noted_, ElementsAre(1, 2, 4));
    const auto e = take(5);
    d->done();
    run();
    b->done();
    run();
    EXPECT_THAT(noted_, ElementsAre(1, 2, 4, 5, 3));
    c->done();
    e->done();
    const auto f = take(6), g = take(7), h = take(8);
    EXPECT_THAT(noted_, ElementsAre(1, 2, 4, 5, 3, 6, 7));
}

TEST_F(TurnsTest, WhoGivesUpIsNotWaitedFor) {
    const auto a = take(1), b = take(2), c = take(3), d = take(4);
    d->give_up();
    run();
    EXPECT_THAT(noted_, ElementsAre(1, 2, -4));
    a->done();
    run();
    EXPECT_THAT(noted_, ElementsAre(1, 2, -4, 3));
    const auto e = waiter();
    e->give_up();
    asio::co_spawn(io_, note(e, 5), [](const std::exception_ptr&) {});
    run();
    EXPECT_EQ(noted_.back(), -5);
}

// A turn that comes to one who gives up at the same time is not lost.
TEST_F(TurnsTest, WhoGivesUpWithATurnGivesItBack) {
    const auto a = take(1), b = take(2), c = take(3);
    a->done();
    c->give_up();
    run();
    EXPECT_THAT(noted_, ElementsAre(1, 2, 3));
    c->done();
    const auto d = take(4);
    EXPECT_THAT(noted_, ElementsAre(1, 2, 3, 4));
}

TEST_F(TurnsTest, WhoWaitsMayGoWithTheContext) {
    auto io = std::make_unique<asio::io_context>();
    auto only = std::make_shared<ApiTurns>(0);
    asio::co_spawn(*io, note(std::make_shared<Waiter>(only, io->get_executor()), 1),
                   [](const std::exception_ptr&) {});
    io->poll();
    io.reset();
    EXPECT_THAT(noted_, ElementsAre());
}

// No more at once than there are turns, and everybody has one in the end.
TEST_F(TurnsTest, OnManyThreads) {
    constexpr int kWaiters = 64, kTurnsEach = 50;
    std::atomic<int> at_once{0}, most{0}, taken{0};
    const auto work = [&](std::shared_ptr<Waiter> waiter) -> asio::awaitable<void> {
        for (int i = 0; i < kTurnsEach; ++i) {
            if (!co_await waiter->take()) co_return;
            const int now = ++at_once;
            int before = most;
            while (now > before && !most.compare_exchange_weak(before, now)) {
            }
            ++taken;
            --at_once;
            waiter->done();
        }
    };
    for (int i = 0; i < kWaiters; ++i) {
        const auto strand = asio::make_strand(io_);
        asio::co_spawn(strand, work(std::make_shared<Waiter>(turns_, strand)),
                       [](const std::exception_ptr& e) { EXPECT_FALSE(e); });
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io_.run(); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, kWaiters * kTurnsEach);
    EXPECT_LE(most, 2);
}

}  // namespace
}  // namespace s3zipd
