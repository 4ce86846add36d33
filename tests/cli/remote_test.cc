// The commands against a fake daemon: what is sent, what is printed, which exit code.
#include "cli/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <csignal>

#include "cli/http_client.h"
#include "fake_daemon.h"
#include "run_command.h"

namespace {

using namespace cli;
using namespace cli_test;
using testing::HasSubstr;

std::string job(const std::string& state, const std::string& more = "") {
    return R"({"id":"01JOB","state":")" + state +
           R"(","created_at":"2026-11-20T13:05:02.123Z",)"
           R"("request":{"destination":{"bucket":"out","key":"x.zip"}},)"
           R"("progress":{"objects_total":3,"objects_done":1,)"
           R"("bytes_total":1000,"bytes_done":300})" +
           more + "}";
}
const std::string kDoneJob =
    job("succeeded", R"(,"result":{"bucket":"out","key":"x.zip","size":1000,"entries":3,)"
                     R"("duration_ms":100,"cost_usd":0.00001})");
const std::vector<std::string> kCreate = {"create", "s3://src/p/", "-o", "s3://out/x.zip"};

std::vector<std::string> create_with(std::initializer_list<std::string> more) {
    std::vector<std::string> words = kCreate;
    words.insert(words.end(), more);
    return words;
}

TEST(Remote, CreatePrintsTheId) {
    FakeDaemon daemon([](const Request&) { return answer(202, job("queued")); });
    const Outcome outcome = run(daemon.url(), kCreate);
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.out, "01JOB\n");
    ASSERT_EQ(daemon.requests().size(), 1U);
    EXPECT_EQ(daemon.requests()[0].method, "POST");
    EXPECT_EQ(daemon.requests()[0].target, "/archives");
    EXPECT_EQ(daemon.requests()[0].body, R"({"sources":[{"bucket":"src","prefix":"p/"}],)"
                                         R"("destination":{"bucket":"out","key":"x.zip"}})");
}

TEST(Remote, CreateWaitFollowsTheEvents) {
    FakeDaemon daemon([](const Request& request) {
        if (request.method == "POST") return answer(202, job("queued"));
        if (request.target == "/archives/01JOB/events") {
            return events("event: progress\ndata: " + job("running") +
                          "\n\nevent: state\ndata: " + kDoneJob + "\n\n");
        }
        return answer(200, kDoneJob);
    });
    const Outcome outcome = run(daemon.url(), create_with({"--wait"}));
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.out,
              "s3://out/x.zip: 3 entries, 1.00 kB in 0.1 s (10.0 kB/s), requests $0.000010\n");
    EXPECT_THAT(outcome.err, HasSubstr("running  30%  300 B / 1.00 kB"));
}

TEST(Remote, CreateWaitFallsBackToPolling) {
    FakeDaemon daemon([polls = 0](const Request& request) mutable {
        if (request.method == "POST") return answer(202, job("queued"));
        if (request.target.ends_with("/events")) return answer(404, "{}");
        return answer(200, ++polls == 1 ? job("running") : kDoneJob);
    });
    const Outcome outcome = run(daemon.url(), create_with({"--wait"}));
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("running  30%"));
    EXPECT_THAT(outcome.out, HasSubstr("3 entries"));
}

TEST(Remote, AnEventStreamThatBreaksIsNoFailure) {
    FakeDaemon daemon([](const Request& request) {
        if (request.method == "POST") return answer(202, job("queued"));
        if (request.target.ends_with("/events"))
            return events("event: progress\ndata: " + job("running") + "\n\nda");
        return answer(200, kDoneJob);
    });
    EXPECT_EQ(run(daemon.url(), create_with({"--wait"})).code, kDone);
}

TEST(Remote, CreateWaitJsonPrintsTheFinalJobOnly) {
    FakeDaemon daemon([](const Request& request) {
        if (request.method == "POST") return answer(202, job("queued"));
        if (request.target.ends_with("/events"))
            return events("event: state\ndata: " + kDoneJob + "\n\n");
        return answer(200, kDoneJob);
    });
    const Outcome outcome = run(daemon.url(), create_with({"--wait", "--json"}));
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(outcome.out, kDoneJob + "\n");
    EXPECT_EQ(outcome.err, "");
}

TEST(Remote, AFailedJobExitsWith1AndSaysWhy) {
    const std::string failed =
        job("failed",
            R"(,"error":{"code":"NoSuchKey","detail":"src/p/a does not exist","key":"src/p/a"})");
    FakeDaemon daemon([&](const Request& request) {
        if (request.target.ends_with("/events"))
            return events("event: state\ndata: " + failed + "\n\n");
        return answer(200, failed);
    });
    const Outcome outcome = run(daemon.url(), {"watch", "01JOB"});
    EXPECT_EQ(outcome.code, kFailed);
    EXPECT_THAT(outcome.err,
                HasSubstr("s3zip: 01JOB: failed: src/p/a does not exist [NoSuchKey]\n"));
    EXPECT_EQ(outcome.out, "");
}

