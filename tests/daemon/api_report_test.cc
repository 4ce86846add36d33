// What the API says of objects skipped and entries renamed; and that all it says is JSON, whatever
// bytes keys and paths hold.
#include <boost/json.hpp>
#include <future>

#include "api_fixture.h"
#include "base/utf8.h"
#include "daemon/api_report.h"

namespace s3zipd {
namespace {

using archive::JobState;
using archive::ObjectReport;
using testing::HasSubstr;

const std::string kReplaced = "\xEF\xBF\xBD";

class ReportTest : public ApiTest {
  protected:
    // Runs a job until the service has counted its end; its id.
    std::string succeed(std::shared_ptr<const ObjectReport> report) {
        std::string id = post();
        auto result = simple_result();
        result.report = std::move(report);
        until_end(id, [&] { engine_.next().succeed(std::move(result)); });
        return id;
    }
    // All objects of a list, page by page, as JSON; counts the pages.
    std::vector<std::string> all_of(const std::string& id, const std::string& list,
                                    const std::string& limit, int& pages) {
        std::vector<std::string> objects;
        std::string cursor;
        for (pages = 0; pages < 1000;) {
            const auto page =
                json_of(call("GET", "/archives/" + id + "/" + list + "?limit=" + limit + cursor));
            ++pages;
            for (const auto& object : page.at(list).as_array())
                objects.push_back(boost::json::serialize(object));
            if (page.at("next_cursor").is_null()) break;
            cursor = "&cursor=" + std::string(page.at("next_cursor").as_string());
        }
        return objects;
    }
};

std::shared_ptr<ObjectReport> report_of(int skips, int renames) {
    auto report = std::make_shared<ObjectReport>();
    for (int i = 0; i < skips; ++i) report->skip("photos", "s" + std::to_string(i), "not_found");
    for (int i = 0; i < renames; ++i) {
        const std::string number = std::to_string(i);
        report->rename("photos", "r:" + number, "r_" + number, i % 2 ? "duplicate" : "unsafe");
    }
    return report;
}

TEST_F(ReportTest, JobsShowTheFirstAndTheTotal) {
    start();
    const std::string id = succeed(report_of(1001, 1500));
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(job.at_pointer("/result/skipped").as_array().size(), 1000u);
    EXPECT_EQ(at(job, "/result/skipped_total"), "1001");
    EXPECT_EQ(job.at_pointer("/result/renamed").as_array().size(), 1000u);
    EXPECT_EQ(at(job, "/result/renamed_total"), "1500");
    const auto page = json_of(call("GET", "/archives"));
    EXPECT_EQ(page.at_pointer("/archives/0/result/renamed").as_array().size(), 10u);
    EXPECT_EQ(at(page, "/archives/0/result/renamed_total"), "1500");
    const auto metrics = call("GET", "/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("s3zipd_skipped_objects_total 1001\n"));
    EXPECT_THAT(metrics, HasSubstr("s3zipd_renamed_entries_total 1500\n"));
}

TEST_F(ReportTest, PlansToo) {
    start();
    auto answer = std::async(std::launch::async, [&] { return call("POST", "/plans", kGoodBody); });
    archive::PlanSummary summary;
    summary.report = report_of(1, 1001);
    engine_.next_plan()(summary);
    const auto plan = json_of(answer.get());
    EXPECT_EQ(at(plan, "/skipped"), R"([{"bucket":"photos","key":"s0","reason":"not_found"}])");
    EXPECT_EQ(at(plan, "/skipped_total"), "absent");
    EXPECT_EQ(at(plan, "/renamed/1"),
              R"({"bucket":"photos","key":"r:1","name":"r_1","reason":"duplicate"})");
    EXPECT_EQ(plan.at("renamed").as_array().size(), 1000u);
    EXPECT_EQ(at(plan, "/renamed_total"), "1001");
}

TEST_F(ReportTest, TheWholeListsComeInPages) {
    start();
    const std::string id = succeed(report_of(3, 2500));
    for (const auto& [limit, expected] :
         {std::pair("", 3), {"1000", 3}, {"833", 4}, {"2499", 2}, {"2500", 1}, {"10000", 1}}) {
        int pages = 0;
        const auto renamed = all_of(id, "renamed", limit, pages);
        EXPECT_EQ(pages, expected) << limit;
        ASSERT_EQ(renamed.size(), 2500u) << limit;
        for (std::size_t i = 0; i < renamed.size(); ++i) {
            ASSERT_THAT(renamed[i], HasSubstr("\"r:" + std::to_string(i) + "\"")) << limit;
        }
    }
    int pages = 0;
    EXPECT_THAT(all_of(id, "skipped", "2", pages),
                testing::ElementsAre(R"({"bucket":"photos","key":"s0","reason":"not_found"})",
                                     R"({"bucket":"photos","key":"s1","reason":"not_found"})",
                                     R"({"bucket":"photos","key":"s2","reason":"not_found"})"));
    EXPECT_EQ(pages, 2);
}

TEST_F(ReportTest, NothingToReportIsAnEmptyPage) {
    start();
    const std::string id = succeed(report_of(0, 0));
    EXPECT_EQ(call("GET", "/archives/" + id + "/renamed").body,
              R"({"renamed":[],"next_cursor":null})");
    EXPECT_EQ(call("GET", "/archives/" + id + "/skipped").body,
              R"({"skipped":[],"next_cursor":null})");
}

TEST_F(ReportTest, OnlyWhatSucceededHasAReport) {
    start();
    const std::string id = post();
    const auto running = engine_.next();
    running.enter(JobState::running);
    expect_problem(call("GET", "/archives/" + id + "/renamed"), 409, "not-finished");
    until_end(id, [&] {
        running.fail({base::ErrorKind::invalid, "unsafe_name", "no", 0, "", "photos/a"});
    });
    const auto failed = call("GET", "/archives/" + id + "/skipped");
    expect_problem(failed, 409, "not-finished");
    EXPECT_EQ(text_at(failed, "/detail"), "the job is failed");
}

TEST_F(ReportTest, WrongParametersAreNamed) {
    start();
    const std::string id = succeed(report_of(2, 300));
    const auto first = call("GET", "/archives/" + id + "/renamed?limit=17");
    const std::string good = text_at(first, "/next_cursor");
    for (const std::string& bad :
         {std::string("limit=0"), std::string("limit=10001"), std::string("limit=-1"),
          std::string("limit=1x"), "cursor=" + good + "0000", "cursor=" + good.substr(1),
          "cursor=x" + good.substr(1), "cursor=" + good + "%00", std::string("cursor=r"),
          std::string("cursor=r0"), "cursor=" + good.substr(0, 1) + "0" + good.substr(1),
          std::string("cursor=r12c"), std::string("cursor=rffffffffffffffffffff"),
          std::string("cursor=r-1"), std::string("cursor=%FF"), std::string("state=queued"),
          std::string("%FFx=1")}) {
        const auto response = call("GET", "/archives/" + id + "/renamed?" + bad);
        expect_problem(response, 400, "bad-parameter");
        if (!bad.starts_with('%'))
            EXPECT_EQ(text_at(response, "/parameter"), bad.substr(0, bad.find('='))) << bad;
    }
    // One list's cursor is not the other's.
    expect_problem(call("GET", "/archives/" + id + "/skipped?cursor=" + good), 400,
                   "bad-parameter");
    EXPECT_EQ(call("GET", "/archives/" + id + "/renamed?limit=&cursor=").status, 200);
    EXPECT_EQ(call("HEAD", "/archives/" + id + "/renamed?cursor=" + good).status, 200);
}

TEST(Report, PagesAreBoundedInBytes) {
    ObjectReport report;
    const std::string key(1024, 'k'), name(60'000, 'n');
    for (int i = 0; i < 200; ++i) report.rename("photos", key, name, "unsafe");
    std::size_t seen = 0;
    int pages = 0;
    for (std::optional<std::size_t> first = 0; first; ++pages) {
        const std::string text = report_page_json(report, ReportList::renamed, *first, 10'000);
        EXPECT_LT(text.size(), config::kReportPageBytesMax + 200'000);
        const auto page = boost::json::parse(text);
        seen += page.at("renamed").as_array().size();
        const auto& cursor = page.at("next_cursor");
        first = cursor.is_null() ? std::nullopt
                                 : parse_report_cursor(report, ReportList::renamed,
                                                       std::string(cursor.as_string()));
    }
    EXPECT_EQ(seen, 200u);
    EXPECT_EQ(pages, 3);
}

// --- bytes that are not UTF-8

TEST_F(ReportTest, KeysOfAnyBytesKeepJsonValid) {
    start();
    const auto report = std::make_shared<ObjectReport>();
    report->skip("photos", "a\xFF", "archived");
    report->skip("photos", "\xC3\xA4", "archived");
    report->rename("photos", "b\xC3\"", "b_\"", "unsafe");
    report->rename("photos", "c", "c\x80", "duplicate");
    const std::string id = succeed(report);
    const std::string skipped = R"([{"bucket":"photos","key":"a)" + kReplaced +
                                R"(","key_base64":"Yf8=","reason":"archived"},)"
                                R"({"bucket":"photos","key":"ä","reason":"archived"}])";
    const std::string renamed = R"([{"bucket":"photos","key":"b)" + kReplaced +
                                R"(\"","key_base64":"YsMi","name":"b_\"","reason":"unsafe"},)"
                                R"({"bucket":"photos","key":"c","name":"c)" +
                                kReplaced + R"(","name_base64":"Y4A=","reason":"duplicate"}])";
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(at(job, "/result/skipped"), skipped);
    EXPECT_EQ(at(job, "/result/renamed"), renamed);
    EXPECT_EQ(at(json_of(call("GET", "/archives")), "/archives/0/result/skipped"), skipped);
    EXPECT_EQ(at(json_of(call("GET", "/archives/" + id + "/skipped")), "/skipped"), skipped);
    EXPECT_EQ(at(json_of(call("GET", "/archives/" + id + "/renamed")), "/renamed"), renamed);
}

