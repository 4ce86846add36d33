// select_objects() on a store whose listings the test writes: what ends it, how soon, and a cancel
// in the middle of costly patterns.
#include "archive/selector.h"

#include <gmock/gmock.h>

#include "base/log.h"
#include "io/backend.h"
#include "listing_store.h"

namespace archive {
namespace {

using test::ListingStore;
using testing::HasSubstr;

class SelectorTest : public testing::Test {
  protected:
    void start(ListingStore::List list) {
        base::set_log_level(base::LogLevel::error);
        client.reset();
        store = std::make_unique<ListingStore>(std::move(list));
        reactor =
            std::make_unique<io::Reactor>(std::move(*io::make_backend(io::BackendChoice::epoll)));
        s3client::ClientConfig config;
        config.endpoint = *s3client::parse_endpoint(store->url());
        config.credentials =
            std::move(*s3client::static_credentials({"key", "secret", {}, std::nullopt}));
        config.answered_before = true;
        client = std::make_unique<s3client::S3Client>(*reactor, config);
        request = {};
        request.sources.emplace_back().bucket = "src";
    }
    void TearDown() override { client.reset(); }
    base::Result<Selection> select(PlanLimits limits = {}, io::CancelSource* cancel = nullptr) {
        s3client::CallContext context;
        context.cancel = cancel;
        return reactor->run_until_done(
            select_objects(*client, *reactor, worker, request, limits, context));
    }
    base::Error failure(PlanLimits limits = {}) {
        auto selection = select(limits);
        EXPECT_FALSE(selection);
        return selection ? base::Error{} : selection.error();
    }
    // A page of 1,000 new keys.
    static std::string new_keys(std::uint64_t& next, const std::string& stem = {}) {
        std::string inner;
        for (int i = 0; i < 1000; ++i)
            inner += ListingStore::contents(stem + fmt::format("{:012}", next++));
        return ListingStore::page(inner, fmt::format("t{}", next));
    }

    std::unique_ptr<ListingStore> store;
    std::unique_ptr<io::Reactor> reactor;
    std::unique_ptr<s3client::S3Client> client;
    io::WorkerThread worker;
    ArchiveRequest request;
};

TEST_F(SelectorTest, TokensInCircles) {
    int pages = 0;
    start([&](const ListingStore::Ask&) {
        const int page = pages++;
        return ListingStore::page(ListingStore::contents("k" + std::to_string(page)),
                                  "t" + std::to_string(page % 3));
    });
    EXPECT_EQ(failure().code, "bad_listing");
    EXPECT_LT(store->listed(), 15U);
}

TEST_F(SelectorTest, EmptyPagesWithoutEnd) {
    int pages = 0;
    start([&](const ListingStore::Ask&) {
        return ListingStore::page("", "t" + std::to_string(pages++));
    });
    EXPECT_THAT(failure().detail, HasSubstr("does not move on"));
    EXPECT_GE(store->listed(), 1000U);
}

TEST_F(SelectorTest, AKeyOutsideThePrefix) {
    start([&](const ListingStore::Ask&) {
        return ListingStore::page(ListingStore::contents("d/a") + ListingStore::contents("e/b"));
    });
    request.sources[0].prefix = "d/";
    const base::Error error = failure();
    EXPECT_EQ(error.code, "bad_listing");
    EXPECT_EQ(error.key, "src/e/b");
    EXPECT_THAT(error.detail, HasSubstr("the key \"e/b\", which is not below the prefix"));
}

TEST_F(SelectorTest, KeysWithoutEndHitPlanMemory) {
    std::uint64_t next = 0;
    start([&](const ListingStore::Ask&) { return new_keys(next); });
    PlanLimits limits;
    limits.memory_bytes = 4 << 20;
    const base::Error error = failure(limits);
    EXPECT_EQ(error.code, "plan_memory");
    EXPECT_EQ(error.kind, base::ErrorKind::exhausted);
    EXPECT_LT(store->listed(), 25U);
}

TEST_F(SelectorTest, MalformedAnswersAreReportedSoon) {
    using s3client::FakeHttp;
    for (const std::string& answer :
         {FakeHttp::answer(200, "<html><body>Please sign in</body></html>"),
          FakeHttp::answer(200, ""), FakeHttp::answer(200, "<ListBucketResult><IsTr"),
          FakeHttp::answer(200, "{\"buckets\":[]}"), std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\n")}) {
        start([&](const ListingStore::Ask&) { return answer; });
        const auto before = std::chrono::steady_clock::now();
        const base::Error error = failure();
        EXPECT_EQ(error.kind, base::ErrorKind::corrupt);
        EXPECT_THAT(error.detail, HasSubstr(store->url())) << "where from";
        EXPECT_GE(store->listed(), 3U) << answer;
        EXPECT_LE(store->listed(), 6U) << "but for hedges: " << answer;
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
    }
}

TEST_F(SelectorTest, TwoMalformedAnswersDoNotFailTheJob) {
    int asked = 0;
    start([&](const ListingStore::Ask&) {
        return asked++ < 2
                   ? s3client::FakeHttp::answer(200, "<x/>")
                   : ListingStore::page(ListingStore::contents("k") + ListingStore::contents("k"));
    });
    const auto selection = select();
    ASSERT_TRUE(selection) << selection.error().to_string();
    EXPECT_EQ(selection->count(), 1U);
}

// Each page takes the worker a second or more; the cancel takes effect between turns.
TEST_F(SelectorTest, CostlyPatternsDoNotHoldUpACancel) {
    std::uint64_t next = 0;
    io::CancelSource cancel;
    start([&](const ListingStore::Ask&) {
        if (next == 1000) reactor->post([&] { cancel.cancel(); });
        return new_keys(next, std::string(1000, 'a'));
    });
    request.sources[0].exclude.assign(60, "*" + std::string(1000, 'a') + "b*");
    const auto selection = select({}, &cancel);
    ASSERT_FALSE(selection);
    EXPECT_EQ(selection.error().code, "cancelled");
    EXPECT_LE(store->listed(), 3U);
}

}  // namespace
}  // namespace archive
