// Manifest files and plans that need more memory than there is, through the API.
#include "e2e_fixture.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

class E2eManifestTest : public E2eTest {
  protected:
    void start_with_lists() {
        s3sim::Options sim;
        sim.buckets = {"docs"};
        sim.versioned = {"lists"};
        start({}, sim);
    }
    std::string put_list(const std::string& lines) {
        const auto version = sim_->put("lists", "l.jsonl", lines);
        EXPECT_TRUE(version.has_value());
        return version.value_or("");
    }
    // A line that tells all that S3 would be asked for; `size` may lie.
    std::string known_line(const std::string& bucket, const std::string& key, std::uint64_t size,
                           const std::string& more = "") {
        return R"({"bucket":")" + bucket + R"(","key":")" + key +
               R"(","last_modified":"2026-11-20T13:05:02Z","etag":")" +
               sim_->head(bucket, key)->etag + R"(","size":)" + std::to_string(size) + more + "}\n";
    }
    static std::string line(const std::string& bucket, const std::string& key) {
        return R"({"bucket":")" + bucket + R"(","key":")" + key + "\"}\n";
    }
};

const std::string kList = R"({"manifest":{"bucket":"lists","key":"l.jsonl"}})";
const std::string kSkip = R"({"on_missing":"skip"})";

TEST_F(E2eManifestTest, ObjectsOfSeveralBuckets) {
    start_with_lists();
    ASSERT_TRUE(sim_->put("photos", "a.jpg", "picture"));
    ASSERT_TRUE(sim_->put("docs", "7f3a", "text"));
    ASSERT_TRUE(sim_->put("docs", "z", "last"));
    put_list(line("photos", "a.jpg") +
             R"({"bucket":"docs","key":"7f3a","name":"papers/a.txt"})"
             "\r\n\n" +
             line("photos", "gone") + known_line("docs", "z", 4));
    const std::string request = body(kList, "a.zip", kSkip);
    const auto plan = call("POST", "/plans", request);
    ASSERT_EQ(plan.status, 200) << plan.body;
    const auto job = run(request);
    expect_archive(job, "a.zip", 3);
    EXPECT_EQ(at(job, "/request/sources"), "[" + kList + "]");
    EXPECT_EQ(at(job, "/result/skipped"),
              R"([{"bucket":"photos","key":"gone","reason":"not_found"}])");
    // The destination's at the beginning, before the write and after it; the list's; one of each
    // line that does not say enough, and two more of the object that is missing.
    EXPECT_EQ(number_at(job, "/requests/HeadObject"), 9);
    EXPECT_EQ(at(boost::json::parse(plan.body), "/requests"), at(job, "/requests"));
    const std::string archive = *sim_->get("out", "a.zip");
    std::size_t place = 0;
    for (const char* name : {"a.jpg", "papers/a.txt", "z"}) {
        EXPECT_NE(place = archive.find(name, place), std::string::npos) << name;
    }
    const auto strict = run(body(kList, "b.zip"));
    expect_failed(strict, "photos/gone");
    EXPECT_EQ(text_at(strict, "/error/code"), "NoSuchKey");
}

TEST_F(E2eManifestTest, AVersionBesideOtherSources) {
    start_with_lists();
    for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(sim_->put("photos", key, key));
    const std::string first = put_list(line("photos", "a"));
    put_list("nonsense");
    const auto job =
        run(R"({"sources":[{"bucket":"photos","prefix":"b"},{"manifest":{"bucket":"lists",)"
            R"("key":"l.jsonl","version_id":")" +
            first +
            R"("}},{"bucket":"photos","objects":[{"key":"c"}]}],)"
            R"("destination":{"bucket":"out","key":"a.zip"}})");
    expect_archive(job, "a.zip", 3);
    EXPECT_EQ(text_at(job, "/request/sources/1/manifest/version_id"), first);
    const std::string archive = *sim_->get("out", "a.zip");
    EXPECT_EQ(archive[30], 'b');  // the first entry's name
}

