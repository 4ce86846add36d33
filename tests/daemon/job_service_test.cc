#include "daemon/job_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <future>
#include <thread>

#include "daemon/api_json.h"
#include "fake_engine.h"
#include "temp_journal.h"

namespace s3zipd {
namespace {

using archive::JobState;

const std::string kBody = R"({"source":{"bucket":"photos","prefix":"2026/"},)"
                          R"("destination":{"bucket":"out","key":"a.zip"}})";

class JobServiceTest : public testing::Test {
  protected:
    JobService& service(JobLimits limits = {}) {
        service_ = std::make_unique<JobService>(engine_, *journal_, limits, base::system_clock());
        service_->begin();
        return *service_;
    }
    base::Result<JobView> submit_it(archive::ArchiveRequest request,
                                    std::optional<IdempotencyKey> key = std::nullopt) {
        return submit_now(*service_, {std::move(request), kBody, std::move(key)});
    }
    base::Result<JobView> cancel(std::string_view id) { return cancel_now(*service_, id); }
    JobView submit(int priority = 0) {
        auto job = submit_it(simple_request(priority));
        EXPECT_TRUE(job.has_value());
        return job ? *job : JobView{};
    }
    // Runs `act` and waits until the service knows that the job has ended.
    void until_end(const std::string& id, const std::function<void()>& act) {
        std::promise<void> ended;
        const auto token = service_->end_listeners().add(id, [&] { ended.set_value(); });
        act();
        EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
        service_->end_listeners().remove(token);
    }
    // As if the process had died, with what the journal has.
    void restart(JobLimits limits = {}) {
        service_.reset();
        auto before = journal_.reopen();
        service_ = std::make_unique<JobService>(engine_, *journal_, limits, base::system_clock());
        service_->restore(std::move(before));
        service_->begin();
    }
    JobState state_of(const std::string& id) { return service_->find(id)->snapshot.state; }

    const std::shared_ptr<ArchiveIndex> archives_ = std::make_shared<ArchiveIndex>();
    TempJournal journal_;
    FakeEngine engine_;
    std::unique_ptr<JobService> service_;
};

TEST_F(JobServiceTest, AJobRunsAndEnds) {
    service();
    const JobView job = submit();
    EXPECT_EQ(job.id.size(), 26u);
    EXPECT_EQ(job.snapshot.state, JobState::queued);
    const auto started = engine_.next();
    started.enter(JobState::running);
    EXPECT_EQ(state_of(job.id), JobState::running);
    until_end(job.id, [&] { started.succeed(simple_result()); });
    const auto view = service_->find(job.id);
    EXPECT_EQ(view->snapshot.state, JobState::succeeded);
    EXPECT_EQ(view->snapshot.result->size, 1234u);
    const JobCounts counts = service_->counts();
    EXPECT_EQ(counts.by_state[static_cast<std::size_t>(JobState::succeeded)], 1u);
    EXPECT_EQ(counts.ended_total[static_cast<std::size_t>(JobState::succeeded)], 1u);
    EXPECT_EQ(counts.archive_bytes_total, 1234u);
    EXPECT_EQ(counts.live_bytes, 0u);
    EXPECT_GT(counts.ended_bytes, 0u);
}

TEST_F(JobServiceTest, RunsSoManyAtOnceByPriorityThenAge) {
    service({.running_max = 2});
    const auto first = submit(), second = submit();
    const auto low = submit(-1), normal = submit(0), high = submit(5), normal2 = submit(0);
    const auto a = engine_.next(), b = engine_.next();
    EXPECT_EQ(engine_.waiting_starts(), 0u);
    std::vector<std::string> order;
    FakeEngine::Started running = a;
    std::string id = first.id;
    for (const auto& expected : {high, normal, normal2, low}) {
        until_end(id, [&] { running.succeed(simple_result()); });
        running = engine_.next();
        EXPECT_EQ(running.job, expected.job);
        id = expected.id;
    }
    EXPECT_EQ(engine_.waiting_starts(), 0u);
    EXPECT_EQ(state_of(second.id), JobState::queued);  // b was never let go on
    b.end_cancelled();
}

TEST_F(JobServiceTest, TheQueueIsBounded) {
    service({.running_max = 1, .queued_max = 2});
    const auto running = submit(), waiting = submit();
    submit();
    const auto refused = submit_it(simple_request());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, "queue_full");
    ASSERT_TRUE(cancel(waiting.id).has_value());
    EXPECT_TRUE(submit_it(simple_request()).has_value());
}

TEST_F(JobServiceTest, TheirMemoryIsBounded) {
    service({.live_bytes_max = 1});
    const auto alone = submit();  // larger than the bound, but alone
    EXPECT_EQ(submit_it(simple_request()).error().code, "queue_full");
    until_end(alone.id, [&] { engine_.next().succeed(simple_result()); });
    EXPECT_TRUE(submit_it(simple_request()).has_value());
}

TEST_F(JobServiceTest, CancellingAWaitingJobEndsItAtOnce) {
    service({.running_max = 1});
    const auto running = submit(), waiting = submit();
    const auto cancelled = cancel(waiting.id);
    ASSERT_TRUE(cancelled.has_value());
    EXPECT_EQ(cancelled->snapshot.state, JobState::cancelled);
    EXPECT_EQ(cancelled->snapshot.error->code, "cancelled");
    EXPECT_EQ(cancel(waiting.id).error().code, "already_ended");
    EXPECT_EQ(cancel("nobody").error().code, "not_found");
}

TEST_F(JobServiceTest, CancellingARunningJobAsksTheEngine) {
    service();
    const auto job = submit();
    const auto started = engine_.next();
    started.enter(JobState::running);
    EXPECT_FALSE(started.job->cancel_requested());
    const auto view = cancel(job.id);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->snapshot.state, JobState::running);
    EXPECT_TRUE(started.job->cancel_requested());
    until_end(job.id, [&] { started.end_cancelled(); });
    EXPECT_EQ(state_of(job.id), JobState::cancelled);
}

