// From POST /archives to a verified archive, and every bad input of which only S3 knows, as failed
// jobs that name it.
#include "e2e_fixture.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

TEST_F(E2eTest, APrefixBecomesAnArchive) {
    start();
    put_objects("2026/", 50, 1000);
    const auto job = run(body(R"({"bucket":"photos","prefix":"2026/"})", "zips/a.zip"));
    expect_archive(job, "zips/a.zip", 50);
    EXPECT_EQ(number_at(job, "/progress/objects_total"), 50);
    EXPECT_EQ(number_at(job, "/progress/objects_done"), 50);
    EXPECT_EQ(number_at(job, "/progress/bytes_done"), number_at(job, "/result/size"));
    EXPECT_EQ(at(job, "/progress/bytes_total"), at(job, "/result/size"));
    EXPECT_EQ(number_at(job, "/requests/GetObject"), 50);
    EXPECT_EQ(at(job, "/result/skipped"), "[]");
    const std::string metrics = call("GET", "/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("s3zipd_jobs{state=\"succeeded\"} 1\n"));
    EXPECT_THAT(metrics, HasSubstr("s3zipd_s3_requests_total{operation=\"GetObject\"} 5"));
    EXPECT_THAT(metrics, HasSubstr("s3zipd_memory_limit_bytes 67108864\n"));
    EXPECT_THAT(metrics, HasSubstr("s3zipd_memory_in_use_bytes 0\n"));
}

TEST_F(E2eTest, ExplicitObjectsKeepTheirNames) {
    start();
    ASSERT_TRUE(sim_->put("photos", "a b.txt", "first"));
    ASSERT_TRUE(sim_->put("photos", "c.txt", ""));
    const auto job =
        run(body(R"({"bucket":"photos","objects":[{"key":"a b.txt","name":"papers/ä.txt"},)"
                 R"({"key":"c.txt"}]})",
                 "a.zip"));
    expect_archive(job, "a.zip", 2);
    const std::string archive = *sim_->get("out", "a.zip");
    EXPECT_THAT(archive, HasSubstr("papers/ä.txt"));
    EXPECT_THAT(archive, HasSubstr("first"));
    EXPECT_EQ(archive.find("a b.txt"), std::string::npos);
}

TEST_F(E2eTest, TwoJobsAtOnce) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=40,size=1500000"}, {"other", "count=30,size=2000000"}};
    sim.faults = "UploadPart delay=300";  // so that they overlap
    start({}, sim);
    const std::string options = R"({"part_size":"5MiB"})";
    const std::string first = post(body(R"({"bucket":"big"})", "1.zip", options));
    const std::string second = post(body(R"({"bucket":"other"})", "2.zip", options));
    const auto one = until_end(first), two = until_end(second);
    expect_archive(one, "1.zip", 40);
    expect_archive(two, "2.zip", 30);
    // RFC 3339 in UTC: their order is that of the texts.
    EXPECT_LT(text_at(one, "/started_at"), text_at(two, "/finished_at"));
    EXPECT_LT(text_at(two, "/started_at"), text_at(one, "/finished_at"));
    EXPECT_TRUE(sim_->open_uploads().empty());
}

TEST_F(E2eTest, ACancelInTheMiddleLeavesNothing) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=100,size=3000000"}};
    sim.faults = "UploadPart delay=200";
    start([](archive::EngineConfig& config) { config.memory_bytes = 32 << 20; }, sim);
    const std::string id = post(body(R"({"bucket":"big"})", "a.zip", R"({"part_size":"5MiB"})"));
    const auto middle =
        follow(id, [&](const auto& job) { return number_at(job, "/progress/parts_done") > 0; });
    EXPECT_EQ(text_at(middle, "/state"), "running");
    EXPECT_EQ(sim_->open_uploads().size(), 1u);
    EXPECT_EQ(call("DELETE", "/archives/" + id).status, 202);
    const auto job = until_end(id);
    EXPECT_EQ(text_at(job, "/state"), "cancelled");
    EXPECT_EQ(text_at(job, "/error/kind"), "cancelled");
    EXPECT_LT(number_at(job, "/progress/bytes_done"), number_at(job, "/progress/bytes_total"));
    EXPECT_TRUE(sim_->open_uploads().empty());
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
    EXPECT_EQ(engine_->stats().memory_in_use_bytes, 0u);
}

TEST_F(E2eTest, StoppingAbortsWhatRuns) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=100,size=3000000"}};
    sim.faults = "UploadPart delay=200";
    start([](archive::EngineConfig& config) { config.memory_bytes = 32 << 20; }, sim);
    const std::string id = post(body(R"({"bucket":"big"})", "a.zip", R"({"part_size":"5MiB"})"));
    follow(id, [&](const auto& job) { return number_at(job, "/progress/parts_done") > 0; });
    EXPECT_EQ(sim_->open_uploads().size(), 1u);
    EXPECT_TRUE(jobs_->shutdown(std::chrono::seconds(20)));
    EXPECT_TRUE(sim_->open_uploads().empty());
}

