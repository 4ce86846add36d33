// Admission of requests: every request of a client passes here before it takes a connection.
//
//   1. its turn at the rates that are set, of its flow and of all (TokenBucket)
//   2. its turn at the rate the bucket accepts (BucketTraffic, for each endpoint, bucket and class)
//   3. a place among those under way (ConcurrencyLimit); writes go before reads, since a part that
//      is full holds memory that reads wait for
//
// A request takes a place only after its turn has come, so that a bucket that answers 503 does not
// hold places. All lines are fair between flows (io::FairQueue), and every wait for a turn is
// bounded (turn_limit.h). Not thread-safe: one for each client. It outlives its permits.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "io/fair_queue.h"
#include "io/reactor.h"
#include "s3client/operation.h"
#include "s3client/traffic/bucket_traffic.h"
#include "s3client/traffic/concurrency_limit.h"
#include "s3client/traffic/token_bucket.h"
#include "s3client/traffic/turnstile.h"

namespace s3client {

// What is set for one client; 0: no limit. Nobody's flow (0) has none of its own.
struct TrafficBudgets {
    unsigned flow_requests_max = 0;  // under way
    double requests_per_second = 0;
    double flow_requests_per_second = 0;
};

class Admission;

// A place among the requests under way; given back when destroyed.
class Permit {
  public:
    Permit(Permit&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          flow_(other.flow_),
          bytes_(other.bytes_),
          refused_(other.refused_) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    void moved(std::uint64_t bytes) { bytes_ += bytes; }
    // The answer was a refusal: it says nothing about how many requests may be under way.
    void refused() { refused_ = true; }

  private:
    friend class Admission;
    Permit(Admission& admission, std::uint64_t flow_id) : admission_(&admission), flow_(flow_id) {}
    Admission* admission_;
    std::uint64_t flow_;
    std::uint64_t bytes_ = 0;
    bool refused_ = false;
};

class Admission {
  public:
    Admission(io::Reactor& reactor, unsigned limit_max, TrafficBudgets budgets = {});

    // A call waits here before each of its attempts.
    struct Wait {
        io::CancelSource* cancel = nullptr;
        base::SteadyTime since{};  // when the call began
        base::Duration waited{};   // how long its earlier attempts stood in line
    };
    // Errors: cancelled; throttled "no_turn" after too long a wait for a turn (turn_limit.h). The
    // wait for a place has no limit of its own: that line moves as others end, and each of those
    // has a deadline.
    io::Task<base::Result<Permit>> enter(BucketAddress address, RateClass rate_class, io::Flow flow,
                                         Wait wait);
    // A place if there is one at once; for a request that need not be sent.
    std::optional<Permit> try_enter(const BucketAddress& address, RateClass rate_class,
                                    const io::Flow& flow);

    void on_answered(const BucketAddress& address, RateClass rate_class);
    void on_throttled(const BucketAddress& address, RateClass rate_class);
    // Pays for retries of requests to this bucket.
    RetryBudget& retry_budget(const BucketAddress& address);

    // From now on; 0: no limit.
    void set_rates(double requests_per_second, double flow_requests_per_second);

    unsigned limit() const { return limit_.limit(); }
    unsigned under_way() const { return static_cast<unsigned>(places_.taken()); }
    std::size_t flows_known() const { return places_.flows_known() + flows_.size(); }
    std::size_t buckets_known() const { return buckets_.size(); }

  private:
    friend class Permit;
    using BudgetGate = Turnstile<TokenBucket>;
    BudgetGate* gate_of(const io::Flow& flow);
    io::Task<base::Status> keep_budgets(io::Flow flow, io::CancelSource* cancel);
    bool try_keep_budgets(const io::Flow& flow);
    io::Task<base::Status> await_turn(BucketAddress address, RateClass rate_class, io::Flow flow,
                                      Wait wait);
    void leave(const Permit& permit);

    io::Reactor& reactor_;
    TrafficBudgets budgets_;
    ConcurrencyLimit limit_;
    io::FairQueue places_;
    BucketTable buckets_;
    std::optional<BudgetGate> all_flows_;
    std::map<std::uint64_t, BudgetGate> flows_;
    std::size_t forget_flows_at_;
};

}  // namespace s3client
