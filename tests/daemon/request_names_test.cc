// Objects with a repeated name in a request's body.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/limits.h"
#include "daemon/api_body.h"
#include "daemon/api_request.h"
#include "fake_engine.h"
#include "temp_journal.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

// "CODE POINTER", or the value as JSON.
std::string read(std::string_view body, RepeatedNames repeated = RepeatedNames::refuse) {
    const auto value = parse_body(body, {}, repeated);
    if (value) return boost::json::serialize(*value);
    return value.error().code + " " + value.error().key;
}

TEST(RepeatedNames, AtAnyDepth) {
    EXPECT_EQ(read(R"({"a":1,"a":2})"), "repeated_field /a");
    EXPECT_EQ(read(R"({"a":1,"a":1})"), "repeated_field /a");
    EXPECT_EQ(read(R"({"b":0,"a":1,"c":2,"a":3})"), "repeated_field /a");
    EXPECT_EQ(read(R"([{"a":1},{"a":1,"b":2,"a":3}])"), "repeated_field /1/a");
    EXPECT_EQ(read(R"({"x":{"y":[0,[],{},{"z":{"a":1,"a":2}}]}})"), "repeated_field /x/y/3/z/a");
    EXPECT_EQ(read(R"({"x":{"a":1},"y":{"a":1},"a":{"a":{"a":1}}})"),
              R"({"x":{"a":1},"y":{"a":1},"a":{"a":{"a":1}}})");
    EXPECT_EQ(read(R"({"a":{"b":1},"c":[{"b":1},{"b":1}],"a":2})"), "repeated_field /a");
    EXPECT_EQ(read(R"({"":1,"":2})"), "repeated_field /");
    EXPECT_EQ(read(R"([[[[{"k":[],"k":[]}]]]])"), "repeated_field /0/0/0/0/k");
}

// Names are compared as they are, not as they are written.
TEST(RepeatedNames, EscapesAndPointers) {
    EXPECT_EQ(read(R"({"bucket":1,"b\u0075cket":2})"), "repeated_field /bucket");
    EXPECT_EQ(read(R"({"\u00fc":1,"ü":2})"), "repeated_field /ü");
    EXPECT_EQ(read(R"({"a/b":1,"a~c":2,"a\/b":3})"), "repeated_field /a~1b");
    EXPECT_EQ(read(R"({"a~c":{"x":1,"x":2}})"), "repeated_field /a~0c/x");
    EXPECT_EQ(read(R"({"a":1,"A":2,"a ":3})"), R"({"a":1,"A":2,"a ":3})");
    EXPECT_EQ(read("{\"a\\u0000\":1,\"a\":2}"), "{\"a\\u0000\":1,\"a\":2}");
    // The first of several is named.
    EXPECT_EQ(read(R"({"z":1,"a":1,"z":2,"a":2})"), "repeated_field /z");
    EXPECT_EQ(read(R"({"o":{"i":1,"i":2},"o":3})"), "repeated_field /o/i");
}

TEST(RepeatedNames, WhatIsNotJsonIsThatFirst) {
    EXPECT_EQ(read(R"({"a":1,"a":2)"), "bad_json ");
    EXPECT_EQ(read(R"({"a":{"b":1,"b":2}}x)"), "bad_json ");
    EXPECT_EQ(read(R"({"a":1,"a":[1,}])"), "bad_json ");
    EXPECT_EQ(read(""), "bad_json ");
}

TEST(RepeatedNames, NamesOfAnObjectAreBounded) {
    const auto object = [](std::size_t names) {
        std::string text = "{";
        for (std::size_t i = 0; i < names; ++i)
            text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
        return text + "}";
    };
    EXPECT_THAT(read(object(config::kJsonNamesMax)), HasSubstr("\"0\":0"));
    EXPECT_EQ(read("[0," + object(config::kJsonNamesMax + 1) + "]"), "too_many /1");
    EXPECT_EQ(read(object(config::kJsonNamesMax + 1) + "x"), "bad_json ");
    // All together are not: those of each object are.
    std::string many = "[{\"k\":0}";
    for (int i = 0; i < 3'000; ++i) many += ",{\"k\":0}";
    EXPECT_THAT(read(many + "]"), testing::StartsWith("[{"));
}

TEST(RepeatedNames, AnErrorOfARequestNamesThem) {
    const auto request =
        parse_archive_request(R"({"source":{"bucket":"photos","prefix":"a/","prefix":"b/"},)"
                              R"("destination":{"bucket":"out","key":"a.zip"}})");
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, "repeated_field");
    EXPECT_EQ(request.error().key, "/source/prefix");
    EXPECT_EQ(request.error().detail, "/source/prefix is given more than once");
    EXPECT_EQ(request.error().kind, base::ErrorKind::invalid);
}

// A journal may hold what an earlier version accepted: such a job must still run.
TEST(RepeatedNames, BodiesOfTheJournalKeepTheLast) {
    EXPECT_EQ(read(R"({"a":1,"b":{"c":1,"c":2},"a":3})", RepeatedNames::keep_last),
              R"({"a":3,"b":{"c":2}})");
    const auto request =
        parse_journaled_request(R"({"source":{"bucket":"photos","prefix":"a/","prefix":"b/"},)"
                                R"("destination":{"bucket":"out","key":"a.zip"}})");
    ASSERT_TRUE(request.has_value()) << request.error().detail;
    EXPECT_EQ(request->sources.at(0).prefix, "b/");
}

TEST(RepeatedNames, AJobOfTheJournalThatHasThemRuns) {
    TempJournal journal;
    FakeEngine engine;
    JobLimits limits;
    {
        JobService accepted(engine, *journal, limits, base::system_clock());
        accepted.begin();
        const std::string body = R"({"source":{"bucket":"photos","prefix":"a/","prefix":"b/"},)"
                                 R"("destination":{"bucket":"out","key":"a.zip"}})";
        ASSERT_TRUE(submit_now(accepted, {simple_request(), body, std::nullopt}).has_value());
        engine.next();
    }
    auto before = journal.reopen();
    JobService restarted(engine, *journal, limits, base::system_clock());
    restarted.restore(std::move(before));
    restarted.begin();
    EXPECT_EQ(engine.next().job->request().sources.at(0).prefix, "b/");
}

}  // namespace
}  // namespace s3zipd
