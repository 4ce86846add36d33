#include "base/log.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cstdlib>

#include "base/clock.h"
#include "base/utf8.h"

namespace base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<LogFormat> g_format{LogFormat::text};

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};

// What sd-daemon(3) takes for the level of a line: debug, info, warning, err.
constexpr std::array<std::string_view, 4> kPriorities = {"<7>", "<6>", "<4>", "<3>"};

bool is_ascii_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// The character at the start of `text` if it is U+0080..U+009F, which terminals obey, or U+2028 or
// U+2029, at which some readers break lines; else 0.
unsigned wide_control(std::string_view text) {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (at(0) == 0xC2 && at(1) >= 0x80 && at(1) < 0xA0) return at(1);
    if (at(0) == 0xE2 && at(1) == 0x80 && (at(2) == 0xA8 || at(2) == 0xA9)) return 0x1F80 + at(2);
    return 0;
}

// Valid UTF-8 without control characters: an object's key must neither forge a line nor drive the
// terminal of who reads.
std::string printable(std::string_view bytes, bool quotes_too) {
    const std::string text = as_utf8(std::string(bytes));
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quotes_too && (c == '"' || c == '\\')) {
            out += '\\';
            out += c;
        } else if (is_ascii_control(c)) {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else if (const unsigned wide = wide_control(std::string_view(text).substr(i))) {
            out += fmt::format("\\u{:04x}", wide);
            i += wide < 0x100 ? 1 : 2;
        } else {
            out += c;
        }
    }
    return out;
}

std::string quoted(std::string_view text) { return '"' + printable(text, true) + '"'; }

std::string text_value(const LogField& field) {
    std::string value = quoted(field.value);
    const bool plain = !field.value.empty() && value.size() == field.value.size() + 2 &&
                       field.value.find_first_of(" =") == std::string::npos;
    return plain ? field.value : value;
}

// JSON knows no infinity and no NaN.
bool is_json_number(const LogField& field) {
    return field.is_number && field.value.find_first_of("in") == std::string::npos;
}

std::string_view priority_of(LogLevel level) {
    static const bool to_journal = is_journal_stream(STDERR_FILENO, std::getenv("JOURNAL_STREAM"));
    return to_journal ? kPriorities[static_cast<std::size_t>(level)] : "";
}

}  // namespace

bool is_journal_stream(int fd, const char* journal_stream) {
    struct stat status{};
    if (journal_stream == nullptr || fstat(fd, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == journal_stream;
}

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
    std::string line(priority_of(level));
    if (g_format.load(std::memory_order_relaxed) == LogFormat::json) {
        line += fmt::format(R"({{"time":"{}","level":"{}","event":{})", time, name, quoted(event));
        for (const auto& f : fields)
            line +=
                fmt::format(",{}:{}", quoted(f.key), is_json_number(f) ? f.value : quoted(f.value));
        line += "}\n";
    } else {
        line += fmt::format("{} {:5} {}", time, name, printable(event, false));
        for (const auto& f : fields) line += fmt::format(" {}={}", f.key, text_value(f));
        line += '\n';
    }
    // A log line that cannot be written has nowhere to be reported.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base
