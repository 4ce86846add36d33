// Jobs that cannot end well: each says why and about what, and leaves nothing behind.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::random_text;

class EngineFailures : public EngineTest {
  protected:
    base::Error expect_failure(ArchiveRequest what, OnState on_state = {}) {
        const std::string key = what.destination.key;
        const JobSnapshot s = run(std::move(what), std::move(on_state));
        EXPECT_EQ(s.state, JobState::failed);
        EXPECT_FALSE(s.result.has_value());
        EXPECT_TRUE(server->open_uploads().empty()) << "an upload was left open";
        EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
        return s.error.value_or(base::Error{});
    }
    void put_large() {
        for (int i = 0; i < 4; ++i)
            put("large/" + std::to_string(i), random_text(static_cast<unsigned>(i), 7 * kMiB));
    }
};
ON_ENGINES(EngineFailures);

TEST_P(EngineFailures, WrongCredentials) {
    put("k", "v");
    EngineConfig with = config();
    with.secret_access_key = "wrong";
    start_engine(with);
    const base::Error error = expect_failure(request());
    EXPECT_EQ(error.kind, base::ErrorKind::denied);
    EXPECT_EQ(error.code, "SignatureDoesNotMatch");
    EXPECT_NE(error.detail.find("src"), std::string::npos) << error.detail;
    with.access_key_id = "nobody";
    start_engine(with);
    EXPECT_EQ(expect_failure(request()).code, "InvalidAccessKeyId");
    expect_nothing_left();
}

TEST_P(EngineFailures, UnreachableEndpoint) {
    EngineConfig with = config();
    with.attempts_max = 2;
    server->stop();  // its port is closed from here on
    start_engine(with);
    const base::Error error = expect_failure(request());
    EXPECT_EQ(error.kind, base::ErrorKind::transient);
    EXPECT_NE(error.detail.find(with.endpoint_url), std::string::npos) << error.detail;
}

TEST_P(EngineFailures, MissingBuckets) {
    put("k", "v");
    put_large();
    start_engine(config(2, 40));
    ArchiveRequest what = request();
    what.sources[0].bucket = "nowhere";
    base::Error error = expect_failure(what);
    EXPECT_EQ(error.code, "NoSuchBucket");
    EXPECT_EQ(error.kind, base::ErrorKind::not_found);
    EXPECT_NE(error.to_string().find("nowhere"), std::string::npos);
    for (const char* prefix : {"k", ""}) {  // one PUT; an upload
        what = request();
        what.sources[0].prefix = prefix;
        what.destination.bucket = "nowhere";
        error = expect_failure(what);
        EXPECT_EQ(error.code, "NoSuchBucket");
        EXPECT_NE(error.key.find("nowhere"), std::string::npos);
    }
}

TEST_P(EngineFailures, MissingObject) {
    put("k", "v");
    start_engine();
    ArchiveRequest what = request();
    what.sources[0].objects = {{"k", "", ""}, {"gone", "", ""}};
    const base::Error error = expect_failure(what);
    EXPECT_EQ(error.kind, base::ErrorKind::not_found);
    EXPECT_EQ(error.key, "src/gone");
    expect_nothing_left();
}

TEST_P(EngineFailures, ObjectGoneAfterItWasListed) {
    put("k", "v");
    put_large();
    start_engine(config(2, 40));
    const base::Error error = expect_failure(request(), [this](const auto& job) {
        if (job->state() == JobState::running) EXPECT_TRUE(server->remove("src", "large/2"));
    });
    EXPECT_EQ(error.code, "source_changed");
    EXPECT_EQ(error.kind, base::ErrorKind::precondition);
    EXPECT_EQ(error.key, "src/large/2");
    EXPECT_NE(error.detail.find("src/large/2 was deleted"), std::string::npos) << error.detail;
    expect_nothing_left();
}

