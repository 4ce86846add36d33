// Archives in parts of one size: the bytes are those of every other archive of the same objects,
// whatever the cuts pass through; and what makes a job use such parts.
#include "archive/engine.h"
#include "base/encoding.h"
#include "engine_fixture.h"
#include "memory_journal.h"
#include "zip/records.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::Memory;
using test::random_text;
using test::RunningJob;

constexpr std::uint64_t kPart = 5 * kMiB;

class EngineUniform : public EngineTest {
  protected:
    static constexpr std::string_view kId = "01J0000000000000000000TEST";

    void restart_server(std::string checksums, bool equal_parts = false) {
        s3sim::Options options;
        options.record_requests = true;
        options.checksums = std::move(checksums);
        options.equal_parts = equal_parts;
        start_server(std::move(options));
        sources.clear();
    }
    // With a CRC-32 stored beside them, as an SDK's upload leaves it, or without.
    void put_sized(const std::vector<std::uint64_t>& sizes, bool with_crc = false) {
        for (const std::uint64_t size : sizes) {
            const std::uint64_t i = sources.size();
            const std::string key = std::to_string(1000 + i);
            std::string bytes = random_text(i + 1, size);
            std::map<std::string, std::string> headers;
            if (with_crc)
                headers["x-amz-checksum-crc32"] = base::crc32_base64(test::plain_crc32(bytes));
            ASSERT_TRUE(server->put("src", key, bytes, "STANDARD", headers));
            sources[key] = std::move(bytes);
        }
    }
    static std::uint64_t header_size() {  // of those
        return zip::local_file_header_size({.name = "1000", .size = 1});
    }
    static ArchiveRequest with(PartLayout layout, std::uint64_t part_size = kPart) {
        ArchiveRequest what = request();
        what.options.part_layout = layout;
        what.options.part_size_bytes = part_size;
        what.destination.overwrite = true;
        return what;
    }
    // The sizes of the parts that were sent since the last reset.
    std::vector<std::uint64_t> part_sizes() const {
        std::vector<std::uint64_t> sizes;
        for (const s3sim::RecordedRequest& sent : server->requests()) {
            if (sent.operation == "UploadPart")
                sizes.push_back(std::stoull(sent.headers.at("content-length")));
        }
        return sizes;
    }
    void expect_uniform(std::uint64_t size, std::uint64_t archive_size) const {
        std::uint64_t smaller = 0;
        for (const std::uint64_t sent : part_sizes()) {
            if (sent == size) continue;
            EXPECT_EQ(sent, archive_size % size);
            ++smaller;
        }
        EXPECT_EQ(smaller, archive_size % size == 0 ? 0U : 1U);
        EXPECT_EQ(part_sizes().size(), (archive_size + size - 1) / size);
    }
    // The archive of all sources, cut in several ways.
    void expect_same_bytes() {
        const std::string reference = expect_archive(with(PartLayout::entries));
        ASSERT_FALSE(reference.empty());
        for (const std::uint64_t size : {kPart, 8 * kMiB}) {
            SCOPED_TRACE(testing::Message() << "parts of " << size);
            server->reset_stats();
            const std::string bytes = expect_archive(with(PartLayout::uniform, size));
            ASSERT_TRUE(bytes == reference);
            // A small archive is one PutObject.
            if (server->stats().count("PutObject") == 0) expect_uniform(size, bytes.size());
        }
        EXPECT_TRUE(verify("a.zip")->findings.empty());
    }
    RunningJob begin(ArchiveRequest what) {
        auto job = std::make_shared<Job>(std::move(what));
        job->set_id(std::string(kId));
        job->set_recorder(memory);
        RunningJob running{job, std::make_shared<test::Awaited<JobSnapshot>>()};
        engine->start(job, [end = running.end](const auto& j) {
            if (has_ended(j->state()) || j->parked()) end->set(j->snapshot());
        });
        return running;
    }
    std::uint64_t count(const std::string& operation) const {
        return server->stats().count(operation);
    }
    std::shared_ptr<Memory> memory = std::make_shared<Memory>();
};
ON_ENGINES(EngineUniform);

