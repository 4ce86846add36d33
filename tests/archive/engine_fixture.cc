#include "engine_fixture.h"

#include <cstdlib>
#include <thread>

#include "base/log.h"

namespace archive::test {

std::vector<IoChoice> io_choices() {
    const char* only = std::getenv("S3ZIPD_TEST_IO");
    if (only != nullptr && std::string_view(only) == "epoll") return {IoChoice::epoll};
    if (only != nullptr && std::string_view(only) == "uring") return {IoChoice::uring};
    return {IoChoice::uring, IoChoice::epoll};
}

JobSnapshot RunningJob::wait() {
    auto snapshot = end->take();
    EXPECT_TRUE(snapshot.has_value()) << "the job did not end within a minute";
    return snapshot.value_or(JobSnapshot{});
}

void EngineRig::SetUp() {
    base::set_log_level(base::LogLevel::error);
    start_server();
}

void EngineRig::start_server(s3sim::Options options) {
    engine.reset();
    options.buckets = {"src", "out"};
    auto started = s3sim::Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().to_string();
    server = std::move(*started);
}

EngineConfig EngineRig::config(unsigned reactors, std::uint64_t memory_mib) const {
    EngineConfig with;
    with.retry.patience = {};  // failures for ever end soon
    with.io = io();
    with.reactors = reactors;
    with.memory_bytes = memory_mib * kMiB;
    with.endpoint_url = server->endpoint();
    with.access_key_id = "s3sim";
    with.secret_access_key = "s3simsecret";
    with.environment = s3client::fixed_environment({});
    return with;
}

void EngineRig::start_engine(EngineConfig with) {
    engine.reset();
    auto created = Engine::create(std::move(with));
    ASSERT_TRUE(created) << created.error().to_string();
    engine = std::move(*created);
}

void EngineRig::put(const std::string& key, std::string bytes) {
    const auto done = server->put("src", key, bytes);
    ASSERT_TRUE(done) << done.error().to_string();
    sources[key] = std::move(bytes);
}

void EngineRig::put_mixed() {
    std::uint64_t seed = 1;
    for (const std::uint64_t size :
         std::initializer_list<std::uint64_t>{0, 1, 22, 65'536, kMiB, 5 * kMiB - 100, 5 * kMiB,
                                              5 * kMiB + 1, 12 * kMiB, 21 * kMiB + 12'345}) {
        put("sizes/" + std::to_string(size), random_text(seed, size));
        ++seed;
    }
    for (int i = 0; i < 50; ++i) {
        put("small/" + std::to_string(i) + ".txt",
            random_text(seed, 137 * static_cast<unsigned>(i)));
        ++seed;
    }
    put("names/\xC3\xA4 \xE2\x82\xAC+%41&=#.txt", "umlaut");
    put("names/a b/c'd&e[]!.txt", "quotes");
}

ArchiveRequest EngineRig::request(std::string key) {
    ArchiveRequest what;
    what.sources.emplace_back().bucket = "src";
    what.destination.bucket = "out";
    what.destination.key = std::move(key);
    what.options.timestamps = Timestamps::fixed;
    return what;
}

RunningJob EngineRig::start(ArchiveRequest what, OnState on_state) {
    RunningJob running{std::make_shared<Job>(std::move(what)),
                       std::make_shared<Awaited<JobSnapshot>>()};
    engine->start(running.job,
                  [end = running.end, on_state = std::move(on_state)](const auto& job) {
                      if (on_state) on_state(job);
                      if (has_ended(job->state())) end->set(job->snapshot());
                  });
    return running;
}

base::Result<PlanSummary> EngineRig::plan(ArchiveRequest what) {
    Awaited<base::Result<PlanSummary>> done;
    engine->plan(std::move(what), [&done](auto result) { done.set(std::move(result)); });
    return done.take().value();
}

base::Result<std::string> EngineRig::presign(PresignRequest what) {
    Awaited<base::Result<std::string>> done;
    engine->presign_get(std::move(what), [&done](auto url) { done.set(std::move(url)); });
    return done.take().value();
}

base::Result<VerifyReport> EngineRig::verify(VerifyRequest what) {
    Awaited<base::Result<VerifyReport>> done;
    engine->verify(std::move(what), {}, [&done](auto result) { done.set(std::move(result)); });
    return done.take().value();
}

void EngineRig::expect_content(const std::string& bytes) const {
    const ReadArchive archive = read_archive(bytes);
    EXPECT_EQ(archive.problem, "");
    EXPECT_EQ(archive.entries.size(), sources.size());
    for (const StoredEntry& entry : archive.entries) {
        const auto source = sources.find(entry.name);
        if (source == sources.end()) {
            ADD_FAILURE() << entry.name << " is nobody's name";
        } else {
            EXPECT_TRUE(entry.data == source->second) << entry.name << " has other bytes";
        }
    }
}

std::string EngineRig::expect_archive(ArchiveRequest what) {
    const std::string key = what.destination.key;
    const JobSnapshot s = run(std::move(what));
    EXPECT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    const auto bytes = server->get("out", key);
    if (s.state != JobState::succeeded || !bytes) return {};
    expect_content(*bytes);
    EXPECT_EQ(s.result->size, bytes->size());
    EXPECT_EQ(s.result->crc32, plain_crc32(*bytes));
    EXPECT_EQ(s.result->entries, sources.size());
    EXPECT_EQ(s.result->etag, '"' + server->head("out", key)->etag + '"');
    EXPECT_EQ(s.objects_done, s.objects_total);
    EXPECT_EQ(s.bytes_done, s.bytes_total);
    EXPECT_EQ(s.parts_done, s.parts_total);
    EXPECT_EQ(s.bytes_total, bytes->size());
    EXPECT_TRUE(server->open_uploads().empty());
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
    return *bytes;
}

void EngineRig::expect_nothing_left(const std::string& key) const {
    EXPECT_FALSE(exists(key)) << "an archive at the destination";
    EXPECT_TRUE(server->open_uploads().empty()) << "an upload was left open";
    if (engine) {
        EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
    }
}

void EngineRig::wait_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "waited for a minute";
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace archive::test
