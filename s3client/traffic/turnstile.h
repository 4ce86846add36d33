// The line before something that gives out turns at a rate (RateGovernor, TokenBucket): fair
// between flows. The first of the line sleeps until there is a turn, the others until it has gone.
//
// Lives on one reactor; outlives those in its line. Passing costs nothing while there are turns.
#pragma once

#include <optional>
#include <utility>

#include "io/fair_queue.h"
#include "io/reactor.h"

namespace s3client {

template <typename Turns>
class Turnstile {
  public:
    explicit Turnstile(io::Reactor& reactor, Turns turns = Turns())
        : turns_(std::move(turns)), reactor_(reactor), line_(reactor, 1) {}

    Turns& turns() { return turns_; }
    const Turns& turns() const { return turns_; }
    // Nobody stands here.
    bool is_empty() const { return line_.taken() == 0; }
    // Passes if it need not wait.
    bool try_pass() { return is_empty() && !turns_.take(reactor_.now()); }

    io::Task<base::Status> pass(io::Flow flow, io::CancelSource* cancel) {
        if (auto first = co_await line_.take(flow, 1, {.cancel = cancel}); !first) co_return first;
        base::Status passed;
        while (const auto wait = turns_.take(reactor_.now())) {
            if (co_await reactor_.sleep(*wait, cancel)) continue;
            passed = base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
            break;
        }
        line_.give_back(flow.id, 1);
        co_return passed;
    }

  private:
    Turns turns_;
    io::Reactor& reactor_;
    io::FairQueue line_;
};

}  // namespace s3client