// With stored CRCs and without: then the ends of entries are read twice.
TEST_P(EngineUniform, TheBytesAreThoseOfOtherCuts) {
    const std::uint64_t header = header_size();
    const std::vector<std::vector<std::uint64_t>> shapes = {
        {4 * kMiB, 4 * kMiB, 4 * kMiB, 4 * kMiB},
        {kPart, kPart, kPart},
        {kPart - header, kPart - header, 7, 3 * kPart},  // ends at cuts
        {kPart - 2 * header, 2 * kPart, 9},              // the second's header ends at a cut
        {kPart - header - header / 2, 4 * kPart, 9},     // the second's header is cut
        {kPart - header - header / 2, 20, 6 * kMiB},
        {kPart - header - 10, 0, 6 * kMiB},
        {33 * kMiB + 12'345},
        {0, 100, 17 * kMiB, 0, 3, 18 * kMiB, 40},
        {100, kPart},
    };
    for (const bool with_crc : {true, false}) {
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            SCOPED_TRACE(testing::Message() << "with CRCs: " << with_crc << ", shape " << i);
            restart_server("checked");
            start_engine(config(2, 48));
            put_sized(shapes[i], with_crc);
            expect_same_bytes();
            ASSERT_FALSE(HasFailure());
        }
    }
}

TEST_P(EngineUniform, ManyTinyEntriesAndDirectories) {
    restart_server("ignored");
    start_engine(config(2, 48));
    for (unsigned i = 0; i < 700; ++i) {
        put("tiny/" + std::to_string(i), random_text(i, i % 7 == 0 ? 0 : 23 * i));
        if (i % 50 == 0) put("folder/" + std::to_string(i) + "/", "");
    }
    put_sized({6 * kMiB});
    expect_same_bytes();
}

