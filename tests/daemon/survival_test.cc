// One state directory, many lives: who may have it, what a stop leaves in S3, and how quickly a
// full queue is back. The runs by seed are in kill_runs.cc, bad days of the disk in
// bad_state_test.cc.
#include "survival_fixture.h"

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

namespace s3zipd {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kSlow = 10;
#else
constexpr int kSlow = 1;
#endif

TEST_F(SurvivalTest, ADirectoryIsOneDaemons) {
    start();
    const auto second = make_process({});
    EXPECT_EQ(second->exit_code(), 1);
    EXPECT_THAT(second->log(), HasSubstr("s3zipd: "));
    EXPECT_THAT(second->log(), HasSubstr(state_.path()));
    const std::string id = post("photos", "a.zip");
    EXPECT_EQ(text_at(until_end(id), "/state"), "succeeded");
    kill_it();
    start();  // the dead one does not hold it
    EXPECT_EQ(text_at(call("GET", "/archives/" + id).body, "/state"), "succeeded");
}

TEST_F(SurvivalTest, TerminationParksAndTheNextLifeResumes) {
    ASSERT_TRUE(sim_->set_faults("UploadPart delay=250"));
    start({"--drain-seconds", "0"});
    const std::string id = post("big", "big.zip");
    const std::string waiting = post("photos", "a.zip");
    until_parts_are_done(id);
    process_->send(SIGTERM);
    EXPECT_EQ(process_->exit_code(), 0) << process_->log();
    ASSERT_EQ(sim_->open_uploads().size(), 1u);
    const std::string upload = sim_->open_uploads().front().upload_id;
    ASSERT_TRUE(sim_->set_faults(""));
    start();
    EXPECT_EQ(text_at(until_end(waiting), "/state"), "succeeded");
    const std::string end = until_end(id);
    EXPECT_EQ(text_at(end, "/state"), "succeeded") << end;
    EXPECT_EQ(text_at(end, "/progress/bytes_done"), text_at(end, "/result/size"));
    EXPECT_TRUE(sim_->open_uploads().empty());
    bool completed = false;
    for (const SeenRequest& request : log_.seen())
        completed |= request.done("CompleteMultipartUpload") && request.upload_id == upload;
    EXPECT_TRUE(completed);
    EXPECT_THAT(broken_upload_promises(log_.seen()), IsEmpty());
}

TEST_F(SurvivalTest, TerminationWaitsForWhatEndsInTime) {
    ASSERT_TRUE(sim_->set_faults("UploadPart delay=100"));
    start({"--drain-seconds", "30"});
    const std::string id = post("big", "big.zip");
    until_parts_are_done(id);
    process_->send(SIGTERM);
    EXPECT_EQ(process_->exit_code(std::chrono::seconds(40)), 0) << process_->log();
    EXPECT_TRUE(sim_->head("out", "big.zip").has_value());
    EXPECT_TRUE(sim_->open_uploads().empty());
    start();
    EXPECT_EQ(text_at(call("GET", "/archives/" + id).body, "/state"), "succeeded");
}

TEST_F(SurvivalTest, ACancelIsNotForgotten) {
    ASSERT_TRUE(sim_->set_faults("UploadPart stall; AbortMultipartUpload stall"));
    start({"--jobs-running-max", "1"});
    const std::string running = post("big", "big.zip");
    const std::string waiting = post("photos", "a.zip");
    ASSERT_TRUE(comes_true([&] { return !sim_->open_uploads().empty(); }));
    EXPECT_EQ(call("DELETE", "/archives/" + waiting).status, 202);
    EXPECT_EQ(call("DELETE", "/archives/" + running).status, 202);
    kill_it();
    ASSERT_TRUE(sim_->set_faults(""));
    start();
    EXPECT_EQ(text_at(until_end(running), "/state"), "cancelled");
    EXPECT_EQ(text_at(until_end(waiting), "/state"), "cancelled");
    EXPECT_FALSE(sim_->head("out", "big.zip").has_value());
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
}

// Five minutes long, since so long a Create may be on its way: ctest runs it with the label long.
TEST_F(SurvivalTest, DISABLED_AnUploadOfWhichNobodyKnewGoesInTheEnd) {
    ASSERT_TRUE(sim_->set_faults("CreateMultipartUpload delay=60000"));  // the answer
    start();
    const std::string id = post("big", "big.zip");
    ASSERT_TRUE(comes_true([&] { return sim_->open_uploads().size() == 1; }));
    kill_it();
    ASSERT_TRUE(sim_->set_faults(""));
    start({"--sweep-seconds", "1", "--sweep-grace-seconds", "300"});
    EXPECT_EQ(text_at(until_end(id), "/state"), "succeeded");
    EXPECT_EQ(sim_->open_uploads().size(), 1u);
    EXPECT_TRUE(
        comes_true([&] { return sim_->open_uploads().empty(); }, std::chrono::seconds(330)));
    EXPECT_TRUE(sim_->head("out", "big.zip").has_value());
}

TEST_F(SurvivalTest, TenThousandJobsAreBackInTwoSeconds) {
    constexpr std::size_t kJobs = 10'000;
    constexpr std::size_t kClients = 16;
    ASSERT_TRUE(sim_->set_faults("* stall"));  // the first job goes nowhere, the others wait
    const std::vector<std::string> flags = {
        "--jobs-running-max", "1", "--jobs-queued-max", "20000", "--log-level", "warn"};
    start(flags);
    std::mutex mutex;
    std::set<std::string> accepted;
    {
        std::vector<std::jthread> clients;
        for (std::size_t c = 0; c < kClients; ++c) {
            clients.emplace_back([&, c] {
                TestClient client(process_->port());
                for (std::size_t i = c; i < kJobs; i += kClients) {
                    const auto response = client.call("POST", "/archives",
                                                      body("photos", std::to_string(i) + ".zip"));
                    if (response.status != 202) return;
                    const std::scoped_lock lock(mutex);
                    accepted.insert(text_at(response.body, "/id"));
                }
            });
        }
    }
    ASSERT_EQ(accepted.size(), kJobs);
    kill_it();
    process_.reset();
    const auto begin = std::chrono::steady_clock::now();
    start(flags);
    EXPECT_EQ(call("GET", "/readyz").status, 200);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took.count(), 2.0 * kSlow);
    RecordProperty("ready_after_ms", static_cast<int>(took.count() * 1000));

    std::set<std::string> there;
    TestClient client(process_->port());
    std::string cursor;
    do {
        const std::string page =
            client.call("GET", "/archives?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor))
                .body;
        const boost::json::value list = boost::json::parse(page);
        for (const auto& job : list.at("archives").as_array())
            there.insert(std::string(job.at("id").as_string()));
        cursor = text_at(page, "/next_cursor");
    } while (cursor != "null" && cursor != "absent" && there.size() <= kJobs);
    EXPECT_TRUE(there == accepted) << there.size() << " of " << accepted.size();
}

}  // namespace
}  // namespace s3zipd
