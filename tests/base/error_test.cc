#include "base/error.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace base {
namespace {

TEST(Error, ReadsAsASentenceWithItsSource) {
    Error error{ErrorKind::not_found, "NoSuchKey", "docs/a.pdf does not exist", 0, {}, {}};
    EXPECT_EQ(error.to_string(), "NoSuchKey: docs/a.pdf does not exist");
    error.http_status = 404;
    EXPECT_EQ(error.to_string(), "NoSuchKey: docs/a.pdf does not exist (HTTP 404)");
    error.request_id = "4442587FB7D0A2F9";
    EXPECT_EQ(error.to_string(),
              "NoSuchKey: docs/a.pdf does not exist (HTTP 404, request 4442587FB7D0A2F9)");
}

TEST(Error, TravelsInAResult) {
    const auto refuse = []() -> Result<int> {
        return fail(ErrorKind::exhausted, "full", "no room");
    };
    const Result<int> result = refuse();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::exhausted);
    EXPECT_EQ(result.error().code, "full");
    EXPECT_EQ(to_string(result.error().kind), "exhausted");
}

TEST(CheckDeathTest, NamesTheConditionAndThePlace) {
    CHECK(1 + 1 == 2);
    EXPECT_DEATH(CHECK(1 + 1 == 3), "CHECK failed: 1 \\+ 1 == 3 at .*error_test\\.cc:");
}

}  // namespace
}  // namespace base