TEST_F(ReportTest, ErrorsOfSuchKeysToo) {
    start();
    const std::string id = post();
    const base::Error error{base::ErrorKind::precondition,
                            "source_changed",
                            "photos/\xE9 was changed",
                            412,
                            "R",
                            "photos/\xE9"};
    until_end(id, [&] { engine_.next().fail(error); });
    const auto job = json_of(call("GET", "/archives/" + id));
    EXPECT_EQ(at(job, "/error/key"), "\"photos/" + kReplaced + "\"");
    EXPECT_EQ(at(job, "/error/detail"), "\"photos/" + kReplaced + " was changed\"");
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
    EXPECT_TRUE(base::is_valid_utf8(client.read_to_end()));
    auto answer = std::async(std::launch::async, [&] { return call("POST", "/plans", kGoodBody); });
    engine_.next_plan()(base::fail(error));
    const auto problem = answer.get();
    expect_problem(problem, 422, "request-refused");
    EXPECT_EQ(text_at(problem, "/key"), "photos/" + kReplaced);
}

TEST_F(ReportTest, PathsAndHeadersToo) {
    start();
    expect_problem(call("GET", "/archives/%FF"), 404, "no-such-archive");
    expect_problem(call("GET", "/archives?%FF=1"), 400, "bad-parameter");
    TestClient client(port_);
    client.send(
        "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: \xFF\r\nContent-Length: "
        "0\r\n\r\n");
    expect_problem(client.read_response(), 415, "unsupported-media-type");
}

}  // namespace
}  // namespace s3zipd
