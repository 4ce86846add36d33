// Buckets that are not in the configured region: found out once, followed, remembered by all
// reactors.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::random_text;

class EngineRegions : public EngineTest {
  protected:
    void start_elsewhere() {
        s3sim::Options options;
        options.bucket_regions = {{"src", "eu-west-1"}, {"out", "ap-south-1"}};
        start_server(std::move(options));
        put("k", "v");
        put("large", random_text(1, 22 * kMiB));
        start_engine(config(2, 40));
    }
    // Of all answers, those that sent us elsewhere.
    std::uint64_t redirects() const {
        std::uint64_t count = 0;
        for (const auto& [answer, n] : server->stats().answers) {
            if (answer.ends_with(" 301") || answer.ends_with(" 400") || answer.ends_with(" 307"))
                count += n;
        }
        return count;
    }
};
ON_ENGINES(EngineRegions);

TEST_P(EngineRegions, AreFollowedAndRemembered) {
    start_elsewhere();
    expect_archive(request("first.zip"));
    EXPECT_GT(redirects(), 0U);
    EXPECT_LE(redirects(), 4U);  // each bucket, by each reactor at most once
    server->reset_stats();
    expect_archive(request("second.zip"));
    EXPECT_EQ(redirects(), 0U);
    EXPECT_TRUE(verify("second.zip")->ok());
    const auto url = presign({"out", "second.zip", 60});
    ASSERT_TRUE(url);
    EXPECT_NE(url->find("ap-south-1"), std::string::npos) << *url;
}

// Where there is no bucket either: the next call begins at home again.
TEST_P(EngineRegions, ThatTurnOutWrongAreNotRemembered) {
    put("k", "v");
    start_engine();
    ASSERT_TRUE(server->set_faults("ListObjectsV2 times=1 redirect=eu-west-1"));
    EXPECT_EQ(run(request()).state, JobState::failed);
    ASSERT_TRUE(server->set_faults(""));
    server->reset_stats();
    EXPECT_EQ(run(request("b.zip")).state, JobState::succeeded);
    EXPECT_EQ(redirects(), 0U);
}

// A redirect that names no region: HEAD of the bucket does.
TEST_P(EngineRegions, ThatARedirectDoesNotNameAreAskedFor) {
    start_elsewhere();
    ASSERT_TRUE(server->set_faults("ListObjectsV2 times=1 status=301 no-body"));
    expect_archive(request());
}

// Of a new bucket: followed by each call, and not remembered.
TEST_P(EngineRegions, OfATemporaryRedirectAreFollowedOnce) {
    put("k", "v");
    start_engine();
    ASSERT_TRUE(server->set_faults("ListObjectsV2 times=1 redirect=eu-west-1,307"));
    const JobSnapshot s = run(request());
    EXPECT_EQ(s.state, JobState::failed);  // s3sim does not know of that region
    ASSERT_TRUE(server->set_faults(""));
    ArchiveRequest what = request("b.zip");
    EXPECT_EQ(run(what).state, JobState::succeeded);
}

}  // namespace
}  // namespace archive
