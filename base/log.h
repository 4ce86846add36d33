// One line per event on standard error: time, level, event, then key=value pairs (or one JSON
// object per line).
//
//   log_info("job finished", {{"job", id}, {"bytes", bytes}});
//
// Thread-safe, the settings, too; a line is one write(2). Values are quoted when needed; whatever
// they hold, a line is one line of valid UTF-8 without control characters. Where standard error is
// the systemd journal each line has its priority in front, "<3>", which journald takes off again:
// in either format. Never log a secret: no header values of requests, no credentials, no presigned
// URLs.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace base {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json };

struct LogField {
    std::string_view key;
    std::string value;
    bool is_number = false;

    LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    template <typename Number>
        requires std::integral<Number> || std::floating_point<Number>
    LogField(std::string_view k, Number v) : key(k), value(std::to_string(v)), is_number(true) {}
};

// Whether `fd` is what JOURNAL_STREAM ("device:inode", or null) says is the systemd journal.
bool is_journal_stream(int fd, const char* journal_stream);

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
bool log_enabled(LogLevel level);
bool parse_log_level(std::string_view text,
                     LogLevel& level);  // "debug" | "info" | "warn" | "error"

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
inline void log_debug(std::string_view e, std::initializer_list<LogField> f = {}) {
    log(LogLevel::debug, e, f);
}
inline void log_info(std::string_view e, std::initializer_list<LogField> f = {}) {
    log(LogLevel::info, e, f);
}
inline void log_warn(std::string_view e, std::initializer_list<LogField> f = {}) {
    log(LogLevel::warn, e, f);
}
inline void log_error(std::string_view e, std::initializer_list<LogField> f = {}) {
    log(LogLevel::error, e, f);
}

}  // namespace base
