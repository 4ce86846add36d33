#include "s3client/traffic/admission.h"

#include <fmt/format.h>
#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "s3client/traffic/turn_limit.h"

namespace s3client {
namespace {

// So many flows may have ended before those at rest are forgotten.
constexpr std::size_t kRestingFlowsMax = 1'000;
constexpr double kNoLimit = 1e12;  // requests a second

std::string_view name_of(RateClass rate_class) {
    return rate_class == RateClass::write ? "write" : "read";
}

std::unexpected<base::Error> no_turn(const TurnLimit& limit, std::string_view line) {
    const auto waited = std::chrono::round<std::chrono::seconds>(limit.waited());
    return base::fail(base::ErrorKind::throttled, std::string(kNoTurn),
                      fmt::format("throttled: no turn within {} s {}", waited.count(), line));
}

}  // namespace

Permit::~Permit() {
    if (admission_ != nullptr) admission_->leave(*this);
}

Admission::Admission(io::Reactor& reactor, unsigned limit_max, TrafficBudgets budgets)
    : reactor_(reactor),
      budgets_(budgets),
      limit_(limit_max),
      places_(reactor, limit_.limit(), {.flow_units_max = budgets.flow_requests_max}),
      buckets_(reactor),
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

// The flow's own rate comes first: a request that waits for it holds back no other flow.
io::Task<base::Status> Admission::keep_budgets(io::Flow flow, io::CancelSource* cancel) {
    TurnLimit limit(reactor_, cancel, kBudgetWaitMax);
    base::Status passed;
    if (BudgetGate* own = gate_of(flow); own != nullptr && !own->try_pass())
        passed = co_await own->pass(flow, limit.source());
    if (passed && all_flows_ && !all_flows_->try_pass())
        passed = co_await all_flows_->pass(flow, limit.source());
    if (!passed && limit.expired())
        co_return no_turn(limit, "at the request rates that are set for s3zipd");
    co_return passed;
}

io::Task<base::Status> Admission::await_turn(BucketAddress address, RateClass rate_class,
                                             io::Flow flow, Wait wait) {
    const std::shared_ptr<BucketTraffic> traffic = buckets_.of(address);
    RateLane& lane = traffic->lane(rate_class);
    TurnLimit limit(reactor_, wait.cancel,
                    std::max(base::Duration::zero(), kTurnWaitMax - wait.waited), &lane,
                    wait.since);
    auto passed = co_await lane.gate.pass(flow, limit.source());
    if (!passed && limit.expired()) {
        co_return no_turn(limit,
                          fmt::format("for a {} request to bucket {} at {}, which answers 503",
                                      name_of(rate_class), address.bucket, address.endpoint));
    }
    co_return passed;
}

io::Task<base::Result<Permit>> Admission::enter(BucketAddress address, RateClass rate_class,
                                                io::Flow flow, Wait wait) {
    if (!try_keep_budgets(flow)) {
        if (auto kept = co_await keep_budgets(flow, wait.cancel); !kept)
            co_return std::unexpected(kept.error());
    }
    if (!buckets_.of(address)->lane(rate_class).gate.try_pass()) {
        auto passed = co_await await_turn(std::move(address), rate_class, flow, wait);
        if (!passed) co_return std::unexpected(passed.error());
    }
    const auto rank =
        rate_class == RateClass::write ? io::FairQueue::Rank::first : io::FairQueue::Rank::second;
    if (auto placed = co_await places_.take(flow, 1, {.cancel = wait.cancel}, rank); !placed)
        co_return std::unexpected(placed.error());
    co_return Permit(*this, flow.id);
}

std::optional<Permit> Admission::try_enter(const BucketAddress& address, RateClass rate_class,
                                           const io::Flow& flow) {
    if (!places_.try_take(flow, 1)) return std::nullopt;
    if (try_keep_budgets(flow)) {
        if (buckets_.of(address)->lane(rate_class).gate.try_pass()) return Permit(*this, flow.id);
        if (BudgetGate* own = gate_of(flow)) own->turns().give_back();
        if (all_flows_) all_flows_->turns().give_back();
    }
    places_.give_back(flow.id, 1);
    return std::nullopt;
}

void Admission::leave(const Permit& permit) {
    if (!permit.refused_) {
        limit_.on_ended(reactor_.now(), permit.bytes_, places_.contended());
        places_.set_units(limit_.limit());
    }
    places_.give_back(permit.flow_, 1);
}

void Admission::on_answered(const BucketAddress& address, RateClass rate_class) {
    buckets_.of(address)->lane(rate_class).on_answered(reactor_.now());
}

void Admission::on_throttled(const BucketAddress& address, RateClass rate_class) {
    RateLane& lane = buckets_.of(address)->lane(rate_class);
    const RateGovernor& governor = lane.gate.turns();
    const bool limited = governor.limited();
    lane.on_throttled(reactor_.now());
    if (limited) return;
    base::log_info("S3 asks us to slow down",
                   {{"endpoint", address.endpoint},
                    {"bucket", address.bucket},
                    {"class", name_of(rate_class)},
                    {"requests_per_second", governor.rate(reactor_.now())}});
}

RetryBudget& Admission::retry_budget(const BucketAddress& address) {
    return buckets_.of(address)->retry_budget();
}

}  // namespace s3client
