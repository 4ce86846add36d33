#include "config/near_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace config {
namespace {

const std::vector<std::string> kNames = {"io", "listen", "memory", "part_size", "job_memory"};

TEST(NearName, FindsWhatWasMeant) {
    EXPECT_EQ(near_name("listn", kNames), "listen");
    EXPECT_EQ(near_name("lisetn", kNames), "listen");
    EXPECT_EQ(near_name("memroy", kNames), "memory");
    EXPECT_EQ(near_name("partsize", kNames), "part_size");
    EXPECT_EQ(near_name("oi", kNames), "io");
    EXPECT_EQ(did_you_mean("memmory", kNames), " (did you mean memory?)");
}

TEST(NearName, IsSilentWhereNothingIsNear) {
    for (const std::string& name :
         {std::string(), std::string("x y"), std::string("region"), std::string(100'000, 'm')}) {
        EXPECT_EQ(near_name(name, kNames), "") << name.substr(0, 10);
    }
    EXPECT_EQ(did_you_mean("abc", kNames), "");
}

}  // namespace
}  // namespace config
