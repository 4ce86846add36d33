#include "s3sim/faults.h"

#include <algorithm>
#include <array>
#include <utility>

#include "s3sim/numbers.h"
#include "s3sim/operations.h"

namespace s3sim {
namespace {

std::unexpected<base::Error> bad_rule(std::string_view rule, std::string_view why) {
    return base::fail(base::ErrorKind::invalid, "bad_fault",
                      "'" + std::string(rule) + "': " + std::string(why));
}

struct ActionName {
    std::string_view name;
    FaultKind kind;
    bool takes_number;
};
constexpr std::array kActions = {
    ActionName{"status", FaultKind::status, true},
    ActionName{"reset", FaultKind::reset, false},
    ActionName{"lost-answer", FaultKind::lost_answer, false},
    ActionName{"reset-early", FaultKind::reset_early, false},
    ActionName{"reset-after", FaultKind::reset_after, true},
    ActionName{"short", FaultKind::short_body, true},
    ActionName{"stall", FaultKind::stall, false},
    ActionName{"stall-after", FaultKind::stall_after, true},
    ActionName{"error200", FaultKind::error_200, false},
    ActionName{"close", FaultKind::close, false},
    ActionName{"delay", FaultKind::delay, true},
};

std::string_view next_word(std::string_view& text) {
    const auto start = std::min(text.find_first_not_of(" \t\r"), text.size());
    text.remove_prefix(start);
    const auto end = std::min(text.find_first_of(" \t\r"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

bool parse_numbers(std::string_view text, std::vector<std::uint64_t>& numbers) {
    while (true) {
        const auto comma = std::min(text.find(','), text.size());
        const auto n = parse_number(text.substr(0, comma));
        if (!n || *n == 0) return false;
        numbers.push_back(*n);
        if (comma == text.size()) return true;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

base::Result<FaultPlan::Rule> FaultPlan::parse_rule(std::string_view text) {
    Rule rule;
    std::string_view rest = text;
    rule.operation = next_word(rest);
    if (rule.operation != "*" && !is_operation_name(rule.operation))
        return bad_rule(text, "unknown operation");
    bool acts = false;
    for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
        const auto equals = std::min(word.find('='), word.size());
        const std::string_view name = word.substr(0, equals);
        const std::string_view value = word.substr(std::min(equals + 1, word.size()));
        const auto number = parse_number(value);
        const auto action = std::ranges::find(kActions, name, &ActionName::name);
        if (action != kActions.end()) {
            if (acts) return bad_rule(text, "more than one action");
            if (action->takes_number && !number) return bad_rule(text, "the action needs a number");
            if (action->kind == FaultKind::status && (*number < 300 || *number > 599)) {
                return bad_rule(text, "status must be 300 to 599");
            }
            acts = true;
            rule.fault.kind = action->kind;
            rule.fault.number = number.value_or(0);
            if (action->kind == FaultKind::error_200)
                rule.fault.code = value.empty() ? "InternalError" : value;
        } else if (name == "no-body") {
            rule.fault.has_body = false;
        } else if (name == "code") {
            rule.fault.code = value;
        } else if (name == "key") {
            rule.key_part = value;
        } else if (name == "part") {
            rule.part_number = value;
        } else if (name == "nth" && parse_numbers(value, rule.nth)) {
            continue;
        } else if (name == "every" && number && *number > 0) {
            rule.every = *number;
        } else if (name == "times" && number) {
            rule.times = *number;
        } else {
            return bad_rule(text, "'" + std::string(word) + "' is not understood");
        }
    }
    if (!acts) return bad_rule(text, "no action");
    return rule;
}

base::Status FaultPlan::set(std::string_view text) {
    std::vector<Rule> rules;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(";\n"), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = line.substr(0, line.find('#'));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto rule = parse_rule(line);
        if (!rule) return std::unexpected(rule.error());
        rules.push_back(std::move(*rule));
    }
    const std::scoped_lock lock(mutex_);
    rules_ = std::move(rules);
    return {};
}

std::optional<Fault> FaultPlan::next(std::string_view operation, std::string_view key,
                                     std::string_view part_number) {
    const std::scoped_lock lock(mutex_);
    std::optional<Fault> fault;
    for (Rule& rule : rules_) {
        if (rule.operation != "*" && rule.operation != operation) continue;
        if (key.find(rule.key_part) == std::string_view::npos) continue;
        if (!rule.part_number.empty() && rule.part_number != part_number) continue;
        ++rule.seen;
        if (fault || rule.fired >= rule.times) continue;
        if (!rule.nth.empty() && !contains(rule.nth, rule.seen)) continue;
        if (rule.every != 0 && rule.seen % rule.every != 0) continue;
        ++rule.fired;
        ++fired_;
        fault = rule.fault;
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