TEST(Remote, InterruptCancelsTheJob) {
    FakeDaemon daemon([](const Request& request) {
        if (request.method == "POST") return answer(202, job("queued"));
        if (request.target.ends_with("/events")) {
            std::raise(SIGINT);  // Ctrl-C, while the job is being followed
            return events("event: progress\ndata: " + job("running") + "\n\n");
        }
        return answer(202, job("running"));
    });
    const Outcome outcome = run(daemon.url(), create_with({"--wait"}));
    EXPECT_EQ(outcome.code, kFailed);
    EXPECT_THAT(outcome.err, HasSubstr("interrupted, cancel asked for"));
    EXPECT_EQ(daemon.requests().back().method, "DELETE");
    EXPECT_EQ(daemon.requests().back().target, "/archives/01JOB");
}

TEST(Remote, InterruptOfWatchLeavesTheJobAlone) {
    FakeDaemon daemon([](const Request& request) {
        if (request.target.ends_with("/events")) {
            std::raise(SIGINT);
            return events("event: progress\ndata: " + job("running") + "\n\n");
        }
        return answer(200, job("running"));
    });
    EXPECT_EQ(run(daemon.url(), {"watch", "01JOB"}).code, kFailed);
    for (const Request& request : daemon.requests()) EXPECT_EQ(request.method, "GET");
}