TEST_F(E2eTest, APlanIsWhatTheJobThenDoes) {
    start();
    put_objects("2026/", 20, 100'000);
    const std::string request = body(R"({"bucket":"photos","prefix":"2026/"})", "a.zip");
    const auto response = call("POST", "/plans", request);
    ASSERT_EQ(response.status, 200) << response.body;
    const auto plan = boost::json::parse(response.body);
    const auto job = run(request);
    expect_archive(job, "a.zip", 20);
    EXPECT_EQ(at(plan, "/entries"), "20");
    EXPECT_EQ(at(plan, "/archive_size"), at(job, "/result/size"));
    EXPECT_EQ(at(plan, "/requests"), at(job, "/requests"));
    EXPECT_EQ(at(plan, "/cost_usd"), at(job, "/result/cost_usd"));
}

TEST_F(E2eTest, TheDownloadNeedsNoCredentials) {
    start();
    put_objects("", 1, 10);
    const std::string id = post(body(R"({"bucket":"photos"})", "a b.zip"));
    expect_archive(until_end(id), "a b.zip", 1);
    const auto response = call("GET", "/archives/" + id + "/download");
    ASSERT_EQ(response.status, 307);
    const std::string& url = response.headers.at("location");
    ASSERT_TRUE(url.starts_with(sim_->endpoint())) << url;
    TestClient s3(sim_->port());
    s3.send("GET " + url.substr(sim_->endpoint().size()) + " HTTP/1.1\r\nHost: " +
            sim_->endpoint().substr(std::string_view("http://").size()) + "\r\n\r\n");
    const auto got = s3.read_response();
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.body, *sim_->get("out", "a b.zip"));
}

// --- bad input

TEST_F(E2eTest, APrefixThatMatchesNothing) {
    start();
    put_objects("2026/", 1, 1);
    expect_failed(run(body(R"({"bucket":"photos","prefix":"2027/"})", "a.zip")), "photos");
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
    const auto plan =
        call("POST", "/plans", body(R"({"bucket":"photos","prefix":"2027/"})", "a.zip"));
    EXPECT_EQ(plan.status, 422) << plan.body;
    expect_archive(
        run(body(R"({"bucket":"photos","prefix":"2027/"})", "a.zip", R"({"on_empty":"archive"})")),
        "a.zip", 0);
}

TEST_F(E2eTest, ADestinationThatExists) {
    start();
    put_objects("", 1, 10);
    ASSERT_TRUE(sim_->put("out", "a.zip", "precious"));
    const auto job = run(body(R"({"bucket":"photos"})", "a.zip"));
    expect_failed(job, "out/a.zip");
    EXPECT_EQ(text_at(job, "/error/kind"), "precondition");
    EXPECT_EQ(*sim_->get("out", "a.zip"), "precious");
    expect_archive(run(body(R"({"bucket":"photos"})", "a.zip", "{}", true)), "a.zip", 1);
}

TEST_F(E2eTest, AMissingObject) {
    start();
    ASSERT_TRUE(sim_->put("photos", "here", "x"));
    const std::string objects =
        R"({"bucket":"photos","objects":[{"key":"here"},{"key":"gone/x"}]})";
    const auto job = run(body(objects, "a.zip"));
    expect_failed(job, "photos/gone/x");
    EXPECT_EQ(text_at(job, "/error/kind"), "not_found");
    const auto skipped = run(body(objects, "a.zip", R"({"on_missing":"skip"})"));
    expect_archive(skipped, "a.zip", 1);
    EXPECT_EQ(at(skipped, "/result/skipped"),
              R"([{"bucket":"photos","key":"gone/x","reason":"not_found"}])");
}

TEST_F(E2eTest, MissingBuckets) {
    start();
    put_objects("", 1, 10);
    expect_failed(run(body(R"({"bucket":"nowhere"})", "a.zip")), "nowhere");
    expect_failed(
        run(R"({"source":{"bucket":"photos"},"destination":{"bucket":"no-out","key":"a.zip"}})"),
        "no-out");
}

TEST_F(E2eTest, DuplicateNames) {
    start();
    put_objects("a/", 1, 10);
    put_objects("b/", 1, 10);
    expect_failed(run(body(R"({"bucket":"photos"})", "a.zip", R"({"flatten":true})")),
                  "file 0.txt");
    expect_archive(
        run(body(R"({"bucket":"photos"})", "a.zip", R"({"flatten":true,"on_duplicate":"rename"})")),
        "a.zip", 2);
}

TEST_F(E2eTest, WrongCredentials) {
    start([](archive::EngineConfig& config) { config.secret_access_key = "wrong"; });
    put_objects("", 1, 10);
    const auto job = run(body(R"({"bucket":"photos"})", "a.zip"));
    expect_failed(job, "photos");
    EXPECT_EQ(text_at(job, "/error/kind"), "denied");
    EXPECT_EQ(call("POST", "/plans", body(R"({"bucket":"photos"})", "a.zip")).status, 403);
}

TEST_F(E2eTest, AnUnreachableEndpoint) {
    start([](archive::EngineConfig& config) { config.endpoint_url = "http://127.0.0.1:1"; });
    const auto job = run(body(R"({"bucket":"photos"})", "a.zip"));
    expect_failed(job, "out/a.zip");  // the destination is asked for first
    EXPECT_THAT(text_at(job, "/error/detail"), HasSubstr("127.0.0.1:1"));
    EXPECT_EQ(call("POST", "/plans", body(R"({"bucket":"photos"})", "a.zip")).status, 502);
    EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(E2eTest, AFailureInTheMiddleAbortsTheUpload) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=10,size=3000000"}};
    sim.faults = "UploadPart nth=2,3,4,5,6,7,8,9 status=403";
    start({}, sim);
    const auto job = run(body(R"({"bucket":"big"})", "a.zip", R"({"part_size":"5MiB"})"));
    expect_failed(job, "out/a.zip");
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
}

}  // namespace
}  // namespace s3zipd
