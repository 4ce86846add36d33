// Jobs against the rules of every store profile of s3sim, on both back ends. A job must make the
// same archive everywhere, whatever the store refuses, ignores or leaves out.
#include <gmock/gmock.h>
#include <array>
#include <tuple>

#include "base/log.h"
#include "engine_fixture.h"

namespace archive::test {
namespace {

struct Store {
    const char* name;
    const char* checksums;  // of an archive in parts; checksums_text()
};

constexpr std::array kStores = {
    Store{"aws", "checked"},       Store{"minio", "checked"},     Store{"versitygw", "checked"},
    Store{"seaweedfs", "checked"}, Store{"s3mock", "composite"},  Store{"r2", "composite"},
    Store{"b2", "unchecked"},      Store{"oss", "unchecked"},     Store{"gcs", "unchecked"},
    Store{"rgw", "unchecked"},     Store{"s3proxy", "unchecked"}, Store{"swift", "unchecked"}};

class StoreProfiles : public EngineRig,
                      public testing::WithParamInterface<std::tuple<Store, IoChoice>> {
  protected:
    void SetUp() override { base::set_log_level(base::LogLevel::error); }

    const Store& store() const { return std::get<0>(GetParam()); }

    void start_store(const std::string& name) {
        sources.clear();
        s3sim::Options options;
        options.like = name;
        start_server(std::move(options));
        EngineConfig with = config(2, 80);
        with.part_size_bytes = 6 * kMiB;
        if (name == "r2") with.region = "auto";
        if (name == "oss") {  // takes no bucket in the path
            with.endpoint_url = "http://localhost:" + std::to_string(server->port());
            with.addressing = "virtual";
        }
        start_engine(std::move(with));
    }
    void put_small() {
        put("a.txt", "hello");
        put("empty", "");
        put("names/\xC3\xA4 b+%41&=#.txt", random_text(1, 70'000));
    }
    // Some 45 MiB: entries larger than a part, smaller ones, and many in one part.
    void put_parts() {
        put("1.bin", random_text(1, 21 * kMiB + 12'345));
        put("2.bin", random_text(2, 7 * kMiB));
        for (int i = 0; i < 20; ++i)
            put("3/" + std::to_string(i), random_text(10 + i, 137'000 + 1000U * unsigned(i)));
        put("4.bin", random_text(3, 13 * kMiB + 1));
    }
    void put_sources(bool small) { small ? put_small() : put_parts(); }
    // The archive as the job makes it against the rules of AWS.
    std::string expected(bool small) {
        start_store("aws");
        put_sources(small);
        return expect_archive(request());
    }
    static ArchiveRequest keeping(std::string key = "a.zip") {
        ArchiveRequest what = request(std::move(key));
        what.destination.overwrite = false;
        return what;
    }
    void expect_refused(const JobSnapshot& job, std::string_view taken) {
        EXPECT_EQ(job.state, JobState::failed);
        EXPECT_EQ(job.error ? job.error->code : "", "destination_exists");
        EXPECT_EQ(server->get("out", "a.zip"), taken) << "the other writer's object";
        EXPECT_TRUE(server->open_uploads().empty());
        EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
    }

  private:
    IoChoice io() const override { return std::get<1>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreProfiles,
                         testing::Combine(testing::ValuesIn(kStores),
                                          testing::ValuesIn(io_choices())),
                         [](const auto& info) {
                             return std::string(std::get<0>(info.param).name) +
                                    (std::get<1>(info.param) == IoChoice::uring ? "_uring"
                                                                                : "_epoll");
                         });

TEST_P(StoreProfiles, ASmallArchiveIsTheSameEverywhere) {
    const std::string wanted = expected(true);
    start_store(store().name);
    put_small();
    const std::string made = expect_archive(request());
    EXPECT_TRUE(made == wanted) << "other bytes than against AWS";
    EXPECT_GE(server->stats().count("PutObject"), 1U);
    EXPECT_EQ(server->stats().count("CreateMultipartUpload"), 0U);
}

TEST_P(StoreProfiles, AnArchiveInPartsIsTheSameEverywhere) {
    const std::string wanted = expected(false);
    start_store(store().name);
    put_parts();
    const std::string made = expect_archive(request());
    EXPECT_TRUE(made == wanted) << "other bytes than against AWS";
    EXPECT_GE(server->stats().count("UploadPart"), 4U);
    // The second job sends nothing that the store refused to the first.
    server->reset_stats();
    EXPECT_TRUE(expect_archive(request("b.zip")) == wanted);
    if (std::string_view(store().name) != "b2") {  // b2 refuses some writes for no reason
        for (const auto& [answer, count] : server->stats().answers) {
            EXPECT_TRUE(answer.ends_with(" 200") || answer.ends_with(" 204") ||
                        answer.ends_with(" 206") || answer.ends_with(" 404"))
                << answer << ": " << count;
        }
    }
}

TEST_P(StoreProfiles, TheResultNamesTheChecksums) {
    start_store(store().name);
    put_parts();
    const JobSnapshot job = run(request());
    ASSERT_EQ(job.state, JobState::succeeded) << job.error->to_string();
    EXPECT_EQ(checksums_text(*job.result), store().checksums);
}

TEST_P(StoreProfiles, TheArchiveVerifies) {
    start_store(store().name);
    put_parts();
    expect_archive(request());
    const auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->entries, sources.size());
}

TEST_P(StoreProfiles, AFreeKeyIsWritten) {
    start_store(store().name);
    put_small();
    const JobSnapshot small = run(keeping());
    ASSERT_EQ(small.state, JobState::succeeded) << small.error->to_string();
    // No store that is not AWS is known to enforce conditions before it has refused a write.
    EXPECT_EQ(small.result->guard, OverwriteGuard::checked);
    start_store(store().name);
    put_parts();
    const JobSnapshot parts = run(keeping());
    ASSERT_EQ(parts.state, JobState::succeeded) << parts.error->to_string();
    EXPECT_EQ(parts.result->guard, OverwriteGuard::checked);
    expect_content(server->get("out", "a.zip").value_or(""));
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_P(StoreProfiles, ATakenKeyIsLeftAlone) {
    start_store(store().name);
    ASSERT_TRUE(server->put("out", "a.zip", "taken"));
    put_small();
    expect_refused(run(keeping()), "taken");
    put_parts();
    expect_refused(run(keeping()), "taken");
}

// The key is free when the job starts and taken before it ends.
TEST_P(StoreProfiles, AKeyTakenDuringTheJobIsLeftAlone) {
    for (const bool small : {true, false}) {
        start_store(store().name);
        put_sources(small);
        const JobSnapshot job = run(keeping(), [this](const auto& running) {
            if (running->state() == JobState::running) {
                EXPECT_TRUE(server->put("out", "a.zip", "taken"));
            }
        });
        expect_refused(job, "taken");
    }
}

// Stored in gzip: the archive has the stored bytes, not what they unpack to.
TEST_P(StoreProfiles, ObjectsStoredInGzip) {
    start_store(store().name);
    // A gzip member with one stored block, "hello".
    const std::string packed(
        "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x05\0\xfa\xffhello\x86\xa6\x10\x36\x05\0\0\0", 28);
    ASSERT_TRUE(server->put("src", "a.txt.gz", packed, "STANDARD", {{"content-encoding", "gzip"}}));
    sources["a.txt.gz"] = packed;
    put("b.txt", "plain");
    expect_archive(request());
}

}  // namespace
}  // namespace archive::test
