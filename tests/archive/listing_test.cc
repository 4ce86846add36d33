// The pages of a listing: order, duplicates, circles, pages without end, keys outside the prefix,
// and the bounds of memory and numbers.
#include "archive/listing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

#include "archive/manifest.h"

namespace archive {
namespace {

using s3client::ListedObject;

ListedObject object(std::string key, std::string etag = "e", std::uint64_t size = 1) {
    ListedObject o;
    o.key = std::move(key);
    o.etag = std::move(etag);
    o.size = size;
    return o;
}

class ListingTest : public testing::Test {
  protected:
    void start(std::string prefix = {}, PlanLimits limits = {}) {
        request.sources.assign(1, {});
        request.sources[0].bucket = "b";
        request.sources[0].prefix = std::move(prefix);
        request.sources[0].exclude = exclude;
        request.destination.bucket = "out";
        request.destination.key = "a.zip";
        selection.emplace(request, limits);
        listing.emplace(*selection, request.sources[0]);
    }
    base::Status page(const std::vector<ListedObject>& objects, std::string_view next_token = {}) {
        turns = 0;
        for (std::span<const ListedObject> left = objects; !left.empty(); ++turns) {
            if (auto taken = listing->take_some(left); !taken) return taken;
        }
        return listing->end_page(next_token);
    }
    base::Status keys(const std::vector<std::string>& keys, std::string_view next_token = {}) {
        std::vector<ListedObject> objects;
        for (const std::string& key : keys) objects.push_back(object(key));
        return page(objects, next_token);
    }
    std::vector<std::string> selected() const {
        std::vector<std::string> keys;
        for (std::size_t i = 0; i < selection->count(); ++i)
            keys.emplace_back(selection->key_of(i));
        return keys;
    }
    static std::string code_of(const base::Status& status) {
        return status ? "" : status.error().code;
    }

