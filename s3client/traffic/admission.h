// Who may send now: every request of a client passes here before it takes a connection.
//
//   1. its turn at the rate the endpoint takes (RateGovernor, one for each endpoint and class)
//   2. a place among those under way (ConcurrencyLimit); writes go before reads, since a part that
//      is full holds memory that reads wait for
//
// Not thread-safe: one for each client. It outlives its permits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/reactor.h"
#include "io/sync.h"
#include "s3client/operation.h"
#include "s3client/traffic/concurrency_limit.h"
#include "s3client/traffic/rate_governor.h"

namespace s3client {

enum class RateClass : std::uint8_t { read, write };  // as S3 counts them
RateClass rate_class(Operation operation);

class Admission;

// A place among the requests under way; given back when destroyed.
class Permit {
  public:
    Permit(Permit&& other) noexcept : admission_(std::exchange(other.admission_, nullptr)) {
        bytes_ = other.bytes_;
    }
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    void moved(std::uint64_t bytes) { bytes_ += bytes; }

  private:
    friend class Admission;
    explicit Permit(Admission& admission) : admission_(&admission) {}
    Admission* admission_;
    std::uint64_t bytes_ = 0;
};

class Admission {
  public:
    Admission(io::Reactor& reactor, unsigned limit_max);

    // Waits without a deadline: the line moves as others end, and each of those has one.
    io::Task<base::Result<Permit>> enter(std::string endpoint, RateClass rate_class,
                                         io::CancelSource* cancel);
    // A place if there is one at once; for what nobody waits for.
    std::optional<Permit> try_enter(const std::string& endpoint, RateClass rate_class);

    void on_answered(const std::string& endpoint, RateClass rate_class);
    void on_throttled(const std::string& endpoint, RateClass rate_class);

    unsigned limit() const { return limit_.limit(); }
    unsigned under_way() const { return under_way_; }

  private:
    friend class Permit;
    struct Gate {
        explicit Gate(io::Reactor& reactor) : turn(reactor, 1) {}
        RateGovernor governor;
        io::Semaphore turn;  // so that those who wait for the rate go in the order they came
        bool is_idle() const { return !governor.limited() && turn.free_units() == 1; }
    };
    Gate& gate(const std::string& endpoint, RateClass rate_class);
    bool has_place() const { return under_way_ < limit_.limit(); }
    void leave(std::uint64_t bytes);
    void serve();

    io::Reactor& reactor_;
    ConcurrencyLimit limit_;
    unsigned under_way_ = 0;
    io::WaitQueue reads_, writes_;
    std::map<std::pair<std::string, RateClass>, std::unique_ptr<Gate>> gates_;
};

}  // namespace s3client
