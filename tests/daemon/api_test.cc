// What the API answers, row by row of docs/API.md.
#include <boost/json.hpp>
#include <future>

#include "api_fixture.h"
#include "daemon/openapi.h"
#include "daemon/routes.h"

namespace s3zipd {
namespace {

using archive::JobState;
using testing::HasSubstr;

TEST_F(ApiTest, PostAcceptsAJob) {
    start();
    const auto response = call("POST", "/archives", kGoodBody);
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(response.headers.at("content-type"), "application/json");
    const auto job = json_of(response);
    const std::string id = text_at(response, "/id");
    EXPECT_EQ(id.size(), 26u);
    EXPECT_EQ(response.headers.at("location"), "/archives/" + id);
    EXPECT_EQ(at(job, "/state"), "\"queued\"");
    EXPECT_EQ(at(job, "/started_at"), "null");
    EXPECT_EQ(at(job, "/finished_at"), "null");
    EXPECT_EQ(at(job, "/stages"), R"([{"name":"queued","started_at":)" + at(job, "/created_at") +
                                      R"(,"finished_at":null,"duration_ms":null}])");
    EXPECT_EQ(at(job, "/request/sources/0/bucket"), "\"photos\"");
    EXPECT_EQ(at(job, "/request/sources/0/prefix"), "\"2026/\"");
    EXPECT_EQ(at(job, "/request/destination/key"), "\"a.zip\"");
    EXPECT_EQ(at(job, "/request/destination/overwrite"), "false");
    EXPECT_EQ(at(job, "/request/options"),
              R"({"strip_prefix":"","flatten":false,"names":"safe","order":"given",)"
              R"("on_duplicate":"fail","on_missing":"fail","list_missing":false,)"
              R"("on_empty":"fail","timestamps":"source","comment":"","execution":"local",)"
              R"("priority":0,"checksums":"auto","verify_sources":"stored","reuse":false})");
    for (const char* counter : {"objects_total", "objects_done", "bytes_total", "bytes_done",
                                "parts_total", "parts_done", "bytes_per_second"}) {
        EXPECT_EQ(at(job, std::string("/progress/") + counter), "0") << counter;
    }
    EXPECT_EQ(at(job, "/progress/eta_seconds"), "null");
    EXPECT_EQ(at(job, "/requests"), "{}");
    EXPECT_EQ(at(job, "/result"), "absent");
    EXPECT_EQ(at(job, "/error"), "absent");
}

TEST_F(ApiTest, ASucceededJob) {
    start();
    const std::string id = post();
    const auto started = engine_.next();
    started.enter(JobState::running);
    started.job->objects_total = 5;
    started.job->bytes_total = 1234;
    started.job->requests[static_cast<std::size_t>(s3client::Operation::put_object)] = 2;
    auto result = simple_result();
    const auto report = std::make_shared<archive::ObjectReport>();
    report->skip("photos", "gone.jpg", "not_found");
    report->rename("photos", "a\\b.jpg", "a/b.jpg", "unsafe");
    result.report = report;
    until_end(id, [&] { started.succeed(result); });
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(at(job, "/state"), "\"succeeded\"");
    EXPECT_EQ(at(job, "/stages/0/name"), "\"queued\"");
    EXPECT_EQ(at(job, "/stages/0/started_at"), at(job, "/created_at"));
    EXPECT_EQ(at(job, "/stages/0/finished_at"), at(job, "/started_at"));
    EXPECT_EQ(at(job, "/stages/1/name"), "\"running\"");
    EXPECT_EQ(at(job, "/stages/1/finished_at"), at(job, "/finished_at"));
    EXPECT_NE(at(job, "/stages/1/duration_ms"), "null");
    EXPECT_EQ(at(job, "/stages/2"), "absent");
    EXPECT_EQ(at(job, "/progress/objects_total"), "5");
    EXPECT_EQ(at(job, "/progress/eta_seconds"), "null");
    EXPECT_EQ(at(job, "/requests"), R"({"PutObject":2})");
    EXPECT_EQ(at(job, "/result/bucket"), "\"out\"");
    EXPECT_EQ(at(job, "/result/key"), "\"a.zip\"");
    EXPECT_EQ(at(job, "/result/etag"), R"("\"e-1\"")");
    EXPECT_EQ(at(job, "/result/version_id"), "null");
    EXPECT_EQ(at(job, "/result/size"), "1234");
    EXPECT_EQ(at(job, "/result/entries"), "5");
    EXPECT_EQ(at(job, "/result/crc32"), "\"000000ab\"");
    EXPECT_EQ(at(job, "/result/skipped"),
              R"([{"bucket":"photos","key":"gone.jpg","reason":"not_found"}])");
    EXPECT_EQ(at(job, "/result/renamed"),
              R"([{"bucket":"photos","key":"a\\b.jpg","name":"a/b.jpg","reason":"unsafe"}])");
    EXPECT_EQ(at(job, "/result/skipped_total"), "absent");
    EXPECT_EQ(at(job, "/result/renamed_total"), "absent");
    EXPECT_NE(at(job, "/result/duration_ms"), "absent");
    EXPECT_DOUBLE_EQ(job.at_pointer("/result/cost_usd").as_double(), 1e-5);
    EXPECT_NE(at(job, "/finished_at"), "null");
}

TEST_F(ApiTest, AFailedJobNamesItsKey) {
    start();
    const std::string id = post();
    until_end(id, [&] {
        engine_.next().fail({base::ErrorKind::not_found, "NoSuchKey", "photos/a.jpg does not exist",
                             404, "REQ1", "photos/a.jpg"});
    });
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(at(job, "/state"), "\"failed\"");
    EXPECT_EQ(at(job, "/error/code"), "\"NoSuchKey\"");
    EXPECT_EQ(at(job, "/error/detail"), "\"photos/a.jpg does not exist\"");
    EXPECT_EQ(at(job, "/error/key"), "\"photos/a.jpg\"");
    EXPECT_EQ(at(job, "/error/kind"), "\"not_found\"");
    EXPECT_EQ(at(job, "/error/http_status"), "404");
    EXPECT_EQ(at(job, "/error/request_id"), "\"REQ1\"");
    EXPECT_EQ(at(job, "/result"), "absent");
}

TEST_F(ApiTest, LongListsAreCut) {
    start();
    std::string body = R"({"source":{"bucket":"photos","objects":[)";
    for (int i = 0; i < 1500; ++i) body += (i ? "," : "") + std::string(R"({"key":"k"})");
    const std::string id = post(body + R"(]},"destination":{"bucket":"out","key":"a"}})");
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(job.at_pointer("/request/sources/0/objects").as_array().size(), 1000u);
    EXPECT_EQ(at(job, "/request/sources/0/objects_total"), "1500");
    const auto page = json_of(call("GET", "/archives"));
    EXPECT_EQ(page.at_pointer("/archives/0/request/sources/0/objects").as_array().size(), 10u);
    EXPECT_EQ(at(page, "/archives/0/request/sources/0/objects_total"), "1500");
}

TEST_F(ApiTest, AManifestIsEchoed) {
    start();
    const std::string id =
        post(R"({"sources":[{"manifest":{"bucket":"m","key":"a.jsonl"}},{"bucket":"photos"},)"
             R"({"manifest":{"bucket":"m","key":"b.jsonl","version_id":"v1"}}],)"
             R"("destination":{"bucket":"out","key":"a.zip"}})");
    EXPECT_EQ(at(json_of(call("GET", "/archives/" + id)), "/request/sources"),
              R"([{"manifest":{"bucket":"m","key":"a.jsonl"}},{"bucket":"photos","prefix":""},)"
              R"({"manifest":{"bucket":"m","key":"b.jsonl","version_id":"v1"}}])");
    const auto& sources = engine_.next().job->request().sources;
    ASSERT_EQ(sources.size(), 3u);
    EXPECT_EQ(sources[2].manifest->version_id, "v1");
}

TEST_F(ApiTest, IdempotencyKey) {
    start();
    const auto first = call("POST", "/archives", kGoodBody, "Idempotency-Key: k1\r\n");
    const auto again = call("POST", "/archives", kGoodBody, "Idempotency-Key: k1\r\n");
    EXPECT_EQ(again.status, 202);
    EXPECT_EQ(text_at(again, "/id"), text_at(first, "/id"));
    EXPECT_NE(post(), text_at(first, "/id"));
    expect_problem(call("POST", "/archives", kGoodBody + " ", "Idempotency-Key: k1\r\n"), 422,
                   "idempotency-key-reused");
    expect_problem(call("POST", "/archives", kGoodBody, "Idempotency-Key: \r\n"), 400,
                   "bad-idempotency-key");
    const std::string long_key = "Idempotency-Key: " + std::string(256, 'x') + "\r\n";
    expect_problem(call("POST", "/archives", kGoodBody, long_key), 400, "bad-idempotency-key");
}

TEST_F(ApiTest, ListsInPages) {
    start({}, {.running_max = 1});
    const std::string first = post(), second = post(), third = post();
    auto page = call("GET", "/archives?limit=2");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(text_at(page, "/archives/0/id"), third);
    EXPECT_EQ(text_at(page, "/archives/1/id"), second);
    EXPECT_EQ(at(json_of(page), "/archives/2"), "absent");
    page = call("GET", "/archives?limit=2&cursor=" + text_at(page, "/next_cursor"));
    EXPECT_EQ(text_at(page, "/archives/0/id"), first);
    EXPECT_EQ(at(json_of(page), "/next_cursor"), "null");
    engine_.next().enter(JobState::planning);
    page = call("GET", "/archives?state=planning&limit=&cursor=");
    EXPECT_EQ(json_of(page).at_pointer("/archives").as_array().size(), 1u);
    EXPECT_EQ(text_at(page, "/archives/0/id"), first);
}

TEST_F(ApiTest, BadParametersAreNamed) {
    start();
    for (const char* bad : {"state=done", "limit=0", "limit=1001", "limit=x", "limit=1x",
                            "cursor=1", "colour=red", "colour="}) {
        const auto response = call("GET", std::string("/archives?") + bad);
        expect_problem(response, 400, "bad-parameter");
        const std::string name(bad, std::string_view(bad).find('='));
        EXPECT_EQ(text_at(response, "/parameter"), name);
    }
}

TEST_F(ApiTest, UnknownJobsAndPaths) {
    start();
    for (const char* target : {"/archives/x", "/archives/x/events", "/archives/x/download",
                               "/archives/x/skipped", "/archives/x/renamed"}) {
        expect_problem(call("GET", target), 404, "no-such-archive");
    }
    expect_problem(call("DELETE", "/archives/x"), 404, "no-such-archive");
    for (const char* target : {"/x", "/archives/", "/archives/x/y", "/archives/x/events/",
                               "/Archives", "/healthz/x", "/problems/bad-json"}) {
        expect_problem(call("GET", target), 404, "no-such-resource");
    }
}

TEST_F(ApiTest, WrongMethodsAreToldTheRightOnes) {
    start();
    const auto expect_allow = [&](const char* method, const char* target, const char* allow) {
        const auto response = call(method, target);
        expect_problem(response, 405, "method-not-allowed");
        EXPECT_EQ(response.headers.at("allow"), allow) << method << " " << target;
    };
    expect_allow("DELETE", "/archives", "GET, HEAD, POST");
    expect_allow("PUT", "/archives/x", "GET, HEAD, DELETE");
    expect_allow("POST", "/archives/x/events", "GET");
    expect_allow("POST", "/archives/x/download", "GET, HEAD");
    expect_allow("DELETE", "/archives/x/renamed", "GET, HEAD");
    expect_allow("GET", "/plans", "POST");
    expect_allow("PATCH", "/healthz", "GET, HEAD");
    expect_allow("BREW", "/metrics", "GET, HEAD");
}

TEST_F(ApiTest, WrongMediaTypes) {
    start();
    TestClient client(port_);
    for (const char* type : {"Content-Type: text/plain\r\n", "Content-Type: application/jsonx\r\n",
                             "", "Content-Type: application/x-www-form-urlencoded\r\n"}) {
        for (const char* path : {"/archives", "/plans"}) {
            client.send(std::string("POST ") + path + " HTTP/1.1\r\nHost: localhost\r\n" + type +
                        "Content-Length: 0\r\n\r\n");
            expect_problem(client.read_response(), 415, "unsupported-media-type");
        }
    }
    client.send(TestClient::request_text("POST", "/archives", "",
                                         "Content-Type: Application/JSON ; charset=x\r\n"));
    expect_problem(client.read_response(), 400, "bad-json");
}

TEST_F(ApiTest, BadBodiesNameTheField) {
    start();
    for (const char* path : {"/archives", "/plans"}) {
        const auto broken = call("POST", path, "{\"source\": ");
        expect_problem(broken, 400, "bad-json");
        EXPECT_THAT(text_at(broken, "/detail"), HasSubstr("line 1, column 12"));
        const auto unknown = call("POST", path, R"({"source":{"bucket":"b","x":1}})");
        expect_problem(unknown, 422, "unknown-field");
        EXPECT_EQ(text_at(unknown, "/pointer"), "/source/x");
        const auto both = call("POST", path, R"({"source":{"bucket":"photos","manifest":{}}})");
        expect_problem(both, 422, "conflicting-fields");
        EXPECT_EQ(text_at(both, "/pointer"), "/source/bucket");
        EXPECT_EQ(text_at(both, "/detail"), "/source/bucket and manifest exclude each other");
        const auto bucket =
            call("POST", path,
                 R"({"source":{"bucket":"a/b"},"destination":{"bucket":"out","key":"a"}})");
        expect_problem(bucket, 422, "bad-value");
        EXPECT_EQ(text_at(bucket, "/pointer"), "/source/bucket");
        // Only what is not there is missing; and what must be there is missing, not wrong.
        const auto empty = call(
            "POST", path, R"({"source":{"bucket":""},"destination":{"bucket":"out","key":"a"}})");
        expect_problem(empty, 422, "bad-value");
        EXPECT_EQ(text_at(empty, "/pointer"), "/source/bucket");
        const auto no_key = call("POST", path,
                                 R"({"source":{"bucket":"b"},"destination":)"
                                 R"({"bucket":"out","key":"a","sse":{"type":"customer"}}})");
        expect_problem(no_key, 422, "missing-field");
        EXPECT_EQ(text_at(no_key, "/pointer"), "/destination/sse/customer_key");
    }
    EXPECT_EQ(engine_.waiting_starts(), 0u);
}

TEST_F(ApiTest, AFullQueueSaysWhenToComeBack) {
    start({}, {.running_max = 1, .queued_max = 1});
    post();
    post();
    const auto response = call("POST", "/archives", kGoodBody);
    expect_problem(response, 429, "too-many-jobs");
    EXPECT_EQ(response.headers.at("retry-after"), "5");
}

TEST_F(ApiTest, Delete) {
    start({}, {.running_max = 1});
    const std::string running = post(), waiting = post();
    const auto started = engine_.next();
    started.enter(JobState::running);
    auto response = call("DELETE", "/archives/" + waiting);
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(text_at(response, "/state"), "cancelled");
    EXPECT_EQ(text_at(response, "/error/code"), "cancelled");
    response = call("DELETE", "/archives/" + running);
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(text_at(response, "/state"), "running");
    EXPECT_TRUE(started.job->cancel_requested());
    until_end(running, [&] { started.end_cancelled(); });
    expect_problem(call("DELETE", "/archives/" + running), 409, "already-ended");
    EXPECT_EQ(text_at(call("GET", "/archives/" + running), "/state"), "cancelled");
}

TEST_F(ApiTest, Download) {
    start();
    const std::string id = post();
    expect_problem(call("GET", "/archives/" + id + "/download"), 409, "not-finished");
    until_end(id, [&] { engine_.next().succeed(simple_result()); });
    const auto response = call("GET", "/archives/" + id + "/download");
    EXPECT_EQ(response.status, 307);
    EXPECT_EQ(response.headers.at("location"), "http://s3.test/out/a.zip?expires=3600");
    EXPECT_EQ(response.body, "");
}

TEST_F(ApiTest, Plans) {
    start();
    auto answer = std::async(std::launch::async, [&] { return call("POST", "/plans", kGoodBody); });
    archive::PlanSummary plan;
    plan.entries = 3;
    plan.archive_size = 1000;
    plan.parts = 1;
    plan.part_size_bytes = 500;
    plan.source_bytes = 700;
    plan.memory_needed_bytes = 4000;
    plan.memory_bytes = 3000;
    plan.requests[static_cast<std::size_t>(s3client::Operation::get_object)] = 3;
    plan.cost_usd = 0.25;
    engine_.next_plan()(plan);
    const auto response = answer.get();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(
        boost::json::serialize(json_of(response)),
        R"({"entries":3,"archive_size":1000,"parts":1,"part_size":500,"part_layout":"entries",)"
        R"("bytes_moved":1700,"source_bytes":700,"memory_needed":4000,"memory":3000,)"
        R"("requests":{"GetObject":3},"cost_usd":2.5E-1,"skipped":[],"renamed":[]})");
    EXPECT_EQ(engine_.waiting_starts(), 0u);
}

TEST_F(ApiTest, PlansThatFail) {
    start();
    struct Case {
        base::ErrorKind kind;
        int status;
        const char* name;
    };
    for (const Case& c : {Case{base::ErrorKind::not_found, 422, "request-refused"},
                          Case{base::ErrorKind::denied, 403, "access-denied"},
                          Case{base::ErrorKind::transient, 502, "s3-failed"},
                          Case{base::ErrorKind::throttled, 503, "s3-busy"},
                          Case{base::ErrorKind::exhausted, 422, "request-refused"},
                          Case{base::ErrorKind::cancelled, 503, "stopping"},
                          Case{base::ErrorKind::bug, 500, "internal-error"}}) {
        auto answer =
            std::async(std::launch::async, [&] { return call("POST", "/plans", kGoodBody); });
        engine_.next_plan()(base::fail(
            base::Error{c.kind, "NoSuchBucket", "photos is not there", 404, "R", "photos"}));
        const auto response = answer.get();
        expect_problem(response, c.status, c.name);
        EXPECT_EQ(text_at(response, "/code"), "NoSuchBucket");
        EXPECT_EQ(text_at(response, "/key"), "photos");
        EXPECT_EQ(text_at(response, "/detail"), "photos is not there");
    }
}

TEST_F(ApiTest, HealthReadinessVersion) {
    start();
    EXPECT_EQ(call("GET", "/healthz").body, R"({"status":"ok"})");
    EXPECT_EQ(call("GET", "/readyz").body, R"({"status":"ready"})");
    const auto version = call("GET", "/version");
    EXPECT_EQ(text_at(version, "/name"), "s3zipd");
    EXPECT_EQ(text_at(version, "/io"), "fake");
    EXPECT_EQ(at(json_of(version), "/reactors"), "2");
    EXPECT_THAT(text_at(version, "/version"), testing::MatchesRegex("[0-9]+[.][0-9]+[.][0-9]+"));
}

TEST_F(ApiTest, AnswersUntilItIsStopped) {
    start();
    EXPECT_TRUE(api_->answers(std::chrono::seconds(20)));
    api_->stop(std::chrono::seconds(1));
    EXPECT_FALSE(api_->answers(std::chrono::milliseconds(1)));
}

TEST_F(ApiTest, HeadIsGetWithoutTheBody) {
    start();
    TestClient client(port_);
    const auto get = client.call("GET", "/healthz");
    const auto head = client.call("HEAD", "/healthz");
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-length"), get.headers.at("content-length"));
    EXPECT_EQ(client.call("HEAD", "/nowhere").status, 404);
    EXPECT_EQ(client.call("GET", "/healthz").body, get.body);  // nothing was left over in between
}

TEST_F(ApiTest, LatencyIsMeasuredByRoute) {
    start();
    TestClient client(port_);  // of one connection each answer is counted before the next
    EXPECT_EQ(client.call("POST", "/archives", kGoodBody).status, 202);
    for (int i = 0; i < 2; ++i) client.call("GET", "/archives/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    EXPECT_EQ(client.call("GET", "/nowhere").status, 404);
    const std::string metrics = client.call("GET", "/metrics").body;
    const std::string name = "s3zipd_http_request_duration_seconds";
    EXPECT_THAT(metrics, HasSubstr("# TYPE " + name + " histogram\n"));
    EXPECT_THAT(metrics, HasSubstr(name + R"(_count{method="POST",route="/archives"} 1)"));
    EXPECT_THAT(metrics, HasSubstr(name + R"(_count{method="GET",route="/archives/{id}"} 2)"));
    EXPECT_THAT(metrics, testing::Not(HasSubstr("nowhere")));
}

TEST_F(ApiTest, Metrics) {
    start();
    post();
    call("GET", "/nowhere");
    const auto response = call("GET", "/metrics");
    EXPECT_EQ(response.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for (const char* line :
         {"# TYPE s3zipd_jobs gauge\n", "s3zipd_jobs{state=\"queued\"} 1\n",
          "s3zipd_jobs_ended_total{state=\"failed\"} 0\n",
          "s3zipd_s3_requests_total{operation=\"UploadPart\"} 7\n", "s3zipd_s3_retries_total 3\n",
          "s3zipd_skipped_objects_total 0\n", "s3zipd_renamed_entries_total 0\n",
          "s3zipd_memory_in_use_bytes 10\n", "s3zipd_memory_limit_bytes 1000\n",
          "s3zipd_http_requests_total{status=\"202\"} 1\n",
          "s3zipd_http_requests_total{status=\"404\"} 1\n", "s3zipd_http_connections_limit 4096\n",
          "# HELP s3zipd_build_info "}) {
        EXPECT_THAT(response.body, HasSubstr(line));
    }
    // Every line is a comment or a sample.
    std::size_t at = 0;
    while (at < response.body.size()) {
        const std::string line = response.body.substr(at, response.body.find('\n', at) - at);
        at += line.size() + 1;
        EXPECT_THAT(line, testing::MatchesRegex("# (HELP|TYPE) s3zipd_[a-z0-9_]+ .+|"
                                                "s3zipd_[a-z0-9_]+([{].+[}])? [0-9.e+-]+"));
    }
}

TEST_F(ApiTest, TheOpenApiDocumentKnowsEveryRouteAndNoOther) {
    start();
    const auto response = call("GET", "/openapi.json");
    EXPECT_EQ(response.body, kOpenApi);
    const auto document = json_of(response);
    EXPECT_EQ(at(document, "/openapi"), "\"3.1.0\"");
    std::size_t operations = 0;
    for (const auto& path : document.at("paths").as_object()) {
        for (const auto& operation : path.value().as_object()) {
            operations += operation.key() != "parameters" ? 1 : 0;
        }
    }
    EXPECT_EQ(operations, Routes::list().size());
    for (const auto& [method, path] : Routes::list()) {
        std::string lower(method);
        for (char& c : lower) c = static_cast<char>(c - 'A' + 'a');
        const auto& paths = document.at("paths").as_object();
        ASSERT_TRUE(paths.contains({path.data(), path.size()})) << path;
        EXPECT_TRUE(paths.at({path.data(), path.size()}).as_object().contains(lower))
            << method << path;
    }
}

}  // namespace
}  // namespace s3zipd