TEST_P(EngineUniform, ADirectoryLargerThanAPart) {
    restart_server("checked");
    start_engine(config(2, 48));
    std::string path;
    for (int i = 0; i < 5; ++i) path += "/" + std::string(180, 'n');
    for (unsigned i = 0; i < 6000; ++i) put(std::to_string(100'000 + i) + path, "");
    expect_same_bytes();
    EXPECT_GE(run(with(PartLayout::uniform)).parts_total, 3U);
}

TEST_P(EngineUniform, MemoryForOnePartIsEnough) {
    restart_server("ignored");
    start_engine(config(1, 20));
    put_sized({15 * kMiB, 45 * kMiB, 3, 18 * kMiB, 19 * kMiB});
    const std::string bytes = expect_archive(with(PartLayout::uniform, 20 * kMiB));
    expect_uniform(20 * kMiB, bytes.size());
}

TEST_P(EngineUniform, EntriesThatAreCutAreComparedWithTheirStoredCrc) {
    restart_server("checked");
    start_engine(config(2, 48));
    put_sized({4 * kMiB, 4 * kMiB, 4 * kMiB, 17 * kMiB}, true);
    server->reset_stats();
    const JobSnapshot s = run(with(PartLayout::uniform));
    ASSERT_EQ(s.state, JobState::succeeded);
    EXPECT_EQ(s.result->compared, 4U);
    // Their stored CRCs make the second reads unnecessary.
    EXPECT_EQ(server->stats().bytes_out / kMiB, 29U);

    ASSERT_TRUE(server->set_faults("HeadObject key=1001 wrong-checksum"));
    ASSERT_TRUE(server->remove("out", "a.zip"));
    const JobSnapshot failed = run(with(PartLayout::uniform));
    ASSERT_EQ(failed.state, JobState::failed);
    EXPECT_EQ(failed.error->code, "checksum_mismatch");
    EXPECT_EQ(failed.error->key, "src/1001");
    expect_nothing_left();
}

TEST_P(EngineUniform, ThePlanCountsItsRequests) {
    restart_server("ignored");
    start_engine(config(1, 20));
    put_sized({4 * kMiB, 4 * kMiB, 19 * kMiB, 4 * kMiB});
    const auto planned = plan(with(PartLayout::uniform));
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->part_layout, PartLayout::uniform);
    EXPECT_EQ(planned->part_size_bytes, kPart);
    const JobSnapshot s = run(with(PartLayout::uniform));
    ASSERT_EQ(s.state, JobState::succeeded);
    const auto get = static_cast<std::size_t>(s3client::Operation::get_object);
    const auto put_part = static_cast<std::size_t>(s3client::Operation::upload_part);
    EXPECT_EQ(planned->parts, s.parts_total);
    EXPECT_EQ(planned->requests[put_part], s.requests[put_part]);
    EXPECT_LE(s.requests[get], planned->requests[get]);
    // 10 pieces in their parts, and ends that are read twice: at least that of the second object,
    // since the first part is begun first.
    EXPECT_GT(s.requests[get], 10U);
}

// A store that requires it: found out once, and remembered.
TEST_P(EngineUniform, AStoreThatRequiresOneSizeGetsIt) {
    restart_server("checked", true);
    start_engine(config(2, 48));
    put_sized({7 * kMiB, 21 * kMiB, 9 * kMiB});
    server->reset_stats();
    const ArchiveRequest what = with(PartLayout::automatic, 0);
    const std::string bytes = expect_archive(what);
    EXPECT_EQ(count("CreateMultipartUpload"), 2U);
    EXPECT_EQ(count("ListObjectsV2"), 1U) << "the objects are those that were listed";
    server->reset_stats();
    ASSERT_TRUE(expect_archive(what) == bytes);
    EXPECT_EQ(count("CreateMultipartUpload"), 1U);
    EXPECT_EQ(plan(what)->part_layout, PartLayout::uniform);
    server->reset_stats();
    ASSERT_TRUE(expect_archive(with(PartLayout::automatic, 8 * kMiB)) == bytes);
    EXPECT_EQ(count("CreateMultipartUpload"), 1U);
}

TEST_P(EngineUniform, AChosenLayoutIsNotChangedButNamed) {
    restart_server("checked", true);
    put_sized({7 * kMiB, 21 * kMiB, 9 * kMiB});
    for (const bool by_option : {true, false}) {
        SCOPED_TRACE(by_option);
        EngineConfig settings = config(2, 48);
        if (!by_option) settings.part_layout = PartLayout::entries;
        start_engine(settings);
        server->reset_stats();
        const JobSnapshot s =
            run(with(by_option ? PartLayout::entries : PartLayout::automatic, kPart));
        ASSERT_EQ(s.state, JobState::failed);
        EXPECT_EQ(s.error->code, "InvalidPart");
        EXPECT_NE(s.error->detail.find(by_option ? "option part_layout" : "setting part_layout"),
                  std::string::npos)
            << s.error->detail;
        EXPECT_EQ(count("CreateMultipartUpload"), 1U);
        expect_nothing_left();
    }
    EngineConfig settings = config(2, 48);
    settings.part_layout = PartLayout::uniform;
    start_engine(settings);
    server->reset_stats();
    expect_archive(with(PartLayout::automatic, 0));
    EXPECT_EQ(count("CreateMultipartUpload"), 1U);
}

// Refusals of other kinds and at other steps. One that stays is the job's error, and the next job
// begins as this one did.
TEST_P(EngineUniform, WhatCountsAsARefusalOfPartLengths) {
    restart_server("checked");
    start_engine(config(2, 48));
    put_sized({7 * kMiB, 21 * kMiB, 9 * kMiB});
    const ArchiveRequest what = with(PartLayout::automatic, 0);
    for (const char* faults : {"CompleteMultipartUpload nth=1 status=400 code=EntityTooSmall",
                               "CompleteMultipartUpload nth=1,2 error200=InvalidPart",
                               "UploadPart nth=2 status=400 code=InvalidPart"}) {
        SCOPED_TRACE(faults);
        start_engine(config(2, 48));
        server->reset_stats();
        ASSERT_TRUE(server->set_faults(faults));
        expect_archive(what);
        EXPECT_EQ(count("CreateMultipartUpload"), 2U);
        EXPECT_EQ(plan(what)->part_layout, PartLayout::uniform);
    }
    start_engine(config(2, 48));
    ASSERT_TRUE(server->remove("out", "a.zip"));
    server->reset_stats();
    ASSERT_TRUE(server->set_faults("CompleteMultipartUpload status=400 code=InvalidPart"));
    const JobSnapshot s = run(what);
    ASSERT_EQ(s.state, JobState::failed);
    EXPECT_EQ(s.error->code, "InvalidPart");
    EXPECT_EQ(count("CreateMultipartUpload"), 2U);
    expect_nothing_left();
    EXPECT_EQ(plan(what)->part_layout, PartLayout::entries);
    // A part that is no longer what was sent is another matter.
    server->reset_stats();
    ASSERT_TRUE(server->set_faults("CompleteMultipartUpload nth=1 status=400 code=InvalidPart"));
    expect_archive(what);
    EXPECT_EQ(count("CreateMultipartUpload"), 1U);
}

TEST_P(EngineUniform, PartsThatS3HasAreNotSentAgain) {
    for (const char* checksums : {"checked", "ignored"}) {
        restart_server(checksums);
        put_sized({4 * kMiB, 4 * kMiB, 4 * kMiB, 27 * kMiB, 4 * kMiB, 7, 6 * kMiB},
                  checksums == std::string_view("checked"));
        for (const std::uint64_t parts : {1, 3, 6, 9}) {
            SCOPED_TRACE(testing::Message() << checksums << ", after " << parts);
            memory = std::make_shared<Memory>();
            start_engine(config(2, 48));
            RunningJob job = begin(with(PartLayout::uniform));
            wait_until([&] { return job.job->parts_done >= parts || has_ended(job.job->state()); });
            job.job->park();
            if (!job.wait().result) {
                ASSERT_TRUE(job.job->parked());
                EXPECT_EQ(memory->plan().layout, PartLayout::uniform);
            }
            EngineConfig other = config(1, 40);  // another process, with another setting
            other.part_layout = PartLayout::entries;
            start_engine(other);
            server->reset_stats();
            const JobSnapshot s = begin(with(PartLayout::uniform)).wait();
            ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
            EXPECT_EQ(count("CreateMultipartUpload"), 0U);
            EXPECT_LE(count("UploadPart"), s.parts_total - parts);
            EXPECT_EQ(s.bytes_done, s.bytes_total);
            const auto bytes = server->get("out", "a.zip");
            ASSERT_TRUE(bytes.has_value());
            expect_content(*bytes);
            EXPECT_EQ(s.result->crc32, test::plain_crc32(*bytes));
            EXPECT_TRUE(server->open_uploads().empty());
            ASSERT_TRUE(server->remove("out", "a.zip"));
        }
    }
}

// The process that found out what the store requires stops before it has made the archive.
TEST_P(EngineUniform, ThePlanOfTheSecondAttemptIsResumed) {
    restart_server("checked", true);
    put_sized({7 * kMiB, 21 * kMiB, 9 * kMiB});
    start_engine(config(2, 48));
    ASSERT_TRUE(server->set_faults("UploadPart from=12 stall"));
    RunningJob job = begin(with(PartLayout::automatic, kPart));
    wait_until([&] {
        return (count("CreateMultipartUpload") == 2 && job.job->parts_done >= 1) ||
               has_ended(job.job->state());
    });
    job.job->park();
    job.wait();
    ASSERT_TRUE(job.job->parked());
    ASSERT_TRUE(server->set_faults(""));
    start_engine(config(2, 48));
    server->reset_stats();
    const JobSnapshot s = begin(with(PartLayout::automatic, kPart)).wait();
    ASSERT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
    EXPECT_EQ(count("CreateMultipartUpload"), 0U);
    EXPECT_EQ(count("ListObjectsV2"), 0U);
    expect_content(server->get("out", "a.zip").value_or(""));
    EXPECT_TRUE(server->open_uploads().empty());
}

}  // namespace
}  // namespace archive