TEST_F(JobServiceTest, EndedJobsAreForgottenOldestFirst) {
    service({.running_max = 1, .kept_max = 2});
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(submit().id);
        until_end(ids.back(), [&] { engine_.next().succeed(simple_result()); });
    }
    EXPECT_FALSE(service_->find(ids[0]).has_value());
    EXPECT_TRUE(service_->find(ids[1]).has_value());
    EXPECT_TRUE(service_->find(ids[2]).has_value());
}

TEST_F(JobServiceTest, EndedJobsAreBoundedInBytesToo) {
    service({.running_max = 1, .ended_bytes_max = 1});
    const auto first = submit();
    until_end(first.id, [&] { engine_.next().succeed(simple_result()); });
    EXPECT_TRUE(service_->find(first.id).has_value());  // the newest is always kept
    const auto second = submit();
    until_end(second.id, [&] { engine_.next().succeed(simple_result()); });
    EXPECT_FALSE(service_->find(first.id).has_value());
    EXPECT_TRUE(service_->find(second.id).has_value());
}

// What a job reports is shared by all views of it, counted once, and goes with the job.
TEST_F(JobServiceTest, AReportIsCountedAndForgotten) {
    constexpr std::size_t kNames = 10'000;
    constexpr std::uint64_t kLeast = kNames * (100 + sizeof(archive::RenamedObject));
    service({.running_max = 1, .ended_bytes_max = 2 * kLeast});
    const auto run = [&] {
        auto report = std::make_shared<archive::ObjectReport>();
        for (std::size_t i = 0; i < kNames; ++i)
            report->rename("photos", std::string(50, 'k'), std::string(50, 'n'), "unsafe");
        const std::weak_ptr<const archive::ObjectReport> weak = report;
        auto result = simple_result();
        result.report = std::move(report);
        const std::string id = submit().id;
        until_end(id, [&] { engine_.next().succeed(std::move(result)); });
        return std::pair(id, weak);
    };
    const auto [first, first_report] = run();
    EXPECT_GE(service_->counts().ended_bytes, kLeast);
    EXPECT_LE(service_->counts().ended_bytes, 2 * kLeast);
    EXPECT_EQ(service_->find(first)->snapshot.result->report, first_report.lock());
    EXPECT_EQ(service_->list({}).jobs.at(0).snapshot.result->report, first_report.lock());
    const auto [second, second_report] = run();
    EXPECT_FALSE(service_->find(first).has_value());
    EXPECT_TRUE(first_report.expired());
    EXPECT_FALSE(second_report.expired());
    EXPECT_LE(service_->counts().ended_bytes, 2 * kLeast);
    EXPECT_EQ(service_->counts().renamed_entries_total, 2 * kNames);
}

// Ten thousand jobs are kept: a name or two in each must not cost a large block.
TEST(JobReport, AShortOneIsSmall) {
    archive::JobSnapshot snapshot;
    EXPECT_EQ(estimate_bytes(snapshot), 0u);
    const auto report = std::make_shared<archive::ObjectReport>();
    report->rename("photos", "a:b", "a_b", "unsafe");
    report->skip("photos", "c", "not_found");
    snapshot.result = simple_result();
    snapshot.result->report = report;
    EXPECT_LT(estimate_bytes(snapshot), 4096u);
    EXPECT_GT(estimate_bytes(snapshot), 1024u);
}

