#include "io/fair_queue.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace io {
namespace {

// Shares are sums of weights: as exact as floating point is.
constexpr double kRounding = 1e-6;

template <typename Enum>
std::size_t index(Enum place) {
    return static_cast<std::size_t>(place);
}

}  // namespace

FairQueue::FairQueue(Reactor& reactor, std::uint64_t units, Bound bound)
    : reactor_(reactor), units_(units), bound_(bound) {}

bool FairQueue::Wait::await_ready() {
    if (bounds_.cancel != nullptr && bounds_.cancel->cancelled()) {
        outcome_ = Outcome::cancelled;
        return true;
    }
    return queue_.try_take(flow_, units_);
}

void FairQueue::Wait::await_suspend(std::coroutine_handle<> waiter) {
    handle_ = waiter;
    const base::SteadyTime due = bounds_.due(queue_.reactor_.now());
    if (due != base::SteadyTime::max()) queue_.reactor_.timers().arm(*this, due);
    if (bounds_.cancel != nullptr) bounds_.cancel->hook(*this);
    queue_.join(*this);
    // Its flow may be next, though others wait.
    queue_.serve();
}

void FairQueue::Wait::end(Outcome outcome) {
    queue_.reactor_.timers().disarm(*this);
    unhook();
    queue_.leave(*this);
    outcome_ = outcome;
    queue_.reactor_.make_ready(handle_);
    // Those behind it may fit.
    if (outcome != Outcome::served) queue_.serve();
}

base::Status FairQueue::Wait::await_resume() const {
    if (outcome_ == Outcome::served) return {};
    return std::unexpected(
        io_error(outcome_ == Outcome::timed_out ? -ETIMEDOUT : -ECANCELED, "waiting"));
}

FairQueue::Account& FairQueue::account_of(const Flow& flow) {
    CHECK(flow.weight > 0);
    auto found = accounts_.find(flow.id);
    if (found == accounts_.end()) {
        if (accounts_.size() >= forget_at_) forget_idle();
        found = accounts_.try_emplace(flow.id).first;
        found->second.bounded = flow.id != 0;
    }
    Account& account = found->second;
    if (account.active) active_weight_ += flow.weight - account.weight;
    account.weight = flow.weight;
    return account;
}

void FairQueue::forget_idle() {
    // What is ahead of the present would be forgiven; but there must be an end to what is kept.
    std::erase_if(accounts_, [this](const auto& known) {
        return !known.second.active && known.second.tag <= now_;
    });
    if (accounts_.size() - active_ > kIdleMax / 2) {
        std::erase_if(accounts_, [](const auto& known) { return !known.second.active; });
    }
    forget_at_ = accounts_.size() + kIdleMax / 2;
}

void FairQueue::note_activity(Account& account) {
    const bool active = account.held > 0 || account.waits();
    if (active == account.active) return;
    account.active = active;
    active_ += active ? 1 : -1;
    active_weight_ = active_ == 0 ? 0 : active_weight_ + (active ? 1 : -1) * account.weight;
}

bool FairQueue::at_bound(const Account& account, std::uint64_t units) const {
    if (account.held == 0 || !account.bounded) return false;
    const std::uint64_t held_max = bound_.flow_units_max;
    if (held_max != 0 && account.held + units > held_max) return true;
    return units <= bound_.spare_units && free_units() < units + bound_.spare_units &&
           standing_of(account, units) != Standing::within_share;
}

// A flow that stood back falls behind by one take at most; else it would make up for all of it once
// others come.
double FairQueue::start_of(const Wait& wait) const {
    const double behind_max = static_cast<double>(wait.units_) / wait.account_->weight;
    return std::max(wait.account_->tag, now_ - behind_max);
}

FairQueue::Standing FairQueue::standing_of(const Account& account, std::uint64_t units) const {
    const std::uint64_t shared = units_ - std::min(units_, bound_.spare_units);
    const double share = static_cast<double>(shared) * account.weight / active_weight_ + kRounding;
    if (static_cast<double>(account.held + units) <= share) return Standing::within_share;
    return static_cast<double>(account.held) < share ? Standing::at_share : Standing::above_share;
}

