// What takes minutes: run by `./dev test --long`.
#include "archive/engine.h"
#include "engine_fixture.h"
#include "key_server.h"

namespace archive {
namespace {

class LongJobs : public test::EngineTest {};
INSTANTIATE_TEST_SUITE_P(Io, LongJobs, testing::Values(test::io_choices().front()));

// Two minutes with keys that last 20 s: none is ever used too late, and nothing is tried again.
TEST_P(LongJobs, KeysThatLastTwentySecondsAreNeverSeenByTheUser) {
    constexpr std::uint64_t kObjects = 7'700, kSize = 64 << 10;
    s3sim::Options options;
    options.synthetic = {
        {"many", "count=" + std::to_string(kObjects) + ",size=" + std::to_string(kSize)}};
    options.bandwidth_host = 4 << 20;
    start_server(std::move(options));
    test::KeyServer keys(*server, std::chrono::seconds(20));
    EngineConfig with = config(2, 40);
    with.access_key_id.clear();
    with.secret_access_key.clear();
    with.environment = keys.environment();
    start_engine(std::move(with));

    const auto began = std::chrono::steady_clock::now();
    ArchiveRequest what = request();
    what.sources.front().bucket = "many";
    auto running = start(std::move(what));
    std::optional<JobSnapshot> end;
    for (int minutes = 0; minutes < 4 && !end; ++minutes) end = running.end->take();
    ASSERT_TRUE(end) << "the job did not end within four minutes";
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::minutes(2));

    ASSERT_EQ(end->state, JobState::succeeded) << (end->error ? end->error->to_string() : "");
    const auto head = server->head("out", "a.zip");
    ASSERT_TRUE(head);
    EXPECT_EQ(end->result->entries, kObjects);
    EXPECT_EQ(end->result->size, head->size);
    EXPECT_EQ(end->result->crc32, head->crc32);
    EXPECT_EQ(engine->stats().retries, 0U);
    EXPECT_GE(keys.given(), 8);  // each is used for 15 s
    for (const auto& [answer, count] : server->stats().answers)
        EXPECT_FALSE(answer.ends_with(" 400") || answer.ends_with(" 403")) << answer << count;
    engine.reset();  // before the server of its keys
}

}  // namespace
}  // namespace archive
