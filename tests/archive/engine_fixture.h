// An s3sim in this process with buckets "src" and "out", and an Engine on it. Each test runs on
// both back ends; S3ZIPD_TEST_IO=epoll leaves epoll only (ThreadSanitizer cannot see through a
// ring).
#pragma once

#include <gmock/gmock.h>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "archive/engine.h"
#include "base/random.h"
#include "s3sim/server.h"
#include "zip_reading.h"

namespace archive::test {

inline constexpr std::uint64_t kMiB = 1ULL << 20;

std::vector<IoChoice> io_choices();

// For s3sim: a clock that ours differs from by more than S3 puts up with.
class HourAhead final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
    base::UtcTime utc_now() override {
        return base::system_clock().utc_now() + std::chrono::hours(1);
    }
};

// Waits for one value from another thread; fails the test after a minute.
template <typename T>
class Awaited {
  public:
    void set(T value) {
        const std::lock_guard lock(mutex_);
        value_.emplace(std::move(value));
        changed_.notify_all();
    }
    std::optional<T> take() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(60), [this] { return value_.has_value(); });
        return std::move(value_);
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<T> value_;
};

// A job under way; its end can be waited for.
struct RunningJob {
    std::shared_ptr<Job> job;
    std::shared_ptr<Awaited<JobSnapshot>> end;
    JobSnapshot wait();
};

// What tests of the engine share; a fixture of one's own says on which back end it runs.
class EngineRig : public testing::Test {
  protected:
    using OnState = std::function<void(const std::shared_ptr<Job>&)>;

    void SetUp() override;
    void TearDown() override { engine.reset(); }  // before the server it talks to
    void start_server(s3sim::Options options = {});

    EngineConfig config(unsigned reactors = 2, std::uint64_t memory_mib = 64) const;
    void start_engine(EngineConfig with);
    void start_engine() { start_engine(config()); }

    // Objects in "src", remembered in `sources` as what the archive must hold.
    void put(const std::string& key, std::string bytes);
    void put_mixed();  // some 50 MiB in 60 objects of many sizes and odd names
    static ArchiveRequest request(std::string key = "a.zip");  // of all "src"

    // on_state is called on a reactor's thread at every change of state.
    RunningJob start(ArchiveRequest what, OnState on_state = {});
    JobSnapshot run(ArchiveRequest what, OnState on_state = {}) {
        return start(std::move(what), std::move(on_state)).wait();
    }
    base::Result<PlanSummary> plan(ArchiveRequest what);
    base::Result<std::string> presign(PresignRequest what);
    base::Result<VerifyReport> verify(VerifyRequest what);
    base::Result<VerifyReport> verify(const std::string& key) {
        return verify({.bucket = "out", .key = key});
    }
    base::Result<VerifyReport> verify_file(const std::string& path) {
        return verify({.path = path});
    }

    // Runs it and expects the archive of all `sources`; gives its bytes.
    std::string expect_archive(ArchiveRequest what);
    void expect_content(const std::string& archive) const;
    // Nothing at the destination, no upload, no memory held.
    void expect_nothing_left(const std::string& key = "a.zip") const;
    // Until s3sim has come so far; fails the test after a minute.
    static void wait_until(const std::function<bool()>& condition);
    bool exists(const std::string& key) const { return server->head("out", key).has_value(); }

    std::unique_ptr<s3sim::Server> server;
    std::unique_ptr<Engine> engine;
    std::map<std::string, std::string> sources;

  private:
    virtual IoChoice io() const = 0;
};

class EngineTest : public EngineRig, public testing::WithParamInterface<IoChoice> {
  private:
    IoChoice io() const override { return GetParam(); }
};

#define ON_ENGINES(fixture)                                          \
    INSTANTIATE_TEST_SUITE_P(                                        \
        Io, fixture, testing::ValuesIn(archive::test::io_choices()), \
        [](const auto& info) { return info.param == IoChoice::uring ? "uring" : "epoll"; })

}  // namespace archive::test
