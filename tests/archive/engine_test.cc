// Whole jobs that go well: every archive is read back byte by byte with a reader of the tests' own.
#include "archive/engine.h"

#include "engine_fixture.h"
#include "zip/layout.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::plain_crc32;
using test::random_text;
using test::read_archive;
using test::RunningJob;

class EngineArchives : public EngineTest {};
ON_ENGINES(EngineArchives);

TEST_P(EngineArchives, AreByteIdenticalHoweverTheyAreMade) {
    put_mixed();
    struct Way {
        unsigned reactors;
        std::uint64_t memory_mib, part_mib;
    };
    std::string reference;
    for (const Way way : {Way{1, 20, 0}, Way{1, 128, 64}, Way{2, 40, 10}, Way{2, 256, 0},
                          Way{4, 80, 16}, Way{4, 256, 8}, Way{1, 100, 100}}) {
        SCOPED_TRACE(testing::Message() << way.reactors << " reactors, " << way.memory_mib
                                        << " MiB, parts of " << way.part_mib << " MiB");
        start_engine(config(way.reactors, way.memory_mib));
        ArchiveRequest what = request();
        what.options.part_size_bytes = way.part_mib * kMiB;
        what.destination.overwrite = true;
        const std::string bytes = expect_archive(what);
        if (reference.empty()) reference = bytes;
        ASSERT_TRUE(bytes == reference);
        ASSERT_FALSE(bytes.empty());
    }
}

TEST_P(EngineArchives, HaveOnePutOrPartsOnEitherSideOfTheBorder) {
    start_engine();
    const std::uint64_t border = 10 * kMiB;  // single_put_max of 2 reactors with 32 MiB each
    put("x", "");
    const auto overhead = plan(request());
    ASSERT_TRUE(overhead) << overhead.error().to_string();
    for (const std::uint64_t size : {border - 1, border, border + 1}) {
        put("x", random_text(size, size - overhead->archive_size));
        server->reset_stats();
        const std::string key = std::to_string(size);
        EXPECT_EQ(expect_archive(request(key)).size(), size);
        const bool single = server->stats().count("PutObject") == 1;
        EXPECT_EQ(single, server->stats().count("CreateMultipartUpload") == 0);
        EXPECT_EQ(single, size <= border);
    }
}

TEST_P(EngineArchives, AreRightAtEveryBorderOfAPart) {
    EngineConfig with = config();
    with.part_size_bytes = 10 * kMiB;
    start_engine(with);
    put("a", random_text(1, 7 * kMiB));
    for (const std::uint64_t parts : {1ULL, 2ULL, 3ULL}) {
        for (const int off : {-60, -31, -1, 0, 1}) {
            const std::uint64_t size = parts * 5 * kMiB + static_cast<std::uint64_t>(off);
            put("b", random_text(size, size));
            ArchiveRequest what = request();
            what.destination.overwrite = true;
            expect_archive(what);
            ASSERT_FALSE(HasFailure()) << size;
        }
    }
}

TEST_P(EngineArchives, HoldNoEntriesOrOneEmptyOne) {
    start_engine();
    ArchiveRequest what = request("none.zip");
    what.options.on_empty = OnEmpty::archive;
    what.options.comment = "nothing";
    const std::string none = expect_archive(what);
    EXPECT_EQ(read_archive(none).comment, "nothing");
    put("empty", "");
    expect_archive(request("one.zip"));
}

TEST_P(EngineArchives, HoldThousandsOfTinyEntries) {
    start_engine();
    for (int i = 0; i < 5000; ++i)
        put("t/" + std::to_string(i), random_text(static_cast<unsigned>(i), i % 40U));
    expect_archive(request());
}

TEST_P(EngineArchives, HoldAnEntryOfManyPartsAmongSmallOnes) {
    s3sim::Options options;
    options.synthetic["big"] = "count=1,size=200000000";
    start_server(std::move(options));
    put("a", "before");
    put("b", random_text(3, 6 * kMiB));
    ArchiveRequest what = request();
    what.sources.emplace_back().bucket = "big";
    what.sources.push_back(what.sources[0]);
    what.options.on_duplicate = OnDuplicate::rename;
    std::string reference;
    for (const unsigned reactors : {1U, 2U}) {
        start_engine(config(reactors, 20 * reactors));
        what.destination.key = std::to_string(reactors);
        const JobSnapshot s = run(what);
        ASSERT_EQ(s.state, JobState::succeeded) << s.error->to_string();
        EXPECT_GT(s.parts_total, 15U);
        const std::string bytes = server->get("out", what.destination.key).value();
        const auto archive = read_archive(bytes);
        ASSERT_EQ(archive.problem, "");
        ASSERT_EQ(archive.entries.size(), 5U);
        EXPECT_EQ(archive.entries[2].data.size(), 200'000'000U);
        EXPECT_EQ(archive.entries[2].crc32,
                  server->head("big", server->keys("big").front())->crc32);
        EXPECT_EQ(archive.entries[4].name, "b (2)");
        if (reference.empty()) reference = bytes;
        EXPECT_TRUE(bytes == reference);
    }
}

