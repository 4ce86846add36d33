// Rules about single headers: their text form, and what they do to a request.
#include <fmt/format.h>
#include <algorithm>

#include "s3sim/numbers.h"
#include "s3sim/profile.h"

namespace s3sim {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
    }
    return out;
}

}  // namespace

bool HeaderRule::concerns(std::string_view header_name, std::string_view operation_name) const {
    if (!operation.empty() && operation != operation_name) return false;
    if (!header.ends_with('*')) return header == header_name;
    return header_name.starts_with(std::string_view(header).substr(0, header.size() - 1));
}

base::Result<HeaderRule> parse_header_rule(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return base::fail(base::ErrorKind::invalid, "bad_header_rule",
                          fmt::format("'{}': {}", text, why));
    };
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return bad("needs HEADER[@OPERATION]=ignore or =STATUS,CODE[,MESSAGE]");
    const std::string_view subject = text.substr(0, equals);
    const std::string_view action = text.substr(equals + 1);
    const auto at = std::min(subject.find('@'), subject.size());
    HeaderRule rule;
    rule.header = lower(subject.substr(0, at));
    if (at < subject.size()) {
        rule.operation = subject.substr(at + 1);
        if (!is_operation_name(rule.operation)) return bad("knows no such operation");
    }
    if (action == "ignore") return rule;
    const auto comma = std::min(action.find(','), action.size());
    const auto status = parse_number(action.substr(0, comma));
    if (!status || *status < 400 || *status > 599) return bad("needs a status from 400 to 599");
    std::string_view rest = action.substr(std::min(comma + 1, action.size()));
    const auto next = std::min(rest.find(','), rest.size());
    if (next == 0) return bad("needs a code after the status");
    rule.denial = Denial{static_cast<int>(*status), std::string(rest.substr(0, next)),
                         std::string(rest.substr(std::min(next + 1, rest.size())))};
    return rule;
}

Answered<void> apply_header_rules(Request& request, Operation operation, const Profile& profile) {
    const std::string_view name = operation_name(operation);
    const auto rule_for = [&](std::string_view header) {
        return std::ranges::find_if(
            profile.headers, [&](const HeaderRule& rule) { return rule.concerns(header, name); });
    };
    for (const auto& [header, value] : request.headers) {
        const auto rule = rule_for(header);
        if (rule == profile.headers.end() || !rule->denial) continue;
        const Denial& denial = *rule->denial;
        std::string message = denial.message;
        if (const auto hole = message.find("{}"); hole != std::string::npos)
            message.replace(hole, 2, header);
        return refuse(denial.status, denial.code, std::move(message));
    }
    std::erase_if(request.headers,
                  [&](const auto& item) { return rule_for(item.first) != profile.headers.end(); });
    return {};
}

}  // namespace s3sim
