#include "s3client/traffic/admission.h"

#include "base/log.h"

namespace s3client {
namespace {

// Buckets have hosts of their own; of a million buckets each would leave a gate behind.
constexpr std::size_t kGatesMax = 10'000;

}  // namespace

RateClass rate_class(Operation operation) {
    switch (operation) {
        case Operation::list_objects:
        case Operation::head_object:
        case Operation::get_object:
        case Operation::list_parts:
        case Operation::list_multipart_uploads: return RateClass::read;
        default: return RateClass::write;
    }
}

Permit::~Permit() {
    if (admission_ != nullptr) admission_->leave(bytes_);
}

Admission::Admission(io::Reactor& reactor, unsigned limit_max)
    : reactor_(reactor), limit_(limit_max), reads_(reactor), writes_(reactor) {}

Admission::Gate& Admission::gate(const std::string& endpoint, RateClass rate_class) {
    if (gates_.size() >= kGatesMax) {
        std::erase_if(gates_, [](const auto& gate) { return gate.second->is_idle(); });
    }
    auto& found = gates_[{endpoint, rate_class}];
    if (!found) found = std::make_unique<Gate>(reactor_);
    return *found;
}

io::Task<base::Result<Permit>> Admission::enter(std::string endpoint, RateClass rate_class,
                                                io::CancelSource* cancel) {
    {
        Gate& its = gate(endpoint, rate_class);
        if (its.turn.contended() || its.governor.take(reactor_.now())) {
            if (auto turn = co_await its.turn.acquire(1, {.cancel = cancel}); !turn)
                co_return std::unexpected(turn.error());
            while (const auto wait = its.governor.take(reactor_.now())) {
                if (co_await reactor_.sleep(*wait, cancel)) continue;
                its.turn.release(1);
                co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
            }
            its.turn.release(1);
        }
    }
    io::WaitQueue& line = rate_class == RateClass::write ? writes_ : reads_;
    const bool first = line.empty() && (rate_class == RateClass::write || writes_.empty());
    if (first && has_place()) {
        ++under_way_;
        co_return Permit(*this);
    }
    // serve() takes the place in our name before it wakes us.
    if (auto woken = co_await line.wait({.cancel = cancel}); !woken)
        co_return std::unexpected(woken.error());
    co_return Permit(*this);
}

std::optional<Permit> Admission::try_enter(const std::string& endpoint, RateClass rate_class) {
    if (!has_place() || !reads_.empty() || !writes_.empty()) return std::nullopt;
    Gate& its = gate(endpoint, rate_class);
    if (its.turn.contended() || its.governor.take(reactor_.now())) return std::nullopt;
    ++under_way_;
    return Permit(*this);
}

void Admission::leave(std::uint64_t bytes) {
    --under_way_;
    limit_.on_ended(reactor_.now(), bytes, !reads_.empty() || !writes_.empty());
    serve();
}

void Admission::serve() {
    while (has_place() && !(reads_.empty() && writes_.empty())) {
        ++under_way_;
        (writes_.empty() ? reads_ : writes_).wake_front();
    }
}

void Admission::on_answered(const std::string& endpoint, RateClass rate_class) {
    gate(endpoint, rate_class).governor.on_answered(reactor_.now());
}

void Admission::on_throttled(const std::string& endpoint, RateClass rate_class) {
    RateGovernor& governor = gate(endpoint, rate_class).governor;
    const bool limited = governor.limited();
    governor.on_throttled(reactor_.now());
    if (limited) return;
    base::log_info("S3 asks us to slow down",
                   {{"endpoint", endpoint},
                    {"class", rate_class == RateClass::write ? "write" : "read"},
                    {"requests_per_second", governor.rate(reactor_.now())}});
}

}  // namespace s3client
