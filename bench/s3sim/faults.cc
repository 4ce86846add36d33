#include "s3sim/faults.h"

#include <algorithm>
#include <utility>

#include "s3sim/numbers.h"
#include "s3sim/storm.h"

namespace s3sim {

base::Status FaultPlan::set(std::string_view text) {
    std::vector<Rule> rules;
    while (!text.empty()) {
        // A comment ends with its line only: a semicolon in it is part of it.
        const auto line_end = std::min(text.find('\n'), text.size());
        const auto comment = std::min(text.find('#'), line_end);
        const auto end = std::min(text.find(';'), comment);
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min((end == comment ? line_end : end) + 1, text.size()));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto rule = parse_rule(line);
        if (!rule) return std::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    const bool uses_earlier = std::ranges::any_of(rules, [](const Rule& rule) {
        const auto is_one = [](FaultKind kind) {
            return kind == FaultKind::late || kind == FaultKind::swap;
        };
        return rule.kinds.empty() ? is_one(rule.fault.kind)
                                  : std::ranges::any_of(rule.kinds, is_one);
    });
    const std::scoped_lock lock(mutex_);
    rules_ = std::move(rules);
    uses_earlier_answers_ = uses_earlier;
    ++generation_;
    return {};
}

bool FaultPlan::looks_at(const Rule& rule, const FaultTarget& target) {
    if (rule.operation != "*" && rule.operation != target.operation) return false;
    if (target.key.find(rule.key_part) == std::string_view::npos) return false;
    if (!rule.part_number.empty() && rule.part_number != target.part_number) return false;
    if (!rule.kinds.empty()) return true;  // what can hurt the target is drawn
    if (rule.fault.kind == FaultKind::changed) return target.conditional;
    if (rule.fault.kind == FaultKind::early) return target.has_body;
    if (rule.fault.kind == FaultKind::stays_open) return target.operation == "AbortMultipartUpload";
    return true;
}

std::optional<Fault> FaultPlan::next(const FaultTarget& target) {
    const std::scoped_lock lock(mutex_);
    std::optional<Fault> fault;
    for (Rule& rule : rules_) {
        if (!looks_at(rule, target)) continue;
        ++rule.seen;
        if (fault || rule.fired >= rule.times) continue;
        if (!rule.nth.empty() && !contains(rule.nth, rule.seen)) continue;
        if (rule.seen < rule.from) continue;
        if (rule.every != 0 && rule.seen % rule.every != 0) continue;
        if (!hits(rule.seed, rule.seen, rule.rate)) continue;
        fault = rule.kinds.empty() ? std::optional(rule.fault)
                                   : draw_fault(rule.seed, rule.seen, rule.kinds, target);
        if (!fault) continue;
        ++rule.fired;
        ++fired_;
    }
    return fault;
}

void FaultPlan::reset_counts() {
    const std::scoped_lock lock(mutex_);
    fired_ = 0;
    for (Rule& rule : rules_) rule.seen = rule.fired = 0;
}

std::uint64_t FaultPlan::fired() const {
    const std::scoped_lock lock(mutex_);
    return fired_;
}

}  // namespace s3sim
