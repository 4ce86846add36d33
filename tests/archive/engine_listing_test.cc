// Jobs on stores that list wrongly: each ends soon, with an error that names the fault, or with an
// archive that has every object once.
#include <gtest/gtest.h>

#include "engine_fixture.h"
#include "listing_store.h"

namespace archive {
namespace {

using test::ListingStore;
using testing::HasSubstr;

class EngineListing : public test::EngineTest {
  protected:
    void start_store(ListingStore::List list, std::map<std::string, std::string> objects = {},
                     std::uint64_t plan_memory_bytes = 64 << 20) {
        engine.reset();
        store = std::make_unique<ListingStore>(std::move(list), std::move(objects));
        EngineConfig with = config(1);
        with.endpoint_url = store->url();
        with.plan_memory_bytes = plan_memory_bytes;
        // As in a daemon that has worked: patience is what malformed answers must not get.
        with.retry.patience = std::chrono::seconds(90);
        with.endpoint_has_answered = true;
        start_engine(with);
    }
    void TearDown() override {
        engine.reset();
        store.reset();
    }
    std::string failure(ArchiveRequest what = request()) {
        const JobSnapshot end = run(std::move(what));
        EXPECT_EQ(end.state, JobState::failed);
        return end.error ? end.error->code + ": " + end.error->detail : "";
    }
    std::vector<std::string> names() {
        std::vector<std::string> names;
        const auto archive = test::read_archive(store->archive());
        EXPECT_EQ(archive.problem, "");
        for (const auto& entry : archive.entries) names.push_back(entry.name);
        return names;
    }

