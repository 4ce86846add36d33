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
    // A late one is sent twice, and that is counted.
    const std::int64_t gets = number_at(job, "/requests/GetObject");
    EXPECT_GE(gets, 50);
    EXPECT_LE(gets, 50 + static_cast<std::int64_t>(engine_->stats().hedged));
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

TEST_F(E2eTest, WhatIsParkedKeepsItsUpload) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=100,size=3000000"}};
    sim.faults = "UploadPart delay=200";
    start([](archive::EngineConfig& config) { config.memory_bytes = 32 << 20; }, sim);
    const std::string id = post(body(R"({"bucket":"big"})", "a.zip", R"({"part_size":"5MiB"})"));
    follow(id, [&](const auto& job) { return number_at(job, "/progress/parts_done") > 0; });
    EXPECT_EQ(sim_->open_uploads().size(), 1u);
    EXPECT_TRUE(jobs_->park(std::chrono::seconds(20)));
    EXPECT_EQ(sim_->open_uploads().size(), 1u);
    EXPECT_EQ(text_at(boost::json::parse(call("GET", "/archives/" + id).body), "/state"), "queued");
    EXPECT_EQ(engine_->stats().memory_in_use_bytes, 0u);
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

TEST_F(E2eTest, AnEarlierArchiveIsReused) {
    start();
    put_objects("2026/", 3, 1000);
    const std::string source = R"({"bucket":"photos","prefix":"2026/"})";
    const auto first = run(body(source, "a.zip"));
    expect_archive(first, "a.zip", 3);
    const auto again = run(body(source, "b.zip", R"({"reuse":true})"));
    ASSERT_EQ(text_at(again, "/state"), "succeeded") << at(again, "/error");
    EXPECT_EQ(at(again, "/result/reused"), "true");
    EXPECT_EQ(text_at(again, "/result/key"), "a.zip");
    EXPECT_EQ(at(again, "/result/etag"), at(first, "/result/etag"));
    EXPECT_EQ(at(again, "/result/fingerprint"), at(first, "/result/fingerprint"));
    EXPECT_EQ(at(again, "/requests"), R"({"ListObjectsV2":1,"HeadObject":1})");
    EXPECT_FALSE(sim_->head("out", "b.zip").has_value());
    ASSERT_TRUE(sim_->put("photos", "2026/new.txt", "another object"));
    const auto other = run(body(source, "b.zip", R"({"reuse":true})"));
    EXPECT_EQ(at(other, "/result/reused"), "false");
    expect_archive(other, "b.zip", 4);
}

// --- names

const std::string kPhotos = R"({"bucket":"photos"})";
const std::string kReplaced = "\xEF\xBF\xBD";

TEST_F(E2eTest, EveryRenameIsReported) {
    start();
    for (const char* key : {"a:b.txt", "A.txt", "a.txt", "plain.txt"}) {
        ASSERT_TRUE(sim_->put("photos", key, key));
    }
    const std::string request = body(kPhotos, "a.zip", R"({"on_duplicate":"rename"})");
    const std::string expected =
        R"([{"bucket":"photos","key":"a.txt","name":"a (2).txt","reason":"duplicate"},)"
        R"({"bucket":"photos","key":"a:b.txt","name":"a_b.txt","reason":"unsafe"}])";
    EXPECT_EQ(at(boost::json::parse(call("POST", "/plans", request).body), "/renamed"), expected);
    const std::string id = post(request);
    const auto job = until_end(id);
    expect_archive(job, "a.zip", 4);
    EXPECT_EQ(at(job, "/result/renamed"), expected);
    EXPECT_EQ(call("GET", "/archives/" + id + "/renamed").body,
              R"({"renamed":)" + expected + R"(,"next_cursor":null})");
}

TEST_F(E2eTest, StrictRefusesWhatSafeChangesAndRawKeepsIt) {
    start();
    ASSERT_TRUE(sim_->put("photos", "a:b.txt", "x"));
    const auto strict = run(body(kPhotos, "a.zip", R"({"names":"strict"})"));
    expect_failed(strict, "photos/a:b.txt");
    EXPECT_EQ(text_at(strict, "/error/code"), "unsafe_name");
    const auto raw = run(body(kPhotos, "a.zip", R"({"names":"raw"})"));
    EXPECT_EQ(text_at(raw, "/state"), "succeeded") << at(raw, "/error");
    EXPECT_EQ(at(raw, "/result/renamed"), "[]");
    EXPECT_THAT(*sim_->get("out", "a.zip"), HasSubstr("a:b.txt"));
}

TEST_F(E2eTest, OrderAndTheListOfMissing) {
    start();
    ASSERT_TRUE(sim_->put("photos", "a", "1"));
    ASSERT_TRUE(sim_->put("photos", "b", "2"));
    const std::string objects =
        R"({"bucket":"photos","objects":[{"key":"b"},{"key":"gone"},{"key":"a"}]})";
    const std::string options = R"({"on_missing":"skip","list_missing":true,"order":)";
    expect_archive(run(body(objects, "given.zip", options + R"("given"})")), "given.zip", 3);
    expect_archive(run(body(objects, "key.zip", options + R"("key"})")), "key.zip", 3);
    const std::string given = *sim_->get("out", "given.zip"), key = *sim_->get("out", "key.zip");
    EXPECT_THAT(given, HasSubstr("_MISSING.txt"));
    EXPECT_THAT(given, HasSubstr("not_found\ts3://photos/gone\n"));
    EXPECT_EQ(given[30], 'b');  // the first entry's name
    EXPECT_EQ(key[30], 'a');
}

// S3 takes any bytes for a key. They come back in listings only, and JSON cannot hold them.
TEST_F(E2eTest, KeysThatAreNotUtf8) {
    start();
    ASSERT_TRUE(sim_->put("photos", "caf\xE9.txt", "x"));
    ASSERT_TRUE(sim_->put("photos", "old\xFF", "y", "GLACIER"));
    const std::string id = post(body(kPhotos, "a.zip", R"({"on_missing":"skip"})"));
    const auto job = until_end(id);
    expect_archive(job, "a.zip", 1);
    const std::string renamed = R"([{"bucket":"photos","key":"caf)" + kReplaced +
                                R"(.txt","key_base64":"Y2Fm6S50eHQ=",)"
                                R"("name":"caf_.txt","reason":"unsafe"}])";
    const std::string skipped = R"([{"bucket":"photos","key":"old)" + kReplaced +
                                R"(","key_base64":"b2xk/w==","reason":"archived"}])";
    EXPECT_EQ(at(job, "/result/renamed"), renamed);
    EXPECT_EQ(at(job, "/result/skipped"), skipped);
    EXPECT_EQ(call("GET", "/archives/" + id + "/renamed").body,
              R"({"renamed":)" + renamed + R"(,"next_cursor":null})");
    EXPECT_EQ(call("GET", "/archives/" + id + "/skipped").body,
              R"({"skipped":)" + skipped + R"(,"next_cursor":null})");
    const auto failed = run(body(kPhotos, "b.zip"));
    expect_failed(failed, "photos/old" + kReplaced);
    EXPECT_EQ(text_at(failed, "/error/code"), "object_archived");
    const auto plan = call("POST", "/plans", body(kPhotos, "b.zip"));
    EXPECT_EQ(plan.status, 403);
    EXPECT_THAT(text_at(boost::json::parse(plan.body), "/key"), "photos/old" + kReplaced);
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