bool FairQueue::goes_before(const Wait& a, const Wait* b) const {
    if (b == nullptr) return true;
    const double start_a = start_of(a), start_b = start_of(*b);
    if (start_a != start_b) return start_a < start_b;
    return static_cast<double>(a.account_->held) * b->account_->weight <
           static_cast<double>(b->account_->held) * a.account_->weight;
}

FairQueue::Wait* FairQueue::choose() const {
    for (std::size_t rank = 0; rank < kRanks; ++rank) {
        Wait* first = nullptr;
        std::array<Wait*, kStandings> first_of{};
        for (const Account* account : waiting_) {
            Wait* head = account->lines[rank].first;
            if (head == nullptr || at_bound(*account, head->units_)) continue;
            if (goes_before(*head, first)) first = head;
            Wait*& before = first_of[index(standing_of(*account, head->units_))];
            if (goes_before(*head, before)) before = head;
        }
        if (first == nullptr) continue;
        // Who holds nothing stands back for nobody, or a large part might never be served.
        if (first->account_->held == 0) return first;
        return *std::ranges::find_if(first_of, [](Wait* head) { return head != nullptr; });
    }
    return nullptr;
}

void FairQueue::charge(Account& account, std::uint64_t units, double start) {
    account.held += units;
    taken_ += units;
    note_activity(account);
    const auto cost = static_cast<double>(units);
    account.tag = start + cost / account.weight;
    // What is held has not been used yet: the present is behind by all there is, at most.
    if (units > 0) now_ = std::max(now_, start - static_cast<double>(units_) / active_weight_);
}

bool FairQueue::try_take(const Flow& flow, std::uint64_t units) {
    if (units > free_units()) return false;
    Account& account = account_of(flow);
    if (!waiting_.empty() && (account.waits() || contended())) return false;
    if (at_bound(account, units)) return false;
    charge(account, units, std::max(account.tag, now_));
    return true;
}

void FairQueue::give_back(std::uint64_t flow_id, std::uint64_t units) {
    if (units == 0) return;  // who holds nothing may be forgotten
    const auto found = accounts_.find(flow_id);
    CHECK(found != accounts_.end() && found->second.held >= units);
    now_ += static_cast<double>(units) / active_weight_;
    found->second.held -= units;
    taken_ -= units;
    note_activity(found->second);
    serve();
}

void FairQueue::set_units(std::uint64_t units) {
    if (units == units_) return;
    units_ = units;
    serve();
}

void FairQueue::join(Wait& wait) {
    Account& account = account_of(wait.flow_);
    wait.account_ = &account;
    if (!account.waits()) {
        waiting_.push_back(&account);
        account.tag = std::max(account.tag, now_);
    }
    Line& line = account.lines[index(wait.rank_)];
    wait.previous_ = line.last;
    while (wait.previous_ != nullptr && wait.previous_->flow_.order > wait.flow_.order)
        wait.previous_ = wait.previous_->previous_;
    Wait*& here = wait.previous_ == nullptr ? line.first : wait.previous_->next_;
    wait.next_ = here;
    (here == nullptr ? line.last : here->previous_) = &wait;
    here = &wait;
    note_activity(account);
}

void FairQueue::leave(Wait& wait) {
    Account& account = *wait.account_;
    Line& line = account.lines[index(wait.rank_)];
    (wait.previous_ == nullptr ? line.first : wait.previous_->next_) = wait.next_;
    (wait.next_ == nullptr ? line.last : wait.next_->previous_) = wait.previous_;
    if (!account.waits()) std::erase(waiting_, &account);
    note_activity(account);
}

void FairQueue::serve() {
    // Taken in the waiter's name before it is woken.
    for (Wait* next = choose(); next != nullptr && next->units_ <= free_units(); next = choose()) {
        charge(*next->account_, next->units_, start_of(*next));
        next->end(Wait::Outcome::served);
    }
}

}  // namespace io
