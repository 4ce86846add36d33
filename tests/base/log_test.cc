#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

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

// In either format: 8-bit terminals obey U+009B, and some readers break lines at U+0085 or U+2028.
TEST_F(Log, NoLineHoldsMoreThanPrintableText) {
    const std::string key = "a\xc2\x9b\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\x9b z\xc2\xa0\xe2\x80\xaa";
    const std::string shown = "a\\u009b\\u0085\\u2028\\u2029\xef\xbf\xbd z\xc2\xa0\xe2\x80\xaa";
    EXPECT_EQ(text_line("e", {{"key", key}}), "warn  e key=\"" + shown + "\"\n");
    set_log_format(LogFormat::json);
    const std::string line = text_line("e", {{"key", key}});
    EXPECT_NE(line.find(",\"key\":\"" + shown + "\"}\n"), std::string::npos) << line;
}

TEST_F(Log, AnEventIsPrintableToo) {
    EXPECT_EQ(text_line("bad \"x\ny\"\x80", {}), "warn  bad \"x\\u000ay\"\xef\xbf\xbd\n");
}

TEST_F(Log, NumbersThatJsonDoesNotKnowAreTexts) {
    set_log_format(LogFormat::json);
    const std::string line = text_line("e", {{"a", std::numeric_limits<double>::quiet_NaN()},
                                             {"b", std::numeric_limits<double>::infinity()},
                                             {"c", -1.5}});
    EXPECT_NE(line.find(R"("a":"nan","b":"inf","c":-1.500000})"), std::string::npos) << line;
}

TEST_F(Log, KnowsTheJournalByDeviceAndInode) {
    struct stat status{};
    ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
    const std::string number = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    EXPECT_TRUE(is_journal_stream(STDERR_FILENO, number.c_str()));
    EXPECT_FALSE(is_journal_stream(STDERR_FILENO, (number + "0").c_str()));
    EXPECT_FALSE(is_journal_stream(STDERR_FILENO, ""));
    EXPECT_FALSE(is_journal_stream(STDERR_FILENO, nullptr));
    EXPECT_FALSE(is_journal_stream(-1, number.c_str()));
}

// In a process of its own, which looks at its standard error anew.
TEST(LogDeathTest, LinesForTheJournalHaveTheirPriority) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto run = [] {
        struct stat status{};
        fstat(STDERR_FILENO, &status);
        const std::string number =
            std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
        setenv("JOURNAL_STREAM", number.c_str(), 1);
        log_error("one");
        set_log_format(LogFormat::json);
        log_warn("two");
        log_info("three");
        std::_Exit(0);
    };
    EXPECT_EXIT(run(), testing::ExitedWithCode(0),
                "^<3>[^\n]* error one\n<4>\\{[^\n]*\"two\"}\n<6>\\{[^\n]*\"three\"}");
}

TEST_F(Log, TheLevelMayChangeWhileOthersLog) {
    std::atomic<bool> stop{false};
    testing::internal::CaptureStderr();
    std::thread other([&] {
        while (!stop) log_warn("e");
    });
    for (int i = 0; i < 1000; ++i) set_log_level(i % 2 == 0 ? LogLevel::error : LogLevel::debug);
    set_log_level(LogLevel::error);
    stop = true;
    other.join();
    testing::internal::GetCapturedStderr();
    EXPECT_EQ(text_line("e", {}), "");
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