    ArchiveRequest request;
    std::vector<std::string> exclude;
    std::optional<Selection> selection;
    std::optional<Listing> listing;
    std::size_t turns = 0;
};

TEST_F(ListingTest, AKeyThatComesAgainIsOneObject) {
    start("d/");
    ASSERT_TRUE(keys({"d/a", "d/a", "d/b"}, "1"));
    ASSERT_TRUE(keys({"d/b", "d/c"}, "2"));
    ASSERT_TRUE(keys({"d/c", "d/c", "d/d", "d/d"}));
    EXPECT_EQ(selected(), (std::vector<std::string>{"d/a", "d/b", "d/c", "d/d"}));
}

TEST_F(ListingTest, AnyOrderIsTakenAndADuplicateIsFoundInIt) {
    start();
    ASSERT_TRUE(keys({"m", "z", "b", "a", "z", "y"}, "1"));
    ASSERT_TRUE(keys({"a", "m", "c", "b"}, "2"));
    ASSERT_TRUE(keys({"y", "n"}));
    EXPECT_EQ(selected(), (std::vector<std::string>{"m", "z", "b", "a", "y", "c", "n"}));
}

// Bytes are not negative: UTF-8 after ASCII is in order.
TEST_F(ListingTest, OrderIsThatOfBytes) {
    start();
    ASSERT_TRUE(keys({"a", "z", "\xC3\xA4", "\xF0\x9F\x98\x80"}));
    EXPECT_EQ(selected().size(), 4U);
    EXPECT_EQ(turns, 1U) << "a listing in order is taken in one turn";
}

// The later answer counts: the object was written during the listing.
TEST_F(ListingTest, AnObjectThatChangedIsTheLaterOne) {
    for (const bool sorted : {true, false}) {
        start();
        std::vector<ListedObject> objects = {object("a", "old", 1)};
        if (!sorted) objects.push_back(object("B"));
        objects.push_back(object("a", "new", 7));
        objects.back().last_modified_s = 99;
        ASSERT_TRUE(page(objects));
        const auto manifest = Manifest::make(std::move(*selection), request);
        ASSERT_TRUE(manifest) << manifest.error().to_string();
        const ManifestEntry& entry = (**manifest)[0];
        EXPECT_EQ(entry.key(), "a");
        EXPECT_EQ(entry.etag(), "new");
        EXPECT_EQ(entry.size, 7U);
        EXPECT_EQ(entry.mtime_unix_s, 99);
        EXPECT_EQ((*manifest)->count(), sorted ? 1U : 2U);
    }
}

TEST_F(ListingTest, LeftOutKeysStayLeftOut) {
    exclude = {"x*"};
    start();
    ListedObject archived = object("g");
    archived.storage_class = "GLACIER";
    request.options.on_missing = OnMissing::skip;
    start();
    ASSERT_TRUE(page({object("a"), archived, archived, object("x1"), object("x1")}, "1"));
    ASSERT_TRUE(page({object("b"), object("x1"), object("x0"), object("x0"), object("b")}));
    EXPECT_EQ(selected(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(ListingTest, AKeyOutsideThePrefixEndsIt) {
    for (const char* key : {"c", "d", "D/a", "e/a", "/d/a", "d%2Fa", "da"}) {
        start("d/");
        const auto taken = keys({"d/a", key});
        EXPECT_EQ(code_of(taken), "bad_listing") << key;
        EXPECT_NE(taken.error().detail.find(fmt::format("\"{}\"", key)), std::string::npos);
        EXPECT_EQ(taken.error().key, fmt::format("b/{}", key));
        EXPECT_EQ(selection->count(), 1U) << "it must not get into the archive";
    }
    start("d/");
    EXPECT_TRUE(keys({"d/", "d/a"})) << "a folder marker is below its own prefix";
}

// The period, and the number of tokens before the circle, do not matter.
TEST_F(ListingTest, TokensInCirclesAreFound) {
    for (const int lead : {0, 1, 5, 100}) {
        for (const int period : {1, 2, 3, 7, 64, 300}) {
            start();
            int pages = 0;
            base::Status taken;
            for (; taken && pages < 2000; ++pages) {
                const int at = pages < lead ? pages : lead + (pages - lead) % period;
                // Every page has a new key: only the tokens show the circle.
                taken = keys({fmt::format("{:06}", pages)}, fmt::format("token {}", at));
            }
            EXPECT_EQ(code_of(taken), "bad_listing") << lead << ' ' << period;
            EXPECT_NE(taken.error().detail.find("circles"), std::string::npos);
            EXPECT_LE(pages, 3 * (lead + period) + 3);
        }
    }
}

TEST_F(ListingTest, PagesWithoutANewKeyAreBounded) {
    const std::vector<std::vector<std::string>> idle = {{}, {"a", "b"}, {"b"}, {"b", "a"}};
    for (const auto& again : idle) {
        start();
        ASSERT_TRUE(keys({"a", "b"}, "start"));
        std::uint64_t pages = 0;
        base::Status taken;
        for (; taken && pages < 2 * Listing::kIdlePagesMax; ++pages)
            taken = keys(again, fmt::format("token {}", pages));
        EXPECT_EQ(code_of(taken), "bad_listing") << again.size();
        EXPECT_EQ(pages, again.empty() ? Listing::kIdlePagesMax : Listing::kRepeatedPagesMax);
        EXPECT_NE(taken.error().detail.find("does not move on"), std::string::npos);
    }
}

TEST_F(ListingTest, EmptyPagesNowAndThenAreNoFault) {
    start();
    for (std::uint64_t i = 0; i < 3 * Listing::kIdlePagesMax; ++i) {
        const std::string token = fmt::format("token {}", i);
        if (i % (Listing::kIdlePagesMax - 1) == 0) {
            ASSERT_TRUE(keys({fmt::format("{:06}", i)}, token));
        } else {
            ASSERT_TRUE(keys({}, token));
        }
    }
    EXPECT_TRUE(keys({}));
    EXPECT_EQ(selection->count(), 4U);
}

TEST_F(ListingTest, ManyKeysInNoOrderAreTakenInTurns) {
    start();
    std::vector<ListedObject> first, second;
    for (std::size_t i = 0; i < 3 * Listing::kKeysPerTurn; ++i)
        first.push_back(object(fmt::format("k{:07}", i)));
    ASSERT_TRUE(page(first, "1"));
    for (const std::size_t i : {5UL, 100'000UL, 149'999UL})
        second.push_back(object(fmt::format("k{:07}", i)));
    second.push_back(object("a"));
    ASSERT_TRUE(page(second));
    EXPECT_GE(turns, 4U) << "the keys so far are remembered some at a time";
    EXPECT_EQ(selection->count(), first.size() + 1);
}

TEST_F(ListingTest, CostlyPatternsAreMatchedInTurns) {
    exclude.assign(60, "*" + std::string(1000, 'a') + "b*");
    start();
    std::vector<ListedObject> objects;
    for (int i = 0; i < 40; ++i) objects.push_back(object(std::string(1010, 'a') + char('0' + i)));
    ASSERT_TRUE(page(objects));
    EXPECT_GE(turns, 5U);
    EXPECT_EQ(selection->count(), 40U);
}

TEST_F(ListingTest, KeysWithoutEndHitPlanMemory) {
    for (const bool sorted : {true, false}) {
        PlanLimits limits;
        limits.memory_bytes = 8 << 20;
        start({}, limits);
        base::Status taken;
        std::size_t i = 0;
        for (; taken && i < 1'000'000; ++i)
            taken =
                keys({fmt::format("{:09}", sorted ? i : 999'999'999 - i)}, fmt::format("{}", i));
        EXPECT_EQ(code_of(taken), "plan_memory");
        EXPECT_EQ(taken.error().kind, base::ErrorKind::exhausted);
        EXPECT_NE(taken.error().detail.find("plan_memory, 8388608 bytes"), std::string::npos)
            << taken.error().detail;
        EXPECT_GT(i, 20'000U) << "some 200 bytes an object";
        EXPECT_LT(i, 45'000U);
    }
}

TEST_F(ListingTest, OtherThingsWithoutEndAreBoundedToo) {
    PlanLimits limits;
    limits.memory_bytes = 1 << 20;
    request.options.on_missing = OnMissing::skip;
    start({}, limits);
    base::Status taken;
    for (int i = 0; taken && i < 100'000; ++i) {  // all in the report of what was skipped
        ListedObject archived = object(fmt::format("{:09}", i));
        archived.storage_class = "GLACIER";
        taken = page({archived}, fmt::format("{}", i));
    }
    EXPECT_EQ(code_of(taken), "plan_memory");
    start({}, limits);
    taken = {};
    for (int i = 0; taken && i < 100'000; ++i)  // one object that changes all the time
        taken = page({object("k", fmt::format("{:0>60}", i))}, {});
    EXPECT_EQ(code_of(taken), "plan_memory");
    exclude = {"*"};
    start({}, limits);
    taken = {};
    for (int i = 0; taken && i < 100'000; ++i)  // in no order, and left out
        taken = keys({fmt::format("{:09}", 100'000 - i)}, fmt::format("{}", i));
    EXPECT_EQ(code_of(taken), "plan_memory");
}

TEST_F(ListingTest, NumbersAreBounded) {
    PlanLimits limits;
    limits.objects = 3;
    start({}, limits);
    ASSERT_TRUE(keys({"a", "b", "c"}, "1"));
    const auto fourth = keys({"d"});
    EXPECT_EQ(code_of(fourth), "too_many_objects");
    EXPECT_NE(fourth.error().detail.find("more than 3 objects"), std::string::npos);
    limits = {};
    limits.keys_listed = 5;
    exclude = {"*"};
    start("p", limits);
    ASSERT_TRUE(keys({"p1", "p2", "p3", "p4", "p5"}, "1"));
    const auto sixth = keys({"p6"});
    EXPECT_EQ(code_of(sixth), "too_many_objects");
    EXPECT_NE(sixth.error().detail.find("b/p has more than 5 keys"), std::string::npos);
}

// 500 folders in each of few keys: the names take more than the keys.
TEST_F(ListingTest, NamesOfManyFoldersHitPlanMemory) {
    PlanLimits limits;
    limits.memory_bytes = 8 << 20;
    start({}, limits);
    for (int i = 0; i < 2000; ++i) {
        std::string key = fmt::format("{:06}", i);
        for (int d = 0; d < 480; ++d) key += "/x";
        ASSERT_TRUE(keys({key}, fmt::format("{}", i)));
    }
    const auto manifest = Manifest::make(std::move(*selection), request);
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().code, "plan_memory");
}

}  // namespace
}  // namespace archive