TEST(Remote, ListIsATable) {
    FakeDaemon daemon([](const Request&) {
        return answer(200, R"({"archives":[)" + kDoneJob + "," +
                               R"({"id":"01J2","state":"queued"})" + R"(],"next_cursor":null})");
    });
    const Outcome outcome = run(daemon.url(), {"ls", "--state", "succeeded", "--limit", "7"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(daemon.requests()[0].target, "/archives?limit=7&state=succeeded");
    EXPECT_EQ(outcome.out,
              "ID     STATE      CREATED              OBJECTS     SIZE  ARCHIVE\n"
              "01JOB  succeeded  2026-11-20T13:05:02        3  1.00 kB  s3://out/x.zip\n"
              "01J2   queued                                -        -  \n");
}

TEST(Remote, ShowAndItsJson) {
    FakeDaemon daemon([](const Request&) { return answer(200, kDoneJob); });
    const Outcome outcome = run(daemon.url(), {"show", "01JOB"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(daemon.requests()[0].target, "/archives/01JOB");
    EXPECT_THAT(outcome.out, HasSubstr("state    succeeded\n"));
    EXPECT_THAT(outcome.out, HasSubstr("size     1.00 kB (1,000 bytes)\n"));
    EXPECT_EQ(run(daemon.url(), {"show", "01JOB", "--json"}).out, kDoneJob + "\n");
}

TEST(Remote, JsonHasWholeLists) {
    const std::string head = R"({"id":"01JOB","state":"succeeded","result":{"renamed":[)";
    FakeDaemon daemon([&](const Request& request) {
        if (request.target == "/archives/01JOB/renamed?limit=10000")
            return answer(200, R"({"renamed":[{"key":"a"}],"next_cursor":"r1"})");
        if (request.target == "/archives/01JOB/renamed?limit=10000&cursor=r1")
            return answer(200, R"({"renamed":[{"key":"b"}],"next_cursor":null})");
        return answer(200, head + R"({"key":"a"}],"renamed_total":2}})");
    });
    const std::string whole = head + R"({"key":"a"},{"key":"b"}]}})" + "\n";
    EXPECT_EQ(run(daemon.url(), {"show", "01JOB", "--json"}).out, whole);
    const Outcome watched = run(daemon.url(), {"watch", "01JOB", "--json"});
    EXPECT_EQ(watched.out, whole);
    EXPECT_EQ(watched.code, kDone);
    EXPECT_THAT(run(daemon.url(), {"show", "01JOB"}).out, HasSubstr("renamed  2\n"));

    FakeDaemon forgetful([&](const Request& request) {
        if (request.target == "/archives/01JOB")
            return answer(200, head + R"({"key":"a"}],"renamed_total":2}})");
        return answer(404, R"({"title":"There is no such archive job"})");
    });
    const Outcome failed = run(forgetful.url(), {"show", "01JOB", "--json"});
    EXPECT_EQ(failed.code, kFailed);
    EXPECT_EQ(failed.out, "");
    EXPECT_EQ(failed.err, "s3zip: There is no such archive job (HTTP 404)\n");
}

TEST(Remote, WhatJsonCannotHoldIsNotSent) {
    FakeDaemon daemon([](const Request&) { return answer(202, job("queued")); });
    for (const char* command : {"create", "plan"}) {
        const Outcome outcome = run(daemon.url(), {command, "s3://src/\xE9", "-o", "s3://out/x"});
        EXPECT_EQ(outcome.code, kBadUsage);
        EXPECT_THAT(outcome.err, HasSubstr("UTF-8"));
    }
    EXPECT_TRUE(daemon.requests().empty());
}

TEST(Remote, CancelAsksOnce) {
    FakeDaemon daemon([](const Request&) { return answer(202, job("running")); });
    EXPECT_EQ(run(daemon.url(), {"cancel", "01JOB"}).code, kDone);
    ASSERT_EQ(daemon.requests().size(), 1U);
    EXPECT_EQ(daemon.requests()[0].method, "DELETE");
    EXPECT_EQ(daemon.requests()[0].target, "/archives/01JOB");
}

TEST(Remote, PlanIsShownAndNothingStarts) {
    FakeDaemon daemon([](const Request&) {
        return answer(
            200,
            R"({"entries":3000,"archive_size":15729055026,"parts":235,"source_bytes":15728640000,)"
            R"("requests":{"GetObject":3000},"cost_usd":0.0024})");
    });
    const Outcome outcome = run(daemon.url(), {"plan", "s3://src/p/", "-o", "s3://out/x.zip"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_EQ(daemon.requests()[0].target, "/plans");
    EXPECT_EQ(outcome.out,
              "entries   3,000\n"
              "archive   15.7 GB (15,729,055,026 bytes)\n"
              "read      15.7 GB\n"
              "parts     235\n"
              "requests  3,000 GetObject\n"
              "cost      $0.002400\n");
}

TEST(Remote, APlanThatDoesNotFitIsStillShown) {
    FakeDaemon daemon([](const Request&) {
        return answer(200, R"({"entries":1,"memory_needed":2147483648,"memory":268435456})");
    });
    const Outcome outcome =
        run(daemon.url(), {"plan", "--manifest", "s3://m/list.jsonl", "-o", "s3://out/x.zip"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(outcome.out, HasSubstr("memory   2048 MiB needed, this daemon has 256 MiB: "));
    EXPECT_THAT(daemon.requests().at(0).body,
                HasSubstr(R"({"manifest":{"bucket":"m","key":"list.jsonl"}})"));
}

TEST(Remote, AProblemIsOneLineWithItsPointer) {
    FakeDaemon daemon([](const Request&) {
        return answer(
            422,
            R"({"type":"/problems/bad_field","title":"A field is wrong","status":422,)"
            R"("detail":"must have 3 to 63\ncharacters","pointer":"/destination/bucket"})",
            "application/problem+json");
    });
    const Outcome outcome = run(daemon.url(), kCreate);
    EXPECT_EQ(outcome.code, kFailed);
    EXPECT_EQ(outcome.err,
              "s3zip: /destination/bucket: must have 3 to 63\\x0acharacters (HTTP 422)\n");
    EXPECT_EQ(outcome.out, "");
}

TEST(Remote, AnswersThatAreNoneAreFailures) {
    FakeDaemon html(
        [](const Request&) { return answer(502, "<html>bad gateway</html>", "text/html"); });
    EXPECT_EQ(run(html.url(), kCreate).code, kFailed);
    FakeDaemon nonsense([](const Request&) { return answer(200, "nonsense"); });
    EXPECT_EQ(run(nonsense.url(), {"show", "01JOB"}).code, kFailed);
}

TEST(Remote, NoDaemonExitsWith3) {
    const std::string url = "http://127.0.0.1:" + std::to_string(closed_port());
    for (const std::vector<std::string>& words :
         {kCreate, create_with({"--wait"}), {"ls"}, {"show", "01JOB"}, {"cancel", "01JOB"}}) {
        const Outcome outcome = run(url, words);
        EXPECT_EQ(outcome.code, kUnreachable) << words[0];
        EXPECT_THAT(outcome.err, HasSubstr("cannot reach the daemon at " + url));
    }
    FakeDaemon silent([](const Request&) { return std::string(); });
    EXPECT_EQ(run(silent.url(), {"ls"}).code, kUnreachable);
}

TEST(Remote, AUrlThatIsNoneIsBadUsage) {
    for (const char* url :
         {"127.0.0.1:8420", "unix:daemon.sock", "http://", "ftp://h", "http://h/?a=b"}) {
        EXPECT_EQ(run(url, {"ls"}).code, kBadUsage) << url;
    }
}

TEST(HttpClient, APathInTheUrlComesFirst) {
    FakeDaemon daemon([](const Request&) { return answer(200, "{}"); });
    EXPECT_EQ(run(daemon.url() + "/zip/", {"show", "01JOB"}).code, kDone);
    EXPECT_EQ(daemon.requests()[0].target, "/zip/archives/01JOB");
}

}  // namespace
