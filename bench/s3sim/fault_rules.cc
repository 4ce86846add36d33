// The grammar of a fault plan's rules.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "s3sim/faults.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/storm.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kHeaderBytesMax = 64 << 20;
constexpr std::uint64_t kNumberMax = 1ULL << 40;  // bytes; as milliseconds 34 years
constexpr std::uint64_t kInterimMax = 100;
constexpr std::int64_t kSkewMaxSeconds = 100LL * 365 * 24 * 3600;
constexpr std::array<std::string_view, 3> kEarlyVariants = {"stored", "close", "stored,close"};

struct ActionName {
    std::string_view name;
    FaultKind kind;
};
constexpr std::array kActions = {
    ActionName{"status", FaultKind::status},
    ActionName{"reset", FaultKind::reset},
    ActionName{"lost-answer", FaultKind::lost_answer},
    ActionName{"reset-early", FaultKind::reset_early},
    ActionName{"reset-after", FaultKind::reset_after},
    ActionName{"short", FaultKind::short_body},
    ActionName{"stall", FaultKind::stall},
    ActionName{"stall-after", FaultKind::stall_after},
    ActionName{"error200", FaultKind::error_200},
    ActionName{"close", FaultKind::close},
    ActionName{"delay", FaultKind::delay},
    ActionName{"drip", FaultKind::drip},
    ActionName{"truncate-xml", FaultKind::truncate_xml},
    ActionName{"wrong-etag", FaultKind::wrong_etag},
    ActionName{"wrong-checksum", FaultKind::wrong_checksum},
    ActionName{"expired-token", FaultKind::expired_token},
    ActionName{"redirect", FaultKind::redirect},
    ActionName{"skew", FaultKind::skew},
    ActionName{"changed", FaultKind::changed},
    ActionName{"stays-open", FaultKind::stays_open},
    ActionName{"garbage-headers", FaultKind::garbage_headers},
    ActionName{"long-headers", FaultKind::long_headers},
    ActionName{"continue", FaultKind::interim},
    ActionName{"chunked", FaultKind::chunked},
    ActionName{"double", FaultKind::double_answer},
    ActionName{"late", FaultKind::late},
    ActionName{"early", FaultKind::early},
    ActionName{"swap", FaultKind::swap},
    ActionName{"tail", FaultKind::tail},
    ActionName{"cut", FaultKind::cut},
};

std::string_view next_word(std::string_view& text) {
    const auto start = std::min(text.find_first_not_of(" \t\r"), text.size());
    text.remove_prefix(start);
    const auto end = std::min(text.find_first_of(" \t\r"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

std::string_view next_item(std::string_view& list) {
    const auto comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    return item;
}

bool parse_numbers(std::string_view text, std::vector<std::uint64_t>& numbers) {
    if (text.empty() || text.ends_with(',')) return false;
    while (!text.empty()) {
        const auto n = parse_number(next_item(text));
        if (!n || *n == 0) return false;
        numbers.push_back(*n);
    }
    return true;
}

bool parse_skew(std::string_view value, std::int64_t& seconds) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return !value.empty() && error == std::errc() && end == value.data() + value.size() &&
           seconds >= -kSkewMaxSeconds && seconds <= kSkewMaxSeconds;
}

constexpr std::uint64_t kLateUs = 300;

// Of double, late and cut: a number, or one of the words that the kind has.
std::string_view take_number_or_word(std::string_view value, Fault& fault) {
    const bool late = fault.kind == FaultKind::late;
    const bool known = fault.kind == FaultKind::cut ? value == "last"
                                                    : value == "next" || (late && value == "held");
    if (known) fault.code = value;
    if (value.empty() && late) fault.number = kLateUs;
    const bool good =
        known || parse_number(value) || (value.empty() && fault.kind != FaultKind::cut);
    if (good && fault.number <= kNumberMax) return "";
    return fault.kind == FaultKind::cut ? "cut=BYTES or cut=last"
           : late                       ? "late, late=MICROSECONDS, late=next or late=held"
                                        : "double, double=MICROSECONDS or double=next";
}

// Empty, or why the action cannot have this value.
std::string_view take_value(std::string_view value, Fault& fault) {
    const auto number = parse_number(value);
    fault.number = number.value_or(0);
    switch (fault.kind) {
        case FaultKind::status:
            return number && *number >= 300 && *number <= 599 ? "" : "status must be 300 to 599";
        case FaultKind::reset_after:
        case FaultKind::short_body:
        case FaultKind::stall_after:
        case FaultKind::delay:
            return number && *number <= kNumberMax ? "" : "the action needs a number";
        case FaultKind::drip: return fault.number > 0 ? "" : "the action needs bytes a second";
        case FaultKind::long_headers:
            return number && *number <= kHeaderBytesMax ? "" : "long-headers needs 0 to 64 MiB";
        case FaultKind::error_200: fault.code = value.empty() ? "InternalError" : value; return "";
        case FaultKind::expired_token:
            if (value.empty()) fault.number = 403;
            return fault.number == 400 || fault.number == 403 ? "" : "expired-token=400 or 403";
        case FaultKind::redirect: {
            fault.code = next_item(value);
            fault.number = value.empty() ? 301 : parse_number(value).value_or(0);
            const bool known = fault.number == 301 || fault.number == 307 || fault.number == 400;
            return known && !fault.code.empty() ? "" : "redirect=REGION[,301|307|400]";
        }
        case FaultKind::skew: return parse_skew(value, fault.seconds) ? "" : "skew needs seconds";
        case FaultKind::garbage_headers:
            fault.code = value;
            return value.empty() || value == "odd" ? "" : "garbage-headers or garbage-headers=odd";
        case FaultKind::chunked:
            fault.code = value;
            return value.empty() || value == "odd" ? "" : "chunked or chunked=odd";
        case FaultKind::interim:
            if (value == "length" || value == "hints") fault.code = value;
            if (value.empty() || !fault.code.empty()) fault.number = 1;
            return fault.number > 0 && fault.number <= kInterimMax ? "" : "continue=1 to 100";
        case FaultKind::double_answer:
        case FaultKind::late:
        case FaultKind::cut: return take_number_or_word(value, fault);
        case FaultKind::early:
            fault.code = value;
            return value.empty() || contains(kEarlyVariants, value)
                       ? ""
                       : "early, early=stored, early=close or early=stored,close";
        case FaultKind::tail:
            fault.code = value;
            return value.empty() || value == "crlf" || value == "status"
                       ? ""
                       : "tail, tail=crlf or tail=status";
        default: return value.empty() ? "" : "the action takes no value";
    }
}

bool parse_kinds(std::string_view list, std::vector<FaultKind>& kinds) {
    while (!list.empty()) {
        const auto at = std::ranges::find(kActions, next_item(list), &ActionName::name);
        if (at == kActions.end() || at->kind == FaultKind::redirect) return false;
        kinds.push_back(at->kind);
    }
    return !kinds.empty();
}

bool parse_rate(std::string_view value, double& rate) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
    return !value.empty() && error == std::errc() && end == value.data() + value.size() &&
           rate >= 0 && rate <= 1;
}

std::unexpected<base::Error> bad(std::string why) {
    return base::fail(base::ErrorKind::invalid, "bad_fault", std::move(why));
}

}  // namespace

