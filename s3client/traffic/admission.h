// Who may send now: every request of a client passes here before it takes a connection.
//
//   1. its turn at the rates that are set, of its flow and of all (TokenBucket)
//   2. its turn at the rate the endpoint takes (RateGovernor, one for each endpoint and class)
//   3. a place among those under way (ConcurrencyLimit); writes go before reads, since a part that
//      is full holds memory that reads wait for
//
// All lines are fair between flows (io::FairQueue). Not thread-safe: one for each client. It
// outlives its permits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/fair_queue.h"
#include "io/reactor.h"
#include "s3client/operation.h"
#include "s3client/traffic/concurrency_limit.h"
#include "s3client/traffic/rate_governor.h"
#include "s3client/traffic/token_bucket.h"
#include "s3client/traffic/turnstile.h"

namespace s3client {

enum class RateClass : std::uint8_t { read, write };  // as S3 counts them
RateClass rate_class(Operation operation);

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
          bytes_(other.bytes_) {}
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    void moved(std::uint64_t bytes) { bytes_ += bytes; }

  private:
    friend class Admission;
    Permit(Admission& admission, std::uint64_t flow_id) : admission_(&admission), flow_(flow_id) {}
    Admission* admission_;
    std::uint64_t flow_;
    std::uint64_t bytes_ = 0;
};

class Admission {
  public:
    Admission(io::Reactor& reactor, unsigned limit_max, TrafficBudgets budgets = {});

    // Waits without a deadline: the line moves as others end, and each of those has one.
    io::Task<base::Result<Permit>> enter(std::string endpoint, RateClass rate_class, io::Flow flow,
                                         io::CancelSource* cancel);
    // A place if there is one at once; for what nobody waits for.
    std::optional<Permit> try_enter(const std::string& endpoint, RateClass rate_class,
                                    const io::Flow& flow);

    void on_answered(const std::string& endpoint, RateClass rate_class);
    void on_throttled(const std::string& endpoint, RateClass rate_class);

    // From now on; 0: no limit.
    void set_rates(double requests_per_second, double flow_requests_per_second);

    unsigned limit() const { return limit_.limit(); }
    unsigned under_way() const { return static_cast<unsigned>(places_.taken()); }
    std::size_t flows_known() const { return places_.flows_known() + flows_.size(); }

  private:
    friend class Permit;
    using Gate = Turnstile<RateGovernor>;
    using BudgetGate = Turnstile<TokenBucket>;
    Gate& gate(const std::string& endpoint, RateClass rate_class);
    BudgetGate* gate_of(const io::Flow& flow);
    io::Task<base::Status> keep_budgets(io::Flow flow, io::CancelSource* cancel);
    bool try_keep_budgets(const io::Flow& flow);
    void leave(std::uint64_t flow_id, std::uint64_t bytes);

    io::Reactor& reactor_;
    TrafficBudgets budgets_;
    ConcurrencyLimit limit_;
    io::FairQueue places_;
    std::map<std::pair<std::string, RateClass>, std::unique_ptr<Gate>> gates_;
    std::optional<BudgetGate> all_flows_;
    std::map<std::uint64_t, BudgetGate> flows_;
    std::size_t forget_flows_at_;
};

}  // namespace s3client
