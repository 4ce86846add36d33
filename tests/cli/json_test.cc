#include <gtest/gtest.h>

#include "base/utf8.h"
#include "cli/job_source.h"
#include "cli/json_job.h"

namespace {

using namespace cli;

constexpr std::string_view kJob = R"({
  "id":"01J","state":"running","created_at":"2026-11-20T13:05:02.123Z",
  "started_at":"2026-11-20T13:05:03.000Z",
  "finished_at":null,"request":{"destination":{"bucket":"out","key":"x.zip"}},"new_field":[1],
  "progress":{"objects_total":3000,"objects_done":10,"bytes_total":1000,"bytes_done":250,
  "parts_total":4,"parts_done":1,"bytes_per_second":12.5,"eta_seconds":60},
  "requests":{"GetObject":10,"PutObject":0,"UploadPart":1}})";

TEST(JobJson, Running) {
    const auto job = job_from_json(kJob);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->id, "01J");
    EXPECT_EQ(job->state, "running");
    EXPECT_EQ(job->finished_at, "");
    EXPECT_EQ(job->destination, "s3://out/x.zip");
    EXPECT_EQ(job->progress.bytes_done, 250U);
    EXPECT_EQ(job->progress.bytes_per_second, 12.5);
    EXPECT_EQ(job->progress.eta_seconds, 60U);
    EXPECT_EQ(job->requests, (RequestTally{{"GetObject", 10}, {"UploadPart", 1}}));
    EXPECT_FALSE(job->has_ended());
    EXPECT_FALSE(job->result);
}

TEST(JobJson, ToleratesWhatItDoesNotExpect) {
    const auto job = job_from_json(
        R"({"id":5,"state":["x"],"progress":{"bytes_total":-1,"bytes_done":"7",
            "bytes_per_second":3,"eta_seconds":null},
            "requests":[],"result":null,"error":"no"})");
    ASSERT_TRUE(job);
    EXPECT_EQ(job->id, "");
    EXPECT_EQ(job->progress.bytes_total, 0U);
    EXPECT_EQ(job->progress.bytes_per_second, 3);
    EXPECT_FALSE(job->progress.eta_seconds);
    EXPECT_FALSE(job->result);
    EXPECT_FALSE(job->error);
    for (const std::string_view text : {"", "[]", "{", "<html>", "null"}) {
        ASSERT_FALSE(job_from_json(text)) << text;
        EXPECT_EQ(job_from_json(text).error().code, "bad_answer");
    }
}

TEST(JobJson, EventsOfEitherShape) {
    JobView job = *job_from_json(kJob);
    apply_event(R"({"objects_total":3000,"objects_done":20,"bytes_total":1000,"bytes_done":500})",
                job);
    EXPECT_EQ(job.progress.bytes_done, 500U);
    EXPECT_EQ(job.state, "running");
    EXPECT_FALSE(job.progress.eta_seconds);
    apply_event(R"({"state":"finishing","progress":{"bytes_total":1000,"bytes_done":900}})", job);
    EXPECT_EQ(job.progress.bytes_done, 900U);
    EXPECT_EQ(job.state, "finishing");
    EXPECT_EQ(job.id, "01J");
    apply_event(
        R"({"id":"01J","state":"failed","error":{"code":"NoSuchKey","detail":"gone","key":"b/k"}})",
        job);
    EXPECT_TRUE(job.has_ended());
    ASSERT_TRUE(job.error);
    EXPECT_EQ(job.error->code, "NoSuchKey");
    apply_event("not JSON", job);
    EXPECT_EQ(job.state, "failed");
}