TEST_F(JobServiceTest, ListsNewestFirstInPages) {
    service({.running_max = 1});
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) ids.insert(ids.begin(), submit().id);
    ListQuery query;
    query.limit = 2;
    std::vector<std::string> seen;
    int pages = 0;
    do {
        const JobPage page = service_->list(query);
        for (const auto& job : page.jobs) seen.push_back(job.id);
        query.cursor = page.next_cursor;
        ++pages;
    } while (!query.cursor.empty());
    EXPECT_EQ(seen, ids);
    EXPECT_EQ(pages, 3);
}

TEST_F(JobServiceTest, ListsByState) {
    service({.running_max = 1});
    const auto running = submit(), waiting = submit();
    engine_.next().enter(JobState::running);
    ListQuery query;
    query.state = JobState::running;
    EXPECT_EQ(service_->list(query).jobs.at(0).id, running.id);
    EXPECT_EQ(service_->list(query).jobs.size(), 1u);
    query.state = JobState::failed;
    EXPECT_TRUE(service_->list(query).jobs.empty());
    EXPECT_EQ(service_->list(query).next_cursor, "");
}

TEST_F(JobServiceTest, IdempotencyKeys) {
    service({.running_max = 1, .kept_max = 1, .idempotency_keys_max = 2});
    const auto post = [&](std::string key, std::string body) {
        return submit_it(simple_request(), IdempotencyKey{key, digest_of(body), body.size()});
    };
    const auto first = post("k1", "body");
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(post("k1", "body")->id, first->id);
    EXPECT_EQ(post("k1", "other").error().code, "idempotency_key_reused");
    EXPECT_NE(post("k2", "body")->id, first->id);
    EXPECT_NE(post("k3", "body")->id, first->id);  // pushes k1 out
    EXPECT_NE(post("k1", "other")->id, first->id);
}

TEST_F(JobServiceTest, AForgottenJobsKeyIsFreeAgain) {
    service({.running_max = 1, .kept_max = 1});
    const IdempotencyKey key{"k", 1, 1};
    const auto first = submit_it(simple_request(), key);
    until_end(first->id, [&] { engine_.next().succeed(simple_result()); });
    EXPECT_EQ(submit_it(simple_request(), key)->id, first->id);
    const auto second = submit();
    until_end(second.id, [&] { engine_.next().succeed(simple_result()); });
    EXPECT_NE(submit_it(simple_request(), key)->id, first->id);
}

TEST_F(JobServiceTest, DrainingWaitsForThoseThatRunAndStartsNoOthers) {
    service({.running_max = 1});
    const auto running = submit(), waiting = submit();
    const auto started = engine_.next();
    started.enter(JobState::running);
    EXPECT_FALSE(service_->drain(std::chrono::milliseconds(1)));  // it still runs
    EXPECT_FALSE(started.job->cancel_requested());
    EXPECT_EQ(submit_it(simple_request()).error().code, "stopping");
    until_end(running.id, [&] { started.succeed(simple_result()); });
    EXPECT_TRUE(service_->drain(std::chrono::seconds(20)));
    EXPECT_EQ(state_of(waiting.id), JobState::queued);
    EXPECT_EQ(engine_.waiting_starts(), 0u);
}

TEST_F(JobServiceTest, WhatIsParkedGoesOnInTheNextProcess) {
    service({.running_max = 1});
    const auto first = submit(), second = submit();
    const auto started = engine_.next();
    started.enter(JobState::running);
    auto parked =
        std::async(std::launch::async, [&] { return service_->park(std::chrono::seconds(20)); });
    while (!started.job->park_requested()) std::this_thread::yield();
    started.park();
    EXPECT_TRUE(parked.get());
    EXPECT_EQ(state_of(first.id), JobState::queued);
    restart({.running_max = 1});
    const auto again = engine_.next();
    EXPECT_EQ(again.job->id(), first.id);
    until_end(first.id, [&] { again.succeed(simple_result()); });
    EXPECT_EQ(engine_.next().job->id(), second.id);
}