TEST_P(EngineFailures, SourceChangedAfterItWasListed) {
    put("k", "v");
    put_large();
    start_engine(config(2, 40));
    for (const std::string key : {"k", "large/3"}) {
        for (const std::uint64_t size : {std::uint64_t{1}, 7 * kMiB, 9 * kMiB}) {
            ArchiveRequest what = request();
            what.sources[0].prefix = key;
            if (key != "k") what.sources.emplace_back().bucket = "src";  // an upload
            what.options.on_duplicate = OnDuplicate::rename;
            const base::Error error = expect_failure(what, [&](const auto& job) {
                if (job->state() == JobState::running)
                    EXPECT_TRUE(server->put("src", key, random_text(1000 + size, size)));
            });
            EXPECT_EQ(error.kind, base::ErrorKind::precondition);
            EXPECT_EQ(error.code, "source_changed");
            EXPECT_EQ(error.key, "src/" + key);
            EXPECT_NE(error.detail.find("src/" + key), std::string::npos);
            expect_nothing_left();
        }
    }
}

TEST_P(EngineFailures, DestinationExists) {
    put("k", "v");
    put_large();
    start_engine(config(2, 40));
    for (const std::string prefix : {"k", ""}) {
        ASSERT_TRUE(server->put("out", "a.zip", "mine"));
        ArchiveRequest what = request();
        what.sources[0].prefix = prefix;
        const base::Error error = expect_failure(what);
        EXPECT_EQ(error.kind, base::ErrorKind::precondition);
        EXPECT_EQ(error.code, "destination_exists");
        EXPECT_EQ(error.key, "out/a.zip");
        EXPECT_EQ(server->get("out", "a.zip"), "mine");
        what.destination.overwrite = true;
        EXPECT_EQ(run(what).state, JobState::succeeded);
        EXPECT_NE(server->get("out", "a.zip"), "mine");
        ASSERT_TRUE(server->remove("out", "a.zip"));
    }
}

TEST_P(EngineFailures, DestinationAppearsMeanwhile) {
    put("k", "v");
    put_large();
    start_engine(config(2, 40));
    for (const std::string prefix : {"k", ""}) {
        ArchiveRequest what = request();
        what.sources[0].prefix = prefix;
        const base::Error error = expect_failure(what, [this](const auto& job) {
            if (job->state() == JobState::finishing) EXPECT_TRUE(server->put("out", "a.zip", "x"));
        });
        EXPECT_EQ(error.code, "destination_exists") << error.to_string();
        EXPECT_EQ(server->get("out", "a.zip"), "x");
        ASSERT_TRUE(server->remove("out", "a.zip"));
    }
}

// Somebody else wrote the very same archive: the job is done, and its own upload is not left open.
TEST_P(EngineFailures, TheSameArchiveAppearsMeanwhile) {
    put_large();
    start_engine(config(2, 40));
    ASSERT_EQ(run(request()).state, JobState::succeeded);
    ASSERT_TRUE(server->set_faults("HeadObject times=1 status=404 no-body"));
    const JobSnapshot s = run(request());
    EXPECT_EQ(s.state, JobState::succeeded) << s.error->to_string();
    EXPECT_TRUE(server->open_uploads().empty());
    expect_content(server->get("out", "a.zip").value());
}

TEST_P(EngineFailures, FaultsThatDoNotPass) {
    put("k", "v");
    put_large();
    EngineConfig with = config(2, 40);
    with.attempts_max = 3;
    start_engine(with);
    const std::pair<const char*, const char*> faults[] = {
        {"ListObjectsV2 status=500", "InternalError"},
        {"GetObject key=large/1 status=403 code=AccessDenied", "AccessDenied"},
        {"GetObject key=large/2 reset", ""},
        {"CreateMultipartUpload status=403 code=AccessDenied", "AccessDenied"},
        {"UploadPart part=2 status=500", "InternalError"},
        {"UploadPart reset-early", ""},
        {"CompleteMultipartUpload error200=InternalError", "InternalError"},
        {"CompleteMultipartUpload status=400 code=InvalidPart", "InvalidPart"},
    };
    for (const auto& [fault, code] : faults) {
        SCOPED_TRACE(fault);
        ASSERT_TRUE(server->set_faults(fault));
        const base::Error error = expect_failure(request());
        if (*code != '\0') {
            EXPECT_EQ(error.code, code) << error.to_string();
        }
        EXPECT_NE(error.detail, "");
        EXPECT_NE(error.key, "");
        expect_nothing_left();
    }
    ASSERT_TRUE(server->set_faults("PutObject status=500"));
    ArchiveRequest what = request();
    what.sources[0].prefix = "k";
    EXPECT_EQ(expect_failure(what).code, "InternalError");
    expect_nothing_left();
}

