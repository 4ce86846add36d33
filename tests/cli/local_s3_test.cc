// create and plan without a daemon, against an s3sim in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <cstdlib>
#include <sstream>

#include "base/log.h"
#include "cli/local.h"
#include "s3sim/server.h"

namespace {

using namespace cli;
using testing::HasSubstr;

class LocalS3Test : public testing::Test {
  protected:
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        options_.buckets = {"lists", "photos", "out"};
        options_.synthetic = {{"big", "count=1,size=60000000"}};
        auto server = s3sim::Server::start(options_);
        ASSERT_TRUE(server.has_value()) << server.error().detail;
        sim_ = std::move(*server);
    }
    struct Ran {
        int code = -1;
        std::string out, err;
    };
    Ran run(std::vector<std::string> words) {
        const char* io = std::getenv("S3ZIPD_TEST_IO");
        words.insert(words.end(), {"-o", "s3://out/a.zip", "--local", "--reactors", "2", "--memory",
                                   "64MiB", "--io", io != nullptr ? io : "auto"});
        const auto arguments = parse_arguments(std::move(words));
        if (!arguments) return {arguments.error().code, "", arguments.error().text};
        std::ostringstream out, err;
        const auto environment =
            s3client::fixed_environment({{"AWS_ENDPOINT_URL", sim_->endpoint()},
                                         {"AWS_ACCESS_KEY_ID", options_.access_key},
                                         {"AWS_SECRET_ACCESS_KEY", options_.secret_key}});
        const int code =
            run_local(*arguments, Console{out, err}, base::system_clock(), environment);
        return {code, out.str(), err.str()};
    }

    s3sim::Options options_;
    std::unique_ptr<s3sim::Server> sim_;
};

TEST_F(LocalS3Test, AManifestBesideAPrefix) {
    ASSERT_TRUE(sim_->put("photos", "a.jpg", "picture"));
    ASSERT_TRUE(sim_->put("photos", "p/b.jpg", "more"));
    ASSERT_TRUE(sim_->put("lists", "l.jsonl",
                          R"({"bucket":"photos","key":"a.jpg","name":"first.jpg"})"
                          "\n"
                          R"({"bucket":"photos","key":"gone"})"));
    const Ran strict = run({"create", "--manifest", "s3://lists/l.jsonl", "s3://photos/p/"});
    EXPECT_EQ(strict.code, kFailed);
    EXPECT_THAT(strict.err, HasSubstr("photos/gone"));
    const Ran done = run({"create", "--manifest", "s3://lists/l.jsonl", "s3://photos/p/",
                          "--on-missing", "skip", "--json"});
    EXPECT_EQ(done.code, kDone) << done.err;
    EXPECT_THAT(done.out, HasSubstr(R"("sources":[{"manifest":{"bucket":"lists","key":"l.jsonl"}},)"
                                    R"({"bucket":"photos","prefix":"p/"}])"));
    EXPECT_THAT(done.out, HasSubstr(R"("entries":2)"));
    const std::string archive = sim_->get("out", "a.zip").value_or("");
    EXPECT_NE(archive.find("p/b.jpg", archive.find("first.jpg")), std::string::npos);
}

TEST_F(LocalS3Test, ABadManifestIsNamed) {
    ASSERT_TRUE(sim_->put("lists", "l.jsonl", "\nnonsense"));
    for (const char* command : {"create", "plan"}) {
        const Ran ran = run({command, "--manifest", "s3://lists/l.jsonl"});
        EXPECT_EQ(ran.code, kFailed);
        EXPECT_THAT(ran.err, HasSubstr("the manifest lists/l.jsonl: line 2: "));
    }
}

TEST_F(LocalS3Test, APlanSaysWhatMemoryIsMissing) {
    const Ran plan = run({"plan", "s3://big", "--part-size", "50MiB"});
    EXPECT_EQ(plan.code, kDone) << plan.err;
    EXPECT_THAT(plan.out, HasSubstr("MiB needed, this process has 64 MiB: the job would fail\n"));
    const Ran json = run({"plan", "s3://big", "--part-size", "50MiB", "--json"});
    EXPECT_THAT(json.out, HasSubstr(R"("memory":67108864)"));
    EXPECT_THAT(run({"create", "s3://big", "--part-size", "50MiB"}).err, HasSubstr("[memory]"));
    const Ran fits = run({"plan", "s3://big", "--part-size", "20MiB"});
    EXPECT_EQ(fits.out.find("memory"), std::string::npos) << fits.out;
}

}  // namespace