    std::unique_ptr<ListingStore> store;
};

TEST_P(EngineListing, TokensInCircles) {
    int pages = 0;
    start_store([&](const ListingStore::Ask&) {
        const int page = pages++;
        return ListingStore::page(ListingStore::contents("k" + std::to_string(page)),
                                  "t" + std::to_string(page % 3));
    });
    EXPECT_THAT(failure(), HasSubstr("bad_listing: the listing of src/ goes in circles"));
    EXPECT_LT(store->listed(), 15U);
}

TEST_P(EngineListing, EmptyPagesWithoutEnd) {
    int pages = 0;
    start_store([&](const ListingStore::Ask&) {
        return ListingStore::page("", "t" + std::to_string(pages++));
    });
    EXPECT_THAT(failure(), HasSubstr("bad_listing: the listing of src/ does not move on"));
}

TEST_P(EngineListing, AKeyOutsideThePrefix) {
    start_store([&](const ListingStore::Ask&) {
        return ListingStore::page(ListingStore::contents("d/a") + ListingStore::contents("e/b"));
    });
    ArchiveRequest what = request();
    what.sources[0].prefix = "d/";
    const JobSnapshot end = run(std::move(what));
    ASSERT_TRUE(end.error);
    EXPECT_EQ(end.error->code, "bad_listing");
    EXPECT_EQ(end.error->key, "src/e/b");
}

TEST_P(EngineListing, EveryKeyIsOneMember) {
    using L = ListingStore;
    const std::map<std::string, std::string> objects = {
        {"a", "1"}, {"b", "22"}, {"c+d %", "333"}, {"z", "4444"}};
    const std::string a = L::contents("a", "e", 1), b = L::contents("b", "e", 2),
                      c = L::contents("c+d %", "e", 3), z = L::contents("z", "e", 4);
    const std::vector<std::vector<std::string>> listings = {
        {a + a + b + c + z},                 // within a page
        {a + b, b + c, c + z, z},            // across pages
        {a + b + c, a + b + c, z},           // a page again
        {z + b, a + z + b, c + a},           // in no order
        {a, "", "", b + b + b, "", c + z}};  // with empty pages between
    for (const auto& pages : listings) {
        start_store(
            [&](const L::Ask& ask) {
                const std::size_t at = ask.token.empty() ? 0 : std::stoul(ask.token);
                return L::page(pages[at],
                               at + 1 < pages.size() ? std::to_string(at + 1) : std::string());
            },
            objects);
        for (const OnDuplicate on : {OnDuplicate::fail, OnDuplicate::rename}) {
            ArchiveRequest what = request();
            what.options.on_duplicate = on;
            what.options.order = EntryOrder::key;
            what.destination.overwrite = true;
            const JobSnapshot end = run(std::move(what));
            ASSERT_EQ(end.state, JobState::succeeded) << (end.error ? end.error->to_string() : "");
            EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c+d %", "z"}));
        }
    }
}

TEST_P(EngineListing, KeysWithoutEndHitPlanMemory) {
    std::uint64_t next = 0;
    start_store(
        [&](const ListingStore::Ask&) {
            std::string inner;
            for (int i = 0; i < 1000; ++i)
                inner += ListingStore::contents(fmt::format("{:012}", next++));
            return ListingStore::page(inner, fmt::format("t{}", next));
        },
        {}, 4 << 20);
    EXPECT_THAT(failure(), HasSubstr("plan_memory: the plan of the job needs more memory than "
                                     "plan_memory, 4194304 bytes"));
    EXPECT_LT(store->listed(), 25U);
    const auto planned = plan(request());
    ASSERT_FALSE(planned);
    EXPECT_EQ(planned.error().code, "plan_memory");
}

TEST_P(EngineListing, MalformedAnswersAreReportedSoon) {
    const std::string html = "<html><body>Please sign in</body></html>";
    const std::string good = ListingStore::page(ListingStore::contents("k"));
    const std::pair<std::string, std::string> cases[] = {
        {s3client::FakeHttp::answer(200, html), "received 40 bytes of no type: " + html},
        {s3client::FakeHttp::answer(200, ""), "received 0 bytes"},
        {s3client::FakeHttp::answer(200, "<ListBucketResult><IsTr"), "<ListBucketResult><IsTr"},
        {s3client::FakeHttp::answer(200,
                                    "<ListPartsResult><IsTruncated>false</IsTruncated>"
                                    "</ListPartsResult>"),
         "<ListPartsResult> instead of <ListBucketResult>"},
        {s3client::FakeHttp::answer(200, "{\"buckets\":[]}"), "{\"buckets\":[]}"},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "bad_http_response"},
        {"HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\n", "bad_http_response"}};
    for (const auto& [answer, expected] : cases) {
        start_store([&](const ListingStore::Ask&) { return answer; });
        const auto before = std::chrono::steady_clock::now();
        const std::string error = failure();
        EXPECT_THAT(error, HasSubstr(expected));
        EXPECT_THAT(error, HasSubstr(store->url())) << "where from";
        EXPECT_GE(store->listed(), 3U) << answer;
        EXPECT_LE(store->listed(), 6U) << "but for hedges: " << answer;
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
    }
    // Two such answers, as of one bad proxy among several, do not fail the job.
    int asked = 0;
    start_store([&](const ListingStore::Ask&) { return asked++ < 2 ? cases[0].first : good; },
                {{"k", "1"}});
    EXPECT_EQ(run(request()).state, JobState::succeeded);
    EXPECT_EQ(names(), std::vector<std::string>{"k"});
}

// Patterns that make a naive matcher quadratic, on pages without end: other jobs go on, and so does
// the cancel.
TEST_P(EngineListing, CostlyPatternsDoNotHoldUpOtherJobs) {
    std::uint64_t next = 0;
    start_store(
        [&](const ListingStore::Ask& ask) {
            if (ask.prefix == "k") return ListingStore::page(ListingStore::contents("k"));
            std::string inner;
            for (int i = 0; i < 1000; ++i)
                inner +=
                    ListingStore::contents(std::string(1000, 'a') + fmt::format("{:012}", next++));
            return ListingStore::page(inner, fmt::format("t{}", next));
        },
        {{"k", "1"}}, 1 << 30);
    ArchiveRequest costly = request("costly.zip");
    costly.sources[0].exclude.assign(60, "*" + std::string(1000, 'a') + "b*");
    const test::RunningJob running = start(std::move(costly));
    wait_until([&] { return store->listed() >= 2; });
    ArchiveRequest other = request();
    other.sources[0].prefix = "k";
    EXPECT_EQ(run(std::move(other)).state, JobState::succeeded);
    EXPECT_FALSE(has_ended(running.job->state()));
    running.job->cancel();
    test::RunningJob ended = running;
    EXPECT_EQ(ended.wait().state, JobState::cancelled);
}

ON_ENGINES(EngineListing);

}  // namespace
}  // namespace archive