TEST_F(JobServiceTest, AnEndedJobIsTheSameAfterARestart) {
    service();
    const IdempotencyKey key{"k", 1, 1};
    const auto job = submit_it(simple_request(), key);
    archive::ArchiveResult result = simple_result();
    auto report = std::make_shared<archive::ObjectReport>();
    report->skip("photos", "gone.jpg", "not_found");
    report->rename("photos", "a?.jpg", "a_.jpg", "unsafe");
    result.report = report;
    const auto failed = submit();
    const auto started = engine_.next();
    for (const auto state : {JobState::planning, JobState::running, JobState::finishing})
        started.enter(state);
    until_end(job->id, [&] { started.succeed(result); });
    until_end(failed.id, [&] {
        engine_.next().fail({base::ErrorKind::denied, "AccessDenied", "no", 403, "R1", "b/k"});
    });
    const auto before = service_->find(job->id);
    restart();
    const auto after = service_->find(job->id);
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(job_json(*after, 1000), job_json(*before, 1000));
    ASSERT_EQ(after->snapshot.result->report->skipped().size(), 1u);
    EXPECT_EQ(after->snapshot.result->report->renamed()[0].name, "a_.jpg");
    EXPECT_EQ(service_->find(failed.id)->snapshot.error->request_id, "R1");
    EXPECT_EQ(submit_it(simple_request(), key)->id, job->id);
    EXPECT_EQ(submit_it(simple_request(), IdempotencyKey{"k", 2, 1}).error().code,
              "idempotency_key_reused");
    EXPECT_EQ(engine_.waiting_starts(), 0u);
}

// Who was told of an end must not see the job run again after a crash.
TEST_F(JobServiceTest, AnEndIsToldWhenTheJournalHasIt) {
    service();
    const auto job = submit();
    const auto started = engine_.next();
    started.job->succeed(simple_result(), base::system_clock().utc_now());
    // The engine has not said so, so nothing is recorded.
    EXPECT_EQ(state_of(job.id), JobState::finishing);
    EXPECT_FALSE(service_->find(job.id)->snapshot.result.has_value());
    ListQuery ended;
    ended.state = JobState::succeeded;
    EXPECT_TRUE(service_->list(ended).jobs.empty());
    EXPECT_EQ(service_->counts().by_state[static_cast<std::size_t>(JobState::finishing)], 1u);
    until_end(job.id, [&] { started.on_change(started.job); });
    EXPECT_EQ(state_of(job.id), JobState::succeeded);
    service_.reset();
    const auto jobs = journal_.reopen();
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_TRUE(jobs[0].end.has_value());
}

TEST_F(JobServiceTest, ACancelOutlivesTheProcess) {
    service({.running_max = 1});
    const auto job = submit();
    const auto started = engine_.next();
    started.enter(JobState::running);
    EXPECT_TRUE(cancel(job.id).has_value());
    restart();  // it died before it could end the job
    const auto again = engine_.next();
    EXPECT_EQ(again.job->id(), job.id);
    EXPECT_TRUE(again.job->cancel_requested());
}

TEST_F(JobServiceTest, ACancelledJobThatHasAnUploadGoesFirst) {
    service({.running_max = 1});
    const auto running = submit(), next = submit(50), cancelled = submit();
    const auto recorder = journal_->recorder(cancelled.id, archives_);
    std::promise<void> recorded;
    recorder->upload_begins([] {});
    recorder->upload_begun({"u", true}, [&] { recorded.set_value(); });
    recorded.get_future().wait();
    EXPECT_TRUE(cancel(cancelled.id).has_value());
    const auto first = engine_.next();
    EXPECT_EQ(first.job->id(), running.id);
    until_end(running.id, [&] { first.succeed(simple_result()); });
    EXPECT_EQ(engine_.next().job->id(), cancelled.id);
    restart({.running_max = 1});
    EXPECT_EQ(engine_.next().job->id(), cancelled.id);
}

// One that did not let go in time asks its recorder all the same.
TEST_F(JobServiceTest, AJobThatOutlivesItStillFindsArchives) {
    service();
    const auto made = submit();
    auto result = simple_result();
    result.fingerprint = "f";
    result.bucket = "b";
    until_end(made.id, [&] { engine_.next().succeed(result); });
    submit();
    const auto late = engine_.next();
    service_.reset();
    EXPECT_TRUE(late.job->recorder()->find_archive("f", "b").has_value());
}