TEST_P(EngineArchives, OfSeveralJobsAtOnceWithLittleMemoryAllEnd) {
    put_mixed();
    for (const std::size_t count : {2U, 8U}) {
        start_engine(config(2, 40));
        std::vector<RunningJob> jobs;
        for (std::size_t i = 0; i < count; ++i)
            jobs.push_back(start(request(std::to_string(count) + "-" + std::to_string(i))));
        for (RunningJob& job : jobs) {
            const JobSnapshot s = job.wait();
            ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
            expect_content(server->get("out", s.result->key).value());
        }
        EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
        EXPECT_TRUE(server->open_uploads().empty());
    }
}

TEST_P(EngineArchives, CountTheRequestsThatS3Saw) {
    put_mixed();
    start_engine();
    server->reset_stats();
    const JobSnapshot s = run(request());
    ASSERT_EQ(s.state, JobState::succeeded);
    const s3sim::Stats seen = server->stats();
    const EngineStats mine = engine->stats();
    for (std::size_t i = 0; i < s3client::kOperationCount; ++i) {
        const std::string name(s3client::to_string(static_cast<s3client::Operation>(i)));
        EXPECT_EQ(mine.requests[i], seen.count(name)) << name;
        EXPECT_EQ(s.requests[i], seen.count(name)) << name;
    }
    // Each of them was answered once, and that took its time; but on a machine that is slow the
    // loser of two may not have been, or not in full.
    s3client::RequestCounts answers{};
    for (const EngineStats::Responses& one : mine.responses) {
        const bool absent = one.status == 404 && one.operation == s3client::Operation::head_object;
        const bool lost = one.status == s3client::ClientStats::kGivenUp && mine.hedged > 0;
        EXPECT_TRUE(one.status / 100 == 2 || absent || lost) << one.status;
        answers[static_cast<std::size_t>(one.operation)] += one.count;
    }
    EXPECT_EQ(answers, mine.requests);
    for (std::size_t i = 0; i < s3client::kOperationCount; ++i) {
        EXPECT_LE(mine.to_head[i].count(), mine.requests[i]);
        EXPECT_GE(mine.to_head[i].count() + mine.hedged, mine.requests[i]);
        EXPECT_LE(mine.to_end[i].count(), mine.to_head[i].count());
        EXPECT_GE(mine.to_end[i].count() + mine.hedged, mine.requests[i]);
        EXPECT_EQ(mine.to_end[i].sum > base::Duration::zero(), mine.requests[i] > 0);
    }
    EXPECT_EQ(mine.reactor_usage.size(), 2U);
    EXPECT_EQ(mine.retries, 0U);
    EXPECT_EQ(mine.bytes_received, [this] {
        std::uint64_t sum = 0;
        for (const auto& [key, bytes] : sources) sum += bytes.size();
        return sum;
    }());
    EXPECT_EQ(mine.bytes_sent, seen.bytes_in);
    EXPECT_EQ(mine.connections_opened, seen.connections_accepted);
    EXPECT_EQ(mine.reactors, 2U);
    EXPECT_EQ(mine.io, GetParam() == IoChoice::uring ? "io_uring" : "epoll");
}

TEST_P(EngineArchives, DoWhatThePlanSaid) {
    put_mixed();
    start_engine();
    for (const std::string prefix : {"sizes/", "small/", "names/"}) {  // parts and single PUTs
        for (const bool overwrite : {false, true}) {
            ArchiveRequest what = request(prefix + (overwrite ? "o" : "n"));
            what.sources[0].prefix = prefix;
            what.destination.overwrite = overwrite;
            const auto planned = plan(what);
            ASSERT_TRUE(planned) << planned.error().to_string();
            const JobSnapshot s = run(what);
            ASSERT_EQ(s.state, JobState::succeeded) << s.error->to_string();
            EXPECT_EQ(planned->entries, s.result->entries);
            EXPECT_EQ(planned->archive_size, s.result->size);
            EXPECT_EQ(planned->parts, s.parts_total);
            for (std::size_t i = 0; i < s3client::kOperationCount; ++i) {
                EXPECT_EQ(planned->requests[i], s.requests[i])
                    << prefix << ": " << s3client::to_string(static_cast<s3client::Operation>(i));
            }
            EXPECT_DOUBLE_EQ(planned->cost_usd, s3client::cost_usd(s.requests));
        }
    }
}

TEST_P(EngineArchives, CarryWhatTheDestinationAsksFor) {
    put("k", "v");
    put("large", random_text(1, 12 * kMiB));
    start_engine();
    for (const std::string prefix : {"k", ""}) {  // one PUT; parts
        ArchiveRequest what = request("meta" + prefix);
        what.sources[0].prefix = prefix;
        what.destination.metadata = {{"case", "4711"}, {"Owner-Name", "Ann  B"}};
        what.destination.tags = {{"a", "b c"}};
        what.destination.storage_class = "STANDARD_IA";
        what.destination.content_disposition = "attachment; filename=x.zip";
        const JobSnapshot s = run(what);
        ASSERT_EQ(s.state, JobState::succeeded) << s.error->to_string();
        const auto info = server->head("out", what.destination.key);
        ASSERT_TRUE(info);
        EXPECT_EQ(info->content_type, "application/zip");
        EXPECT_EQ(info->storage_class, "STANDARD_IA");
        EXPECT_EQ(info->content_disposition, "attachment; filename=x.zip");
        EXPECT_EQ(info->metadata.at("case"), "4711");
        EXPECT_EQ(info->metadata.at("owner-name"), "Ann  B");
        EXPECT_EQ(info->tagging, "a=b%20c");
    }
}

}  // namespace
}  // namespace archive
