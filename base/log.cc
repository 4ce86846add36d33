#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>

#include "base/clock.h"
#include "base/utf8.h"

namespace base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<LogFormat> g_format{LogFormat::text};

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (u < 0x20 || u == 0x7F) {
            out += fmt::format("\\u{:04x}", u);
        } else {
            out += c;
        }
    }
    return out += '"';
}

// Control characters are quoted, too: an object's key must not drive the terminal of who reads.
std::string text_value(const LogField& field) {
    const auto is_plain = [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != 0x7F && c != '"' && c != '\\' &&
               c != '=';
    };
    const bool plain = !field.value.empty() && std::ranges::all_of(field.value, is_plain);
    return plain ? field.value : quoted(field.value);
}

}  // namespace

void set_log_level(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
void set_log_format(LogFormat format) { g_format.store(format, std::memory_order_relaxed); }
bool log_enabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

bool parse_log_level(std::string_view text, LogLevel& level) {
    for (std::size_t i = 0; i < kLevels.size(); ++i) {
        if (text == kLevels[i]) {
            level = static_cast<LogLevel>(i);
            return true;
        }
    }
    return false;
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
    if (!log_enabled(level)) return;
    const std::string time = format_rfc3339(system_clock().utc_now());
    const std::string_view name = kLevels[static_cast<std::size_t>(level)];
    std::string line;
    if (g_format.load(std::memory_order_relaxed) == LogFormat::json) {
        line = fmt::format(R"({{"time":"{}","level":"{}","event":{})", time, name, quoted(event));
        for (const auto& f : fields) {
            line += fmt::format(",{}:{}", quoted(f.key), f.is_number ? f.value : quoted(f.value));
        }
        line = as_utf8(std::move(line)) + "}\n";
    } else {
        line = fmt::format("{} {:5} {}", time, name, event);
        for (const auto& f : fields) line += fmt::format(" {}={}", f.key, text_value(f));
        line += '\n';
    }
    // A log line that cannot be written has nowhere to be reported.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base
