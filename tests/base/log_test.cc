#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace base {
namespace {

// What one call writes to standard error, without the time stamp in front.
std::string text_line(std::string_view event, std::initializer_list<LogField> fields) {
    testing::internal::CaptureStderr();
    log_warn(event, fields);
    const std::string line = testing::internal::GetCapturedStderr();
    return line.size() > 25 ? line.substr(25) : line;
}

class Log : public testing::Test {
  protected:
    ~Log() override {
        set_log_level(LogLevel::info);
        set_log_format(LogFormat::text);
    }
};

TEST_F(Log, WritesOneLineOfPairs) {
    EXPECT_EQ(
        text_line("job finished", {{"job", "01ABC"}, {"bytes", 42}, {"at", std::string("x")}}),
        "warn  job finished job=01ABC bytes=42 at=x\n");
}

TEST_F(Log, QuotesValuesThatWouldNotReadBack) {
    EXPECT_EQ(text_line("e", {{"k", "a b"}}), "warn  e k=\"a b\"\n");
    EXPECT_EQ(text_line("e", {{"k", ""}}), "warn  e k=\"\"\n");
    EXPECT_EQ(text_line("e", {{"k", "a=b"}}), "warn  e k=\"a=b\"\n");
    EXPECT_EQ(text_line("e", {{"k", "say \"a\\b\""}}), "warn  e k=\"say \\\"a\\\\b\\\"\"\n");
    EXPECT_EQ(text_line("e", {{"k", "Zoë"}}), "warn  e k=Zoë\n");
}

// An object's name must not be able to forge a second log line.
TEST_F(Log, KeepsAnEventOnOneLine) {
    EXPECT_EQ(text_line("e", {{"key", "a\nb\r\tc"}}), "warn  e key=\"a\\u000ab\\u000d\\u0009c\"\n");
}

TEST_F(Log, WritesJsonWhenAsked) {
    set_log_format(LogFormat::json);
    testing::internal::CaptureStderr();
    log_error("a \"b\"", {{"key", "x\ny"}, {"bytes", 7}});
    const std::string line = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(line.starts_with("{\"time\":\"20")) << line;
    const std::string rest =
        ",\"level\":\"error\",\"event\":\"a \\\"b\\\"\",\"key\":\"x\\u000ay\",\"bytes\":7}\n";
    EXPECT_TRUE(line.ends_with(rest)) << line;
}

TEST_F(Log, ControlCharactersDoNotReachATerminal) {
    EXPECT_EQ(text_line("e", {{"key", "a\x1b[2J"}}), "warn  e key=\"a\\u001b[2J\"\n");
    EXPECT_EQ(text_line("e", {{"key", "\x7f"}}), "warn  e key=\"\\u007f\"\n");
}

TEST_F(Log, JsonIsUtf8WhateverAKeyIs) {
    set_log_format(LogFormat::json);
    testing::internal::CaptureStderr();
    log_error("e", {{"key", "a\xff\xc3"}});
    const std::string line = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(line.ends_with(",\"key\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\"}\n")) << line;
}

TEST_F(Log, IsSilentBelowItsLevel) {
    set_log_level(LogLevel::error);
    EXPECT_EQ(text_line("e", {}), "");
    EXPECT_FALSE(log_enabled(LogLevel::warn));
    EXPECT_TRUE(log_enabled(LogLevel::error));
}

TEST_F(Log, KnowsItsLevelsByName) {
    LogLevel level = LogLevel::info;
    EXPECT_TRUE(parse_log_level("debug", level));
    EXPECT_EQ(level, LogLevel::debug);
    EXPECT_FALSE(parse_log_level("loud", level));
    EXPECT_EQ(level, LogLevel::debug);
}

}  // namespace
}  // namespace base
