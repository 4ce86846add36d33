// The journal of jobs by itself: what load() gives of what was written.
#include "daemon/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "temp_journal.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

const std::string kBody = R"({"source":{"bucket":"photos"}})";

class JournalTest : public testing::Test {
  protected:
    // Waits for the journal to have it.
    base::Status accept(const std::string& id, std::string body = kBody, bool sealed = false) {
        JobRow row;
        row.created_at = base::system_clock().utc_now();
        row.sealed = sealed;
        std::promise<base::Status> written;
        journal_->accept(id, row, std::move(body),
                         [&](base::Status status) { written.set_value(std::move(status)); });
        return written.get_future().get();
    }
    // Until all that was written before is there.
    void settle() {
        std::promise<void> done;
        journal_->recorder("", archives_)->upload_begins([&] { done.set_value(); });
        done.get_future().wait();
        journal_->forget("");
    }
    static archive::ArchiveRequest request() {
        archive::ArchiveRequest request;
        request.sources.emplace_back().bucket = "photos";
        return request;
    }

    const std::shared_ptr<ArchiveIndex> archives_ = std::make_shared<ArchiveIndex>();
    TempJournal journal_;
};

TEST_F(JournalTest, AScopeIsKept) {
    using Prefixes = std::vector<archive::ObjectPrefix>;
    JobRow row;
    row.key = IdempotencyKey{"tenant\nkey", 1, 2};
    for (const archive::RequestScope& scope :
         {archive::RequestScope{}, archive::RequestScope{Prefixes{}, std::nullopt},
          archive::RequestScope{std::nullopt, Prefixes{{"in", "a/"}, {"out", "b/"}}},
          archive::RequestScope{Prefixes{{"photos", "2026/"}}, Prefixes{}}}) {
        row.scope = scope;
        const std::string bytes = encode(row);
        const auto decoded = decode<JobRow>(bytes);
        ASSERT_TRUE(decoded.has_value());
        EXPECT_EQ(decoded->scope, scope);
        // Cut anywhere it is no row: never another scope.
        row.scope.reset();
        const std::size_t without = encode(row).size();
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            if (size == without) continue;
            EXPECT_FALSE(decode<JobRow>(bytes.substr(0, size)).has_value()) << size;
        }
    }
    const auto none = decode<JobRow>(encode(row));
    ASSERT_TRUE(none.has_value());
    EXPECT_FALSE(none->scope.has_value());
}

TEST_F(JournalTest, ALongBodyIsWhole) {
    std::string body(3'000'000, 'x');
    for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i % 26);
    ASSERT_TRUE(accept("A", body));
    ASSERT_TRUE(accept("B", std::string(JournalStore::kRowBytesMax, 'y')));
    ASSERT_TRUE(accept("C", ""));
    const auto jobs = journal_.reopen();
    ASSERT_EQ(jobs.size(), 3u);
    EXPECT_EQ(jobs[0].body, body);
    EXPECT_EQ(jobs[1].body.size(), JournalStore::kRowBytesMax);
    EXPECT_EQ(jobs[2].body, "");
}

TEST_F(JournalTest, RowsOfAForgottenJobAreNoReasonNotToStart) {
    ASSERT_TRUE(accept("A"));
    ASSERT_TRUE(accept("B"));
    journal_->forget("A");
    std::promise<void> done;
    journal_->cancel("A", [&](const base::Status&) { done.set_value(); });  // came too late
    done.get_future().wait();
    settle();
    journal_->cancel("A", {});
    for (int start = 0; start < 2; ++start) {
        const auto jobs = journal_.reopen();
        ASSERT_EQ(jobs.size(), 1u);
        EXPECT_EQ(jobs[0].id, "B");
    }
}

