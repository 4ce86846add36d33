#include "s3sim/synthetic.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

TEST(SyntheticSpec, ChallengeIsExact) {
    const auto spec = parse_synthetic_spec("challenge");
    ASSERT_TRUE(spec) << spec.error().to_string();
    ASSERT_EQ(spec->sizes.size(), 3000U);
    EXPECT_EQ(std::accumulate(spec->sizes.begin(), spec->sizes.end(), std::uint64_t{0}),
              15'728'640'000U);
    EXPECT_GE(std::ranges::min(spec->sizes), 2U << 20);
    EXPECT_LE(std::ranges::max(spec->sizes), 8U << 20);
    // Of a normal distribution some 68 in 100 lie within one sigma.
    const auto near =
        std::ranges::count_if(spec->sizes, [](auto n) { return n >= 4U << 20 && n <= 6U << 20; });
    EXPECT_GT(near, 1950);
    EXPECT_LT(near, 2150);
    EXPECT_EQ(parse_synthetic_spec("challenge")->sizes, spec->sizes);
}

TEST(SyntheticSpec, Refusals) {
    for (const char* text :
         {"", "count=0,size=1", "size=1", "count=1,size=x", "count=1,sizes=normal:1:2:3", "bogus=1",
          "count=2,sizes=normal:5:1:4:6,total=100"}) {
        EXPECT_FALSE(parse_synthetic_spec(text)) << text;
    }
}

TEST(SyntheticBody, AnyRangeIsAPieceOfTheWhole) {
    const auto body = make_synthetic_body(7, 3, (3 << 20) + 5);
    const auto read = [&](std::uint64_t offset, std::uint64_t length) {
        std::string text;
        EXPECT_TRUE(
            for_each_chunk(*body, offset, length, [&](base::ByteView bytes) -> base::Status {
                text += base::as_text(bytes);
                return {};
            }));
        return text;
    };
    const std::string whole = read(0, body->size());
    ASSERT_EQ(whole.size(), (3U << 20) + 5);
    for (const std::uint64_t offset : {0UL, 1UL, (1UL << 20) - 1, 1UL << 20, (3UL << 20) + 4}) {
        const std::uint64_t length = std::min<std::uint64_t>(body->size() - offset, (1 << 20) + 3);
        EXPECT_TRUE(read(offset, length) == whole.substr(offset, length)) << offset;
    }
    const auto other = make_synthetic_body(7, 4, 100);
    std::string differs;
    ASSERT_TRUE(for_each_chunk(*other, 0, 100, [&](base::ByteView bytes) -> base::Status {
        differs += base::as_text(bytes);
        return {};
    }));
    EXPECT_NE(differs, whole.substr(0, 100));
}

class SyntheticBucket : public ServerTest {};

TEST_F(SyntheticBucket, KeysAreHashesOfTheContents) {
    const auto cache =
        std::filesystem::temp_directory_path() / ("s3sim-cache-" + std::to_string(::getpid()));
    Options options;
    options.synthetic["src"] = "challenge,scale=1000";
    options.synthetic_cache = cache.string();
    start(options);
    const auto keys = server->keys("src", "files/");
    ASSERT_EQ(keys.size(), 3U);
    std::uint64_t total = 0;
    for (const std::string& key : keys) {
        const Answer answer = client->call("GET", "/src/" + key);
        ASSERT_EQ(answer.status, 200);
        EXPECT_EQ("files/" + hex(sha256(answer.body)), key);
        total += answer.body.size();
    }
    EXPECT_EQ(total, 15'728'640U);
    // The cache is believed: a forged key in it shows up.
    std::string text;
    {
        std::ifstream in(cache);
        text.assign(std::istreambuf_iterator<char>(in), {});
    }
    text.replace(text.size() - 65, 4, "0000");
    std::ofstream(cache) << text;
    start(options);
    EXPECT_NE(server->keys("src"), keys);
    std::filesystem::remove(cache);
}

TEST_F(SyntheticBucket, MillionsOfObjectsAreListedInOrderAndReadOnly) {
    Options options;
    options.synthetic["src"] = "count=1000000,size=1TiB,prefix=p/";
    start(options);
    Answer page = client->call("GET", "/src", "list-type=2&start-after=p%2F0000999000");
    ASSERT_EQ(page.status, 200);
    const auto keys = page.all("Key");
    ASSERT_EQ(keys.size(), 999U);
    EXPECT_EQ(keys.front(), "p/0000999001");
    EXPECT_EQ(keys.back(), "p/0000999999");
    EXPECT_EQ(page.xml("Size"), "1099511627776");
    EXPECT_EQ(client->call("GET", "/src", "list-type=2&delimiter=%2F").all("CommonPrefixes").size(),
              1U);
    page = client->call("GET", "/src/p/0000000001", {}, {}, {{"range", "bytes=1099511627770-"}});
    EXPECT_EQ(page.status, 206);
    EXPECT_EQ(page.body.size(), 6U);
    EXPECT_EQ(client->call("PUT", "/src/x", {}, "body").code(), "MethodNotAllowed");
    EXPECT_EQ(client->call("GET", "/src/p/1").code(), "NoSuchKey");
}

}  // namespace
}  // namespace s3sim::test