TEST(JobJson, LocalJobsLookLikeTheDaemons) {
    archive::ArchiveRequest request;
    request.sources.emplace_back().bucket = "src";
    request.sources.back().prefix = "p/";
    request.destination.bucket = "out";
    request.destination.key = "x.zip";
    archive::JobSnapshot snapshot;
    snapshot.state = archive::JobState::succeeded;
    snapshot.started_at = base::UtcTime(std::chrono::milliseconds(1'000'000));
    snapshot.finished_at = base::UtcTime(std::chrono::milliseconds(1'002'500));
    snapshot.entered[1] = snapshot.started_at;
    snapshot.entered[2] = *snapshot.started_at + std::chrono::milliseconds(500);
    snapshot.bytes_total = snapshot.bytes_done = 100;
    snapshot.requests[static_cast<std::size_t>(s3client::Operation::put_object)] = 1;
    const auto report = std::make_shared<archive::ObjectReport>();
    report->skip("src", "p/a", "not_found");
    report->rename("src", "p/b:", "b_", "unsafe");
    snapshot.result = archive::ArchiveResult{"out", "x.zip", "\"e\"", "", 100, 2, 0xABC, report};
    const auto job = job_from_json(job_json(view_of(request, snapshot, 0), request));
    ASSERT_TRUE(job);
    EXPECT_EQ(job->state, "succeeded");
    EXPECT_EQ(job->started_at, "1970-01-01T00:16:40.000Z");
    ASSERT_EQ(job->stages.size(), 2U);
    EXPECT_EQ(job->stages[0].name, "planning");
    EXPECT_EQ(job->stages[0].duration_ms, 500U);
    EXPECT_EQ(job->stages[1].name, "running");
    EXPECT_EQ(job->stages[1].started_at, "1970-01-01T00:16:40.500Z");
    EXPECT_EQ(job->stages[1].finished_at, job->finished_at);
    EXPECT_EQ(job->stages[1].duration_ms, 2000U);
    EXPECT_EQ(job->destination, "s3://out/x.zip");
    EXPECT_EQ(job->requests, (RequestTally{{"PutObject", 1}}));
    ASSERT_TRUE(job->result);
    EXPECT_EQ(job->result->crc32, "00000abc");
    EXPECT_EQ(job->result->duration_ms, 2500U);
    EXPECT_DOUBLE_EQ(job->result->cost_usd, 5e-6);
    ASSERT_EQ(job->result->report.skipped.size(), 1U);
    EXPECT_EQ(job->result->report.skipped[0].key, "p/a");
    ASSERT_EQ(job->result->report.renamed.size(), 1U);
    EXPECT_EQ(job->result->report.renamed[0].name, "b_");
    EXPECT_EQ(job->result->report.renamed_total, 1U);
}

// Keys may be any bytes: the JSON is UTF-8, and the bytes are found again.
TEST(JobJson, KeysOfAnyBytes) {
    archive::ArchiveRequest request;
    request.sources.emplace_back().bucket = "src";
    request.sources.back().prefix = "p\xFF/";
    archive::JobSnapshot snapshot;
    snapshot.state = archive::JobState::succeeded;
    const auto report = std::make_shared<archive::ObjectReport>();
    report->skip("src", "a\xE9", "archived");
    report->rename("src", "b\xE9", "b_", "unsafe");
    report->rename("src", "c", "c\xC3", "duplicate");
    snapshot.result = archive::ArchiveResult{"out", "x.zip", "\"e\"", "", 100, 2, 0xABC, report};
    const std::string text = job_json(view_of(request, snapshot, 0), request);
    EXPECT_TRUE(base::is_valid_utf8(text)) << text;
    EXPECT_NE(text.find(R"("key":"c","name":"c)"
                        "\xEF\xBF\xBD"
                        R"(","name_base64":"Y8M=")"),
              std::string::npos)
        << text;
    const auto job = job_from_json(text);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->result->report.skipped.at(0).key, "a\xE9");
    EXPECT_EQ(job->result->report.renamed.at(0).key, "b\xE9");
    EXPECT_EQ(job->result->report.renamed.at(1).name, "c\xC3");

    snapshot.state = archive::JobState::failed;
    snapshot.result.reset();
    snapshot.error =
        base::Error{base::ErrorKind::invalid, "unsafe_name", "a\xE9 is", 0, {}, "a\xE9"};
    EXPECT_TRUE(base::is_valid_utf8(job_json(view_of(request, snapshot, 0), request)));
}