TEST_F(JournalTest, WhatIsSealedIsNowhereInClear) {
    const std::string secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    ASSERT_TRUE(accept("A", R"({"key":")" + secret + R"("})", true));
    const auto jobs = journal_.reopen();
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_THAT(jobs[0].body, HasSubstr(secret));
    for (const auto& file : std::filesystem::directory_iterator(journal_.path())) {
        std::ifstream in(file.path(), std::ios::binary);
        std::stringstream bytes;
        bytes << in.rdbuf();
        EXPECT_EQ(bytes.str().find(secret), std::string::npos) << file.path();
        EXPECT_EQ(file.status().permissions() & std::filesystem::perms::mask,
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
            << file.path();
    }
}

TEST_F(JournalTest, WithoutItsKeyWhatIsSealedIsAnError) {
    ASSERT_TRUE(accept("A", "secret", true));
    const std::string key = journal_.path() + "/journal.key";
    journal_.close();
    std::filesystem::rename(key, key + ".moved");
    const auto without = journal_.try_open();
    ASSERT_FALSE(without.has_value());
    EXPECT_EQ(without.error().code, "journal_key");
    EXPECT_THAT(without.error().detail, HasSubstr("journal.key"));
    std::ofstream(key) << std::string(32, 'k');  // another
    EXPECT_EQ(journal_.try_open().error().code, "journal_key");
    std::filesystem::rename(key + ".moved", key);
    EXPECT_EQ(journal_.reopen().at(0).body, "secret");
}

TEST_F(JournalTest, UploadsAreRememberedUntilTheyAreOver) {
    ASSERT_TRUE(accept("A"));
    const auto recorder = journal_->recorder("A", archives_);
    recorder->upload_begins([] {});
    EXPECT_EQ(journal_->uploads_left("A").size(), 1u);
    recorder->upload_begun({"u1", true}, [] {});
    EXPECT_EQ(journal_->known_upload_ids(), std::vector<std::string>{"u1"});
    recorder->upload_over("u1");
    EXPECT_TRUE(journal_->uploads_left("A").empty());
    recorder->upload_begins([] {});  // and its answer is lost
    settle();
    journal_.reopen();
    const auto left = journal_->uploads_left("A");
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].first, 1u);
    EXPECT_EQ(left[0].second.state, UploadRow::State::asked);
    EXPECT_TRUE(journal_->known_upload_ids().empty());
}

// One Create was killed before its answer, the next was refused: only of that nothing is left.
TEST_F(JournalTest, ARefusedCreateSaysNothingOfAnEarlierOne) {
    ASSERT_TRUE(accept("A"));
    const auto recorder = journal_->recorder("A", archives_);
    recorder->upload_begins([] {});
    recorder->upload_begins([] {});
    recorder->upload_over("");
    const auto left = journal_->uploads_left("A");
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].first, 0u);
}

// The disk was full when the first was to be recorded.
TEST_F(JournalTest, AnUploadThatWasNotRecordedIsNoReasonNotToStart) {
    ASSERT_TRUE(accept("A"));
    journal_.close();
    {
        const auto store = JournalStore::open(journal_.path());
        ASSERT_TRUE(store.has_value());
        UploadRow row;
        row.state = UploadRow::State::open;
        row.upload_id = "u2";
        ASSERT_TRUE((*store)->begin());
        ASSERT_TRUE(
            (*store)->put({"A", static_cast<std::uint8_t>(RowKind::upload), 2}, encode(row)));
        ASSERT_TRUE((*store)->commit(Durability::power));
    }
    ASSERT_EQ(journal_.reopen().size(), 1u);
    const auto left = journal_->uploads_left("A");
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].first, 2u);
    EXPECT_EQ(left[0].second.upload_id, "u2");
}

