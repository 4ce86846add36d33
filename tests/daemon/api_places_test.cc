// Who gets a place, and who goes for it.
#include "daemon/api_places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

namespace s3zipd {
namespace {

using testing::ElementsAre;

class PlacesTest : public testing::Test {
  protected:
    std::shared_ptr<ApiPlaces::Place> take(int number) {
        return places_.take([this, number] { gone_.push_back(number); });
    }
    // One whose first request has been taken and answered.
    std::shared_ptr<ApiPlaces::Place> known(int number) {
        auto place = take(number);
        if (!place) return nullptr;
        place->wait(false);
        place->no_stranger();
        place->wait(true);
        return place;
    }
    std::atomic<std::size_t> taken_{0};
    std::atomic<std::uint64_t> put_out_{0};
    ApiPlaces places_{4, 2, taken_, put_out_};
    std::vector<int> gone_;
};

TEST_F(PlacesTest, StrangersHaveFew) {
    const auto a = take(1), b = take(2), c = take(3);
    EXPECT_THAT(gone_, ElementsAre(1));
    const auto d = take(4);
    EXPECT_THAT(gone_, ElementsAre(1, 2));
    EXPECT_EQ(taken_, 2u);
    EXPECT_EQ(put_out_, 2u);
}

TEST_F(PlacesTest, StrangersDoNotPutOutKnownOnes) {
    const auto a = known(1), b = known(2), c = take(3), d = take(4), e = take(5);
    EXPECT_THAT(gone_, ElementsAre(3));
    EXPECT_EQ(taken_, 4u);
}

TEST_F(PlacesTest, StrangersGoBeforeKnownOnes) {
    const auto a = known(1), b = known(2), c = known(3), d = take(4), e = known(5);
    EXPECT_THAT(gone_, ElementsAre(4));
}

TEST_F(PlacesTest, OfKnownOnesTheLongestIdleGoes) {
    const auto a = known(1), b = known(2), c = known(3), d = known(4);
    a->wait(false);
    a->wait(true);
    const auto e = known(5), f = known(6);
    EXPECT_THAT(gone_, ElementsAre(2, 3));
}

TEST_F(PlacesTest, NobodyGoesWhileItIsAnswered) {
    const auto a = known(1), b = known(2), c = known(3), d = known(4);
    for (const auto& place : {a, b, c, d}) place->wait(false);
    EXPECT_EQ(take(5), nullptr);
    EXPECT_EQ(gone_.size(), 0u);
    b->wait(true);
    EXPECT_NE(take(6), nullptr);
    EXPECT_THAT(gone_, ElementsAre(2));
}

TEST_F(PlacesTest, StrangersBeingAnsweredKeepOthersOut) {
    const auto a = take(1), b = take(2);
    a->wait(false);
    b->wait(false);
    EXPECT_EQ(take(3), nullptr);
    a->no_stranger();
    EXPECT_NE(take(4), nullptr);
}

TEST_F(PlacesTest, EveryPlaceIsGivenBackOnce) {
    {
        auto a = take(1), b = take(2), c = take(3), d = known(4);
        a->wait(false);  // it has gone; nothing counts any more
        a->no_stranger();
        a->wait(true);
        b.reset();
    }
    EXPECT_EQ(taken_, 0u);
    const auto a = take(5), b = take(6);
    EXPECT_EQ(taken_, 2u);
}

}  // namespace
}  // namespace s3zipd