TEST(JobJson, WholeListsAreFetched) {
    const std::string cut =
        R"({"id":"01J","result":{"size":5,"skipped":[{"key":"a"}],"renamed":[{"key":"b"}],)"
        R"("renamed_total":3},"more":1})";
    std::vector<std::string> asked;
    const auto whole = whole_job_text(cut, [&](const std::string& target) {
        asked.push_back(target);
        return asked.size() == 1 ? R"({"renamed":[{"key":"b"},{"key":"c"}],"next_cursor":"r&2"})"
                                 : R"({"renamed":[{"key":"d"}],"next_cursor":null})";
    });
    ASSERT_TRUE(whole);
    EXPECT_EQ(*whole, R"({"id":"01J","result":{"size":5,"skipped":[{"key":"a"}],)"
                      R"("renamed":[{"key":"b"},{"key":"c"},{"key":"d"}]},"more":1})");
    EXPECT_EQ(asked, (std::vector<std::string>{"/archives/01J/renamed?limit=10000",
                                               "/archives/01J/renamed?limit=10000&cursor=r%262"}));
    for (const std::string_view page :
         {"{}", "[]", "x", R"({"renamed":{}})", R"({"renamed":[],"next_cursor":"r1"})"}) {
        const auto broken = whole_job_text(cut, [&](const auto&) { return std::string(page); });
        ASSERT_FALSE(broken) << page;
        EXPECT_EQ(broken.error().code, "bad_answer");
    }
    const std::string uncut = R"({ "id":"01J","result":{"skipped":[]}})";
    const auto never = [](const std::string&) -> base::Result<std::string> {
        return base::fail(base::ErrorKind::bug, "asked", "");
    };
    EXPECT_EQ(whole_job_text(uncut, never).value_or(""), uncut);
    EXPECT_EQ(whole_job_text("no JSON", never).value_or(""), "no JSON");
    EXPECT_EQ(whole_job_text(cut, never).error().code, "asked");
}

TEST(JobJson, TimeLeftFollowsFromTheRate) {
    archive::JobSnapshot snapshot;
    snapshot.bytes_total = 1000;
    snapshot.bytes_done = 400;
    EXPECT_EQ(view_of({}, snapshot, 60).progress.eta_seconds, 10U);
    EXPECT_FALSE(view_of({}, snapshot, 0).progress.eta_seconds);
}

TEST(PlanJson, ThereAndBack) {
    archive::PlanSummary plan;
    plan.entries = 3;
    plan.archive_size = 1000;
    plan.parts = 1;
    plan.source_bytes = 700;
    plan.memory_needed_bytes = 4000;
    plan.memory_bytes = 3000;
    plan.cost_usd = 0.5;
    plan.requests[static_cast<std::size_t>(s3client::Operation::get_object)] = 3;
    const auto report = std::make_shared<archive::ObjectReport>();
    report->rename("src", "p/b:", "b_", "unsafe");
    plan.report = report;
    const auto view = plan_from_json(plan_json(plan));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->entries, 3U);
    EXPECT_EQ(view->archive_size, 1000U);
    EXPECT_EQ(view->source_bytes, 700U);
    EXPECT_EQ(view->memory_needed, 4000U);
    EXPECT_EQ(view->memory, 3000U);
    EXPECT_EQ(plan_view(plan).memory_needed, 4000U);
    EXPECT_EQ(plan_view(plan).memory, 3000U);
    EXPECT_EQ(plan_view(plan).cost_usd, 0.5);
    EXPECT_EQ(view->cost_usd, 0.5);
    EXPECT_EQ(view->requests, (RequestTally{{"GetObject", 3}}));
    EXPECT_EQ(view->report.skipped_total, 0U);
    ASSERT_EQ(view->report.renamed.size(), 1U);
    EXPECT_EQ(view->report.renamed[0].reason, "unsafe");
}

TEST(ProblemJson, FieldsAndNonsense) {
    const Problem problem =
        problem_from_json(R"({"type":"/problems/bad_field","title":"Bad","status":422,)"
                          R"("detail":"must not be empty","pointer":"/a/0"})");
    EXPECT_EQ(problem.detail, "must not be empty");
    EXPECT_EQ(problem.pointer, "/a/0");
    EXPECT_EQ(problem_from_json(R"({"parameter":"limit"})").pointer, "limit");
    EXPECT_EQ(problem_from_json("<html>").detail, "");
}

}  // namespace