TEST_P(EngineFailures, NothingToArchive) {
    start_engine();
    ArchiveRequest what = request();
    what.sources[0].prefix = "none/";
    const base::Error error = expect_failure(what);
    EXPECT_EQ(error.code, "no_objects");
    EXPECT_EQ(error.key, "src/none/");
    expect_nothing_left();
}

TEST_P(EngineFailures, PartsThatDoNotFitIntoMemory) {
    put_large();
    start_engine(config(1, 20));
    ArchiveRequest what = request();
    what.options.part_size_bytes = 100 * kMiB;
    const base::Error error = expect_failure(what);
    EXPECT_EQ(error.kind, base::ErrorKind::exhausted);
    EXPECT_EQ(error.code, "memory");
    expect_nothing_left();
    // The plan says how much would do; with that it goes.
    const auto planned = plan(what);
    ASSERT_TRUE(planned) << planned.error().to_string();
    EXPECT_EQ(planned->memory_bytes, 20 * kMiB);
    EXPECT_GT(planned->memory_needed_bytes, planned->memory_bytes);
    start_engine(config(1, planned->memory_needed_bytes / kMiB));
    EXPECT_EQ(run(what).state, JobState::succeeded);
}

// 250 objects of 40 GB: planned by a daemon with the default memory, which says what it would need.
TEST_P(EngineFailures, TenTerabytesArePlannedAndRefusedBeforeAByteMoves) {
    s3sim::Options options;
    options.synthetic["huge"] = "count=250,size=40000000000";
    start_server(std::move(options));
    start_engine(config(2, 256));
    ArchiveRequest what = request();
    what.sources[0].bucket = "huge";
    const auto planned = plan(what);
    ASSERT_TRUE(planned) << planned.error().to_string();
    EXPECT_GT(planned->archive_size, 10'000'000'000'000U);
    EXPECT_LE(planned->parts, 10'000U);
    EXPECT_GT(planned->parts, 5'000U);
    EXPECT_GE(planned->part_size_bytes, 1000 * kMiB);
    EXPECT_LE(planned->part_size_bytes, 2000 * kMiB);
    EXPECT_GE(planned->memory_needed_bytes, 2 * planned->part_size_bytes);
    EXPECT_EQ(planned->requests[static_cast<std::size_t>(s3client::Operation::upload_part)],
              planned->parts);
    const base::Error error = expect_failure(what);
    EXPECT_EQ(error.code, "memory");
    EXPECT_EQ(server->stats().count("GetObject"), 0U);
    EXPECT_EQ(server->stats().count("CreateMultipartUpload"), 0U);
}

TEST_P(EngineFailures, SettingsThatCannotWork) {
    const auto fails = [this](auto spoil) {
        EngineConfig with = config();
        spoil(with);
        const auto made = Engine::create(with);
        return made ? std::string("no error") : made.error().code;
    };
    EXPECT_EQ(fails([](auto& c) { c.memory_bytes = 19 * kMiB; }), "memory");
    EXPECT_EQ(fails([](auto& c) { c.endpoint_url = "ftp://x"; }), "bad_endpoint");
    EXPECT_EQ(fails([](auto& c) { c.addressing = "sideways"; }), "bad_addressing");
    EXPECT_EQ(fails([](auto& c) { c.secret_access_key.clear(); }), "bad_credentials");
}

}  // namespace
}  // namespace archive