TEST_F(JobServiceTest, IdsGoOnRisingWhenTheClockIsSetBack) {
    struct SetBack final : base::Clock {
        base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
        base::UtcTime utc_now() override { return now; }
        base::UtcTime now{std::chrono::hours(24 * 365 * 50)};
    } clock;
    service_ = std::make_unique<JobService>(engine_, *journal_, JobLimits{}, clock);
    service_->begin();
    const auto first = submit();
    clock.now -= std::chrono::hours(24 * 365);
    const auto second = submit();
    EXPECT_GT(second.id, first.id);
    until_end(first.id, [&] {
        const auto started = engine_.next();
        started.job->enter(JobState::running, clock.now + std::chrono::hours(1));
        started.job->succeed(simple_result(), clock.now);  // set back while it ran
        started.on_change(started.job);
    });
    EXPECT_EQ(service_->find(first.id)->bytes_per_second, 0u);
    service_.reset();
    auto before = journal_.reopen();
    service_ = std::make_unique<JobService>(engine_, *journal_, JobLimits{}, clock);
    service_->restore(std::move(before));
    EXPECT_GT(submit().id, second.id);
}

TEST_F(JobServiceTest, UploadsOfJobsThatHaveEndedAreSwept) {
    service();
    const auto job = submit();
    const auto started = engine_.next();
    started.enter(JobState::running);
    std::promise<void> recorded;
    started.job->recorder()->upload_begins([] {});
    started.job->recorder()->upload_begun({"upload-1", true}, [&] { recorded.set_value(); });
    recorded.get_future().wait();
    until_end(job.id, [&] {
        started.fail({base::ErrorKind::transient, "io_error", "S3 is away", 0, {}, {}});
    });
    restart();  // sweeps at once, unless the first one's sweep was late enough to see it
    const auto released = engine_.released(1);
    ASSERT_EQ(released.size(), 1u);
    EXPECT_EQ(released[0].upload_id, "upload-1");
    EXPECT_EQ(released[0].bucket, "out");
    service_.reset();
    journal_.reopen();
    EXPECT_TRUE(journal_->uploads_left(job.id).empty());
}

TEST_F(JobServiceTest, TheEngineMayCallBackAfterItsEnd) {
    service();
    submit();
    const auto started = engine_.next();
    service_.reset();
    started.succeed(simple_result());
    EXPECT_EQ(started.job->state(), JobState::succeeded);
}

TEST(ClockWatch, NoticesJumpsOfTheWallClock) {
    ClockWatch watch;
    base::SteadyTime steady{std::chrono::hours(1)};
    base::UtcTime utc{std::chrono::hours(24 * 365 * 50)};
    EXPECT_FALSE(watch.look(steady, utc).has_value());
    steady += std::chrono::seconds(5);
    utc += std::chrono::seconds(6);  // slewed
    EXPECT_FALSE(watch.look(steady, utc).has_value());
    for (const auto jump : {std::chrono::hours(24 * 365), std::chrono::hours(-24 * 365)}) {
        steady += std::chrono::seconds(5);
        utc += jump;
        EXPECT_TRUE(watch.look(steady, utc).has_value());
    }
}

TEST(ClockWatch, CountsTheTimeInService) {
    using std::chrono::seconds;
    ClockWatch watch;
    const base::SteadyTime start{std::chrono::hours(1)};
    EXPECT_EQ(watch.service_time(start), seconds(0)) << "not started";
    watch.start(start, seconds(100));
    EXPECT_EQ(watch.service_time(start), seconds(100));
    EXPECT_FALSE(watch.to_keep(start, seconds(60)));
    EXPECT_FALSE(watch.to_keep(start + seconds(59), seconds(60)));
    EXPECT_EQ(watch.to_keep(start + seconds(60), seconds(60)), seconds(160));
    EXPECT_FALSE(watch.to_keep(start + seconds(61), seconds(60)));
    EXPECT_EQ(watch.service_time(start + seconds(61)), seconds(161));
}

TEST(RateMeter, MeasuresOverItsLastSamples) {
    RateMeter meter;
    const base::SteadyTime start{};
    EXPECT_EQ(meter.per_second(), 0u);
    meter.add(start, 0);
    EXPECT_EQ(meter.per_second(), 0u);
    meter.add(start + std::chrono::seconds(2), 1000);
    EXPECT_EQ(meter.per_second(), 500u);
    // Then it stands still: after as many samples as it keeps, the rate is 0.
    for (std::size_t i = 0; i < config::kRateSamples; ++i) {
        meter.add(start + std::chrono::seconds(3 + i), 1000);
    }
    EXPECT_EQ(meter.per_second(), 0u);
    meter.add(start + std::chrono::seconds(3 + config::kRateSamples),
              1000 + 10 * config::kRateSamples);
    EXPECT_EQ(meter.per_second(), 11u);  // 110 bytes in 10 s
}

}  // namespace
}  // namespace s3zipd