base::Status FaultPlan::parse_when(std::string_view name, std::string_view value, Rule& rule) {
    const auto number = parse_number(value);
    bool good = true;
    if (name == "no-body") {
        rule.fault.has_body = false;
    } else if (name == "code") {
        rule.fault.code = value;
    } else if (name == "key") {
        rule.key_part = value;
    } else if (name == "part") {
        rule.part_number = value;
    } else if (name == "nth") {
        good = parse_numbers(value, rule.nth);
    } else if (name == "from") {
        rule.from = number.value_or(0);
        good = rule.from > 0;
    } else if (name == "every") {
        rule.every = number.value_or(0);
        good = rule.every > 0;
    } else if (name == "times") {
        rule.times = number.value_or(0);
        good = number.has_value();
    } else if (name == "seed") {
        rule.seed = number.value_or(0);
        good = number.has_value();
    } else if (name == "rate") {
        good = parse_rate(value, rule.rate);
    } else if (name == "kinds") {
        good = parse_kinds(value, rule.kinds);
    } else {
        good = false;
    }
    if (good) return {};
    return bad("'" + std::string(name) + "=" + std::string(value) + "' is not understood");
}

base::Result<FaultPlan::Rule> FaultPlan::parse_rule(std::string_view text) {
    const auto refuse_rule = [&](std::string_view why) {
        return bad("'" + std::string(text) + "': " + std::string(why));
    };
    Rule rule;
    std::string_view rest = text;
    std::string_view word = next_word(rest);
    rule.operation = "*";
    if (!word.starts_with("seed=") && !word.starts_with("rate=")) {  // a storm over everything
        rule.operation = word;
        word = next_word(rest);
    }
    if (rule.operation != "*" && !is_operation_name(rule.operation))
        return refuse_rule("unknown operation");
    bool acts = false;
    bool by_chance = false;
    for (; !word.empty(); word = next_word(rest)) {
        const auto equals = std::min(word.find('='), word.size());
        const std::string_view name = word.substr(0, equals);
        const std::string_view value = word.substr(std::min(equals + 1, word.size()));
        const auto action = std::ranges::find(kActions, name, &ActionName::name);
        if (action == kActions.end()) {
            if (auto ok = parse_when(name, value, rule); !ok) return refuse_rule(ok.error().detail);
            by_chance = by_chance || name == "rate";
            continue;
        }
        if (acts) return refuse_rule("more than one action");
        acts = true;
        rule.fault.kind = action->kind;
        if (const auto why = take_value(value, rule.fault); !why.empty()) return refuse_rule(why);
    }
    if (acts && !rule.kinds.empty()) return refuse_rule("an action, or kinds to draw from");
    if (!acts && !by_chance) return refuse_rule("no action");
    if (!acts && rule.kinds.empty()) rule.kinds.assign(kStormKinds.begin(), kStormKinds.end());
    return rule;
}

}  // namespace s3sim