TEST_F(JournalTest, APartOfVeryManyEntriesIsRecorded) {
    ASSERT_TRUE(accept("A"));
    archive::PartRecord part{{7, 123, 456, {}}, {}, 3};
    for (std::uint64_t entry = 0; entry < 400'000; ++entry)
        part.pieces.push_back(
            {entry, entry % 3, 10 + entry % 5, static_cast<std::uint32_t>(entry * 2654435761u)});
    EXPECT_GT(encode(part).size(), 2 * JournalStore::kRowBytesMax);
    const auto again = decode<archive::PartRecord>(encode(part));
    ASSERT_TRUE(again.has_value());
    ASSERT_EQ(again->pieces.size(), part.pieces.size());
    for (std::size_t i = 0; i < part.pieces.size(); ++i) {
        ASSERT_EQ(again->pieces[i].entry, part.pieces[i].entry);
        ASSERT_EQ(again->pieces[i].offset, part.pieces[i].offset);
        ASSERT_EQ(again->pieces[i].length, part.pieces[i].length);
        ASSERT_EQ(again->pieces[i].crc32, part.pieces[i].crc32);
    }
    std::promise<void> done;
    journal_->recorder("A", archives_)->part_ready(part, [&] { done.set_value(); });
    done.get_future().wait();
    EXPECT_EQ(journal_.reopen().size(), 1u);
}

// A plan of parts that end with entries is written as earlier versions wrote it.
TEST(JournalRows, APlanKeepsItsPartLayout) {
    PlanRow row;
    row.plan.cut_bytes = 5 << 20;
    row.plan.archive_size = 12;
    row.plan.parts = 3;
    row.plan.digest = 4;
    row.chunks = 2;
    const std::string entries = encode(row);
    EXPECT_EQ(decode<PlanRow>(entries)->plan.layout, archive::PartLayout::entries);
    row.plan.layout = archive::PartLayout::uniform;
    const std::string uniform = encode(row);
    ASSERT_EQ(uniform.size(), entries.size() + 1);
    EXPECT_TRUE(uniform.starts_with(entries));
    EXPECT_EQ(decode<PlanRow>(uniform)->plan.layout, archive::PartLayout::uniform);
    EXPECT_EQ(decode<PlanRow>(uniform)->plan.digest, 4U);
    EXPECT_FALSE(decode<PlanRow>(entries + '\x02').has_value());
}

TEST(JournalRows, DamagedRowsAreErrors) {
    UploadRow upload;
    upload.upload_id = "u";
    upload.state = UploadRow::State::open;
    EndRow end;
    end.snapshot.state = archive::JobState::succeeded;
    end.snapshot.result.emplace().etag = "\"e\"";
    const std::string rows[] = {encode(upload), encode(end), encode(NoticeRow{3, true, false}),
                                encode(PlanRow{})};
    for (const std::string& row : rows) {
        for (std::size_t size = 0; size < row.size(); ++size) {
            const std::string_view cut = std::string_view(row).substr(0, size);
            EXPECT_FALSE(decode<UploadRow>(cut).has_value() && &row == &rows[0]);
            EXPECT_FALSE(decode<EndRow>(cut).has_value() && &row == &rows[1]);
            EXPECT_FALSE(decode<NoticeRow>(cut).has_value() && &row == &rows[2]);
            EXPECT_FALSE(decode<PlanRow>(cut).has_value() && &row == &rows[3]);
        }
    }
    EXPECT_TRUE(decode<EndRow>(rows[1]).has_value());  // also one without stages
    end.snapshot.entered[2] = base::UtcTime(std::chrono::milliseconds(7));
    const std::string with_stages = encode(end);
    ASSERT_GT(with_stages.size(), rows[1].size());
    for (std::size_t size = rows[1].size() + 1; size < with_stages.size(); ++size)
        EXPECT_FALSE(decode<EndRow>(with_stages.substr(0, size)).has_value()) << size;
    EXPECT_EQ(decode<EndRow>(with_stages)->snapshot.entered, end.snapshot.entered);
    std::string running = rows[1];
    running[1] = static_cast<char>(archive::JobState::running);  // no end
    EXPECT_EQ(decode<EndRow>(running).error().code, "bad_journal_row");
}

}  // namespace
}  // namespace s3zipd
