// Units (blocks of memory, places for requests) shared fairly between flows: whoever waits stands
// in the line of its own flow, and the flow that got least goes first.
//
// Start-time fair queueing: what a flow takes moves its tag on by units / weight, the lowest tag is
// next. Who comes back after a rest starts at the present: nothing is saved up. Besides, a flow
// that holds its share of the units stands back behind those that do not, so that slow work leaves
// room for fast; and a head that does not fit holds back everybody, so that it is served in the
// end, unless only a bound is in its way.
//
// Not thread-safe: lives on one reactor, outlives its waiters, resumes them through the ready
// queue. To take without a wait costs a look-up; a choice is a walk over the flows that wait.
#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "io/bounds.h"
#include "io/reactor.h"

namespace io {

// In whose name something is taken; carried by value. Flow 0 is nobody's, and one like the others.
struct Flow {
    std::uint64_t id = 0;
    double weight = 1;        // above 0; the same in all that the flow takes
    std::uint64_t order = 0;  // among the flow's own: lower goes first, then who came first
};

class FairQueue {
  public:
    enum class Rank : std::uint8_t { first, second };  // all of the first go before the second
    static constexpr std::size_t kRanks = 2;
    // Flows that hold nothing and do not wait, and are not forgotten yet.
    static constexpr std::size_t kIdleMax = 1'000;

    struct Bound {  // of all flows but 0
        // What one flow may hold, but for its first take; 0: all.
        std::uint64_t flow_units_max = 0;
        // So many are left to flows that hold nothing, or less than their share: a newcomer need
        // not wait until slow work gives something back. But for takes that are larger.
        std::uint64_t spare_units = 0;
    };
    FairQueue(Reactor& reactor, std::uint64_t units) : FairQueue(reactor, units, Bound{}) {}
    FairQueue(Reactor& reactor, std::uint64_t units, Bound bound);
    FairQueue(const FairQueue&) = delete;
    FairQueue& operator=(const FairQueue&) = delete;
    ~FairQueue() { CHECK(waiting_.empty()); }

  private:
    struct Account;

  public:
    class Wait final : private Timer, private CancelHook {
      public:
        Wait(FairQueue& queue, const Flow& flow, std::uint64_t units, const Bounds& bounds,
             Rank rank)
            : queue_(queue), flow_(flow), units_(units), bounds_(bounds), rank_(rank) {}
        bool await_ready();
        void await_suspend(std::coroutine_handle<> waiter);
        base::Status await_resume() const;

      private:
        friend class FairQueue;
        void on_timer() override { end(Outcome::timed_out); }
        void on_cancel() override { end(Outcome::cancelled); }
        enum class Outcome : std::uint8_t { served, timed_out, cancelled };
        void end(Outcome outcome);

        FairQueue& queue_;
        const Flow flow_;
        const std::uint64_t units_;
        const Bounds bounds_;
        const Rank rank_;
        std::coroutine_handle<> handle_;
        Account* account_ = nullptr;
        Wait* previous_ = nullptr;
        Wait* next_ = nullptr;
        Outcome outcome_ = Outcome::served;
    };

    // co_await it. Whoever has taken must give back. More than there ever is waits for ever.
    [[nodiscard]] Wait take(const Flow& flow, std::uint64_t units, const Bounds& bounds,
                            Rank rank = Rank::first) {
        return {*this, flow, units, bounds, rank};
    }
    // At once or not at all; passes nobody.
    bool try_take(const Flow& flow, std::uint64_t units);
    void give_back(std::uint64_t flow_id, std::uint64_t units);

    // What is taken stays so, even if there are fewer now.
    void set_units(std::uint64_t units);
    std::uint64_t units() const { return units_; }
    std::uint64_t taken() const { return taken_; }
    std::uint64_t free_units() const { return taken_ < units_ ? units_ - taken_ : 0; }
    // Somebody waits whom not only a bound holds back.
    bool contended() const { return choose() != nullptr; }
    std::size_t flows_known() const { return accounts_.size(); }

  private:
    // Of a flow with what it waits for; lower ones go first.
    enum class Standing : std::uint8_t { within_share, at_share, above_share };
    static constexpr std::size_t kStandings = 3;
    struct Line {
        Wait* first = nullptr;
        Wait* last = nullptr;
    };
    struct Account {
        double weight = 1;
        double tag = 0;          // virtual time up to which it has taken
        std::uint64_t held = 0;  // units
        std::array<Line, kRanks> lines{};
        bool active = false;   // holds something or waits
        bool bounded = false;  // not flow 0
        bool waits() const { return lines[0].first != nullptr || lines[1].first != nullptr; }
    };
    Account& account_of(const Flow& flow);
    void forget_idle();
    void note_activity(Account& account);
    bool at_bound(const Account& account, std::uint64_t units) const;
    double start_of(const Wait& wait) const;
    Standing standing_of(const Account& account, std::uint64_t units) const;
    bool goes_before(const Wait& a, const Wait* b) const;
    Wait* choose() const;
    void charge(Account& account, std::uint64_t units, double start);
    void join(Wait& wait);
    void leave(Wait& wait);
    void serve();

    Reactor& reactor_;
    std::uint64_t units_;
    const Bound bound_;
    std::uint64_t taken_ = 0;
    double now_ = 0;            // virtual time: what has been given back, for each weight
    double active_weight_ = 0;  // of all active accounts
    std::size_t active_ = 0;
    std::unordered_map<std::uint64_t, Account> accounts_;
    std::size_t forget_at_ = kIdleMax / 2;  // as many are known
    std::vector<Account*> waiting_;         // in the order they began to
};

}  // namespace io
