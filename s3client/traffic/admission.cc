#include "s3client/traffic/admission.h"

#include "base/log.h"

namespace s3client {
namespace {

// Buckets have hosts of their own; of a million buckets each would leave a gate behind.
constexpr std::size_t kGatesMax = 10'000;
// So many flows may have ended before those at rest are forgotten.
constexpr std::size_t kRestingFlowsMax = 1'000;
constexpr double kNoLimit = 1e12;  // requests a second

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
    if (admission_ != nullptr) admission_->leave(flow_, bytes_);
}

Admission::Admission(io::Reactor& reactor, unsigned limit_max, TrafficBudgets budgets)
    : reactor_(reactor),
      budgets_(budgets),
      limit_(limit_max),
      places_(reactor, limit_.limit(), {.flow_units_max = budgets.flow_requests_max}),
      forget_flows_at_(kRestingFlowsMax) {
    if (budgets_.requests_per_second > 0)
        all_flows_.emplace(reactor, TokenBucket(budgets_.requests_per_second));
}

void Admission::set_rates(double requests_per_second, double flow_requests_per_second) {
    budgets_.requests_per_second = requests_per_second;
    budgets_.flow_requests_per_second = flow_requests_per_second;
    // Somebody may stand in line: gates stay, and let all pass.
    const auto rate = [](double per_second) { return per_second > 0 ? per_second : kNoLimit; };
    if (all_flows_)
        all_flows_->turns().set_rate(rate(requests_per_second));
    else if (requests_per_second > 0)
        all_flows_.emplace(reactor_, TokenBucket(requests_per_second));
    for (auto& [id, gate] : flows_) gate.turns().set_rate(rate(flow_requests_per_second));
}

Admission::Gate& Admission::gate(const std::string& endpoint, RateClass rate_class) {
    if (gates_.size() >= kGatesMax) {
        std::erase_if(gates_, [](const auto& known) {
            return !known.second->turns().limited() && known.second->is_empty();
        });
    }
    auto& found = gates_[{endpoint, rate_class}];
    if (!found) found = std::make_unique<Gate>(reactor_);
    return *found;
}

Admission::BudgetGate* Admission::gate_of(const io::Flow& flow) {
    if (budgets_.flow_requests_per_second <= 0 || flow.id == 0) return nullptr;
    if (flows_.size() >= forget_flows_at_) {
        std::erase_if(flows_, [now = reactor_.now()](auto& known) {
            return known.second.is_empty() && known.second.turns().is_idle(now);
        });
        forget_flows_at_ = flows_.size() + kRestingFlowsMax;
    }
    return &flows_.try_emplace(flow.id, reactor_, TokenBucket(budgets_.flow_requests_per_second))
                .first->second;
}

bool Admission::try_keep_budgets(const io::Flow& flow) {
    BudgetGate* own = gate_of(flow);
    if (own != nullptr && !own->try_pass()) return false;
    if (!all_flows_ || all_flows_->try_pass()) return true;
    if (own != nullptr) own->turns().give_back();
    return false;
}

// The flow's own rate first: who waits for that holds back nobody else.
io::Task<base::Status> Admission::keep_budgets(io::Flow flow, io::CancelSource* cancel) {
    BudgetGate* own = gate_of(flow);
    if (own != nullptr && !own->try_pass()) {
        if (auto passed = co_await own->pass(flow, cancel); !passed) co_return passed;
    }
    if (all_flows_ && !all_flows_->try_pass()) co_return co_await all_flows_->pass(flow, cancel);
    co_return base::Status{};
}

io::Task<base::Result<Permit>> Admission::enter(std::string endpoint, RateClass rate_class,
                                                io::Flow flow, io::CancelSource* cancel) {
    if (!try_keep_budgets(flow)) {
        if (auto kept = co_await keep_budgets(flow, cancel); !kept)
            co_return std::unexpected(kept.error());
    }
    if (Gate& its = gate(endpoint, rate_class); !its.try_pass()) {
        if (auto passed = co_await its.pass(flow, cancel); !passed)
            co_return std::unexpected(passed.error());
    }
    const auto rank =
        rate_class == RateClass::write ? io::FairQueue::Rank::first : io::FairQueue::Rank::second;
    if (auto placed = co_await places_.take(flow, 1, {.cancel = cancel}, rank); !placed)
        co_return std::unexpected(placed.error());
    co_return Permit(*this, flow.id);
}

std::optional<Permit> Admission::try_enter(const std::string& endpoint, RateClass rate_class,
                                           const io::Flow& flow) {
    if (!places_.try_take(flow, 1)) return std::nullopt;
    if (try_keep_budgets(flow)) {
        if (gate(endpoint, rate_class).try_pass()) return Permit(*this, flow.id);
        if (BudgetGate* own = gate_of(flow)) own->turns().give_back();
        if (all_flows_) all_flows_->turns().give_back();
    }
    places_.give_back(flow.id, 1);
    return std::nullopt;
}

void Admission::leave(std::uint64_t flow_id, std::uint64_t bytes) {
    limit_.on_ended(reactor_.now(), bytes, places_.contended());
    places_.set_units(limit_.limit());
    places_.give_back(flow_id, 1);
}

void Admission::on_answered(const std::string& endpoint, RateClass rate_class) {
    gate(endpoint, rate_class).turns().on_answered(reactor_.now());
}

void Admission::on_throttled(const std::string& endpoint, RateClass rate_class) {
    RateGovernor& governor = gate(endpoint, rate_class).turns();
    const bool limited = governor.limited();
    governor.on_throttled(reactor_.now());
    if (limited) return;
    base::log_info("S3 asks us to slow down",
                   {{"endpoint", endpoint},
                    {"class", rate_class == RateClass::write ? "write" : "read"},
                    {"requests_per_second", governor.rate(reactor_.now())}});
}

}  // namespace s3client