TEST_F(E2eManifestTest, ALineThatIsWrongIsNamed) {
    start_with_lists();
    ASSERT_TRUE(sim_->put("photos", "a", "1"));
    struct Case {
        std::string line, why;
    };
    for (const Case& c :
         {Case{R"({"bucket":"photos"})", "bucket and key are required"},
          Case{R"({"bucket":"photos","key":"b","etga":"x"})", "unknown field \"etga\""},
          Case{R"({"bucket":"pho/tos","key":"b"})", "pho/tos"}, Case{"{", "column 2"},
          Case{std::string((256 << 10) + 1, ' '), "longer than 262144 bytes"}}) {
        put_list(line("photos", "a") + c.line);
        const std::string request = body(kList, "a.zip", kSkip);
        const auto job = run(request);
        expect_failed(job, "the manifest lists/l.jsonl: line 2: ");
        EXPECT_THAT(text_at(job, "/error/detail"), HasSubstr(c.why));
        EXPECT_EQ(text_at(job, "/error/code"), "bad_manifest");
        EXPECT_EQ(text_at(job, "/error/kind"), "invalid");
        EXPECT_EQ(text_at(job, "/error/key"), "lists/l.jsonl");
        const auto plan = call("POST", "/plans", request);
        EXPECT_EQ(plan.status, 422);
        const auto problem = boost::json::parse(plan.body);
        EXPECT_EQ(text_at(problem, "/type"), "/problems/request-refused");
        EXPECT_EQ(text_at(problem, "/code"), "bad_manifest");
        EXPECT_EQ(text_at(problem, "/detail"), text_at(job, "/error/detail"));
    }
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
}

// on_missing is about the objects that a manifest names.
TEST_F(E2eManifestTest, AManifestThatIsNotThere) {
    start_with_lists();
    const auto job = run(body(kList, "a.zip", kSkip));
    expect_failed(job, "the manifest lists/l.jsonl: ");
    EXPECT_EQ(text_at(job, "/error/code"), "NotFound");
    EXPECT_EQ(text_at(job, "/error/key"), "lists/l.jsonl");
    expect_failed(run(body(R"({"manifest":{"bucket":"nowhere","key":"l"}})", "a.zip", kSkip)),
                  "nowhere/l");
    put_list("\n\n");
    const auto empty = run(body(kList, "a.zip"));
    expect_failed(empty, "");
    EXPECT_EQ(text_at(empty, "/error/code"), "no_objects");
    put_list("");
    expect_archive(run(body(kList, "a.zip", R"({"on_empty":"archive"})")), "a.zip", 0);
}

// What a line claims is never believed as far as the bytes go.
TEST_F(E2eManifestTest, LinesThatLie) {
    start_with_lists();
    ASSERT_TRUE(sim_->put("photos", "a", "ten bytes!"));
    for (const std::uint64_t size : {1, 9, 11, 1'000'000}) {
        put_list(known_line("photos", "a", size));
        const auto job = run(body(kList, "a.zip"));
        expect_failed(job, "photos/a");
        EXPECT_EQ(text_at(job, "/error/code"), "wrong_range") << size;
    }
    const std::string was = known_line("photos", "a", 10);
    ASSERT_TRUE(sim_->put("photos", "a", "ten others"));
    put_list(was);
    const auto job = run(body(kList, "a.zip"));
    expect_failed(job, "photos/a");
    EXPECT_EQ(text_at(job, "/error/code"), "source_changed");
    EXPECT_FALSE(sim_->head("out", "a.zip").has_value());
    // Of size 0 nothing would be read.
    put_list(known_line("photos", "a", 0));
    expect_archive(run(body(kList, "a.zip")), "a.zip", 1);
    EXPECT_THAT(*sim_->get("out", "a.zip"), HasSubstr("ten others"));
    // It may have been restored: S3 is asked.
    put_list(known_line("photos", "a", 10, R"(,"storage_class":"GLACIER")"));
    expect_archive(run(body(kList, "b.zip")), "b.zip", 1);
}

TEST_F(E2eTest, APlanSaysWhatMemoryTheJobLacks) {
    s3sim::Options sim;
    sim.synthetic = {{"big", "count=1,size=60000000"}};
    start({}, sim);
    const auto request = [](const std::string& part_size) {
        return body(R"({"bucket":"big"})", "a.zip", R"({"part_size":")" + part_size + "\"}");
    };
    const auto response = call("POST", "/plans", request("50MiB"));
    ASSERT_EQ(response.status, 200) << response.body;
    const auto plan = boost::json::parse(response.body);
    EXPECT_EQ(number_at(plan, "/memory"), 64 << 20);
    const std::int64_t needed = number_at(plan, "/memory_needed");
    EXPECT_GT(needed, 64 << 20);
    EXPECT_GE(needed, 2 * number_at(plan, "/part_size"));  // two reactors
    EXPECT_LE(needed, 2 * (50 << 20));
    const auto job = run(request("50MiB"));
    expect_failed(job, "--memory");
    EXPECT_EQ(text_at(job, "/error/code"), "memory");
    const auto fits = boost::json::parse(call("POST", "/plans", request("20MiB")).body);
    EXPECT_LE(number_at(fits, "/memory_needed"), 64 << 20);
    expect_archive(run(request("20MiB")), "a.zip", 1);
}

}  // namespace
}  // namespace s3zipd
