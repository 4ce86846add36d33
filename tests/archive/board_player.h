// Plays S3 and executor for tests of the board: it has the bytes of all objects, and puts those of
// parts where they belong.
#pragma once

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "archive/part_board.h"
#include "board_fixture.h"
#include "zip/central_directory.h"
#include "zip_reading.h"

namespace archive::test {

inline std::string header_of(const ShardEntry& entry, std::uint32_t crc) {
    const zip::Entry e{.name = entry.name, .size = entry.size, .mtime_unix_s = entry.mtime_unix_s};
    std::string bytes(zip::local_file_header_size(e), '\0');
    zip::encode_local_file_header(e, crc, std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

class Player {
  public:
    Player(const Plan& plan, const RandomObjects& objects)
        : archive_(plan.layout().archive_size(), '\0') {
        for (std::uint64_t i = 0; i < objects.count(); ++i) {
            data_.push_back(random_text(i, objects.size(i)));
            crcs_.push_back(plain_crc32(data_.back()));
        }
        for (const Part& part : plan.parts()) begins_.push_back(part.begin);
    }

    // Headers are written from the true bytes; the CRCs of the data after the part are compared if
    // the shard has them, and else determined, as an executor does.
    ShardResult play(const ShardPlan& shard) {
        ShardResult result;
        const ShardPart& part = shard.parts.at(0);
        std::uint64_t at = begins_[part.number - 1];
        const std::uint64_t begin = at;
        for (std::size_t s = 0; s < part.segments.size(); ++s) {
            const Segment& segment = part.segments[s];
            if (segment.kind == Segment::Kind::directory) continue;  // play_tail()
            const ShardEntry& entry = shard.entries.at(segment.entry);
            const std::string& data = data_[entry.index];
            std::string bytes;
            if (segment.kind == Segment::Kind::header) {
                bytes = header_of(entry, crcs_[entry.index]).substr(segment.offset, segment.length);
                check_cover(part, s, entry);
            } else {
                bytes = data.substr(segment.offset, segment.length);
                result.pieces.push_back(
                    {entry.index, segment.offset, segment.length, plain_crc32(bytes)});
            }
            EXPECT_EQ(bytes.size(), segment.length);
            archive_.replace(at, bytes.size(), bytes);
            at += bytes.size();
        }
        for (const ShardEntry& entry : shard.entries) play_rest(entry, result);
        result.parts.push_back({part.number, part.size,
                                plain_crc32(std::string_view(archive_).substr(begin, part.size)),
                                "etag"});
        return result;
    }
    std::string& archive() { return archive_; }
    const std::string& data(std::uint64_t i) const { return data_[i]; }
    std::uint32_t crc32(std::uint64_t i) const { return crcs_[i]; }
    std::uint64_t bytes_read_twice() const { return bytes_read_twice_; }

  private:
    // What is in the part and the runs after it are all data of the entry.
    static void check_cover(const ShardPart& part, std::size_t s, const ShardEntry& entry) {
        std::uint64_t at = 0;
        if (s + 1 < part.segments.size() && part.segments[s + 1].kind == Segment::Kind::data &&
            part.segments[s + 1].entry == part.segments[s].entry)
            at = part.segments[s + 1].length;
        for (const RestRun& run : entry.rest) {
            EXPECT_EQ(run.offset, at);
            at += run.length;
        }
        EXPECT_EQ(at, entry.size);
    }
    void play_rest(const ShardEntry& entry, ShardResult& result) {
        for (const RestRun& run : entry.rest) {
            const std::uint32_t crc =
                plain_crc32(std::string_view(data_[entry.index]).substr(run.offset, run.length));
            if (run.crc32) {
                EXPECT_EQ(*run.crc32, crc);
                continue;
            }
            EXPECT_FALSE(run.awaited) << "given out before what it waits for";
            bytes_read_twice_ += run.length;
            result.pieces.push_back({entry.index, run.offset, run.length, crc});
        }
    }
    std::vector<std::string> data_;
    std::vector<std::uint32_t> crcs_;  // of all data of each
    std::vector<std::uint64_t> begins_;
    std::string archive_;
    std::uint64_t bytes_read_twice_ = 0;
};

struct BoardTest : testing::Test {
    BoardTest() : reactor(std::move(*io::make_backend(io::BackendChoice::epoll))) {}
    static io::Task<bool> finish(PartBoard& board, base::Result<ShardResult> result) {
        co_return co_await board.finish(std::move(result));
    }
    static io::Task<std::optional<ShardPlan>> take(PartBoard& board) {
        co_return co_await board.take();
    }
    static io::Task<base::Status> done(PartBoard& board) {
        co_return co_await board.wait_until_done();
    }
    // Takes and finishes in a random order, holding up to `held_max` shards at once, as lanes do.
    void play_parts(const Plan& plan, PartBoard& board, Player& player, std::uint64_t seed,
                    std::size_t held_max = 8);
    // The finisher's work: what is left of the entries, then the directory.
    static void play_tail(const Plan& plan, PartBoard& board, Player& player);
    static void expect_right(const Plan& plan, const PartBoard& board, Player& player,
                             const RandomObjects& objects);
    io::Reactor reactor;
    Job job{{}};
    std::vector<PartRecord> records;  // of every part that was played
};

inline void BoardTest::play_parts(const Plan& plan, PartBoard& board, Player& player,
                                  std::uint64_t seed, std::size_t held_max) {
    base::Random random(seed * 1000);
    std::vector<ShardPlan> held;
    std::set<std::size_t> finished;  // part indices
    for (std::size_t p = 0; p < plan.tail(); ++p) {
        if (board.is_stored(p)) finished.insert(p);
    }
    const std::size_t stored = finished.size();
    // Parts that wait can be taken only once the others are done: hold back otherwise.
    const auto ready = [&] {
        std::size_t takeable = 0;
        for (std::size_t p = 0; p < plan.tail(); ++p) {
            const Part& part = plan.parts()[p];
            bool free = !board.is_stored(p) || finished.contains(p);
            for (std::size_t q = part.awaited_begin; q < part.awaited_end; ++q)
                free = free && (finished.contains(q) || finished.contains(p));
            takeable += free ? 1 : 0;
        }
        return takeable - finished.size() - held.size();
    };
    std::size_t played = 0;
    while (finished.size() < plan.tail()) {
        if (ready() > 0 && held.size() < held_max && (held.empty() || random.below(2) == 0)) {
            auto shard = reactor.run_until_done(take(board));
            ASSERT_TRUE(shard.has_value());
            held.push_back(std::move(*shard));
            continue;
        }
        ASSERT_FALSE(held.empty()) << "nothing can be done, and nothing is under way";
        const std::size_t i = random.below(held.size());
        const std::size_t index = held[i].parts[0].number - 1;
        const Part& part = plan.parts()[index];
        for (std::size_t q = part.awaited_begin; q < part.awaited_end; ++q)
            ASSERT_TRUE(finished.contains(q)) << "a part came before one that it waits for";
        ASSERT_TRUE(finished.insert(index).second) << "a part was given out twice";
        ShardResult result = player.play(held[i]);
        records.push_back({result.parts[0], result.pieces, 0});
        ASSERT_TRUE(reactor.run_until_done(finish(board, std::move(result))));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
        ++played;
    }
    EXPECT_EQ(played, plan.tail() - stored);
    EXPECT_FALSE(reactor.run_until_done(take(board)).has_value());
    EXPECT_TRUE(reactor.run_until_done(done(board)));
}

inline void BoardTest::play_tail(const Plan& plan, PartBoard& board, Player& player) {
    for (std::size_t p = plan.tail(); p < plan.parts().size(); ++p) {
        const ShardResult result = player.play(plan.shard_of(p, {}));
        EXPECT_TRUE(board.record_pieces(result.pieces));
    }
    zip::CentralDirectory directory(plan.layout(), plan.manifest(), board.entry_crcs(), {});
    std::string& archive = player.archive();
    directory.read(plan.layout().cd_offset(),
                   std::as_writable_bytes(std::span(archive)).subspan(plan.layout().cd_offset()));
    for (std::size_t p = plan.tail(); p < plan.parts().size(); ++p) {
        if (board.is_stored(p)) continue;
        const Part& part = plan.parts()[p];
        board.record_part({static_cast<std::uint32_t>(p + 1), part.size(),
                           plain_crc32(std::string_view(archive).substr(part.begin, part.size())),
                           "etag"});
    }
}

inline void BoardTest::expect_right(const Plan& plan, const PartBoard& board, Player& player,
                                    const RandomObjects& objects) {
    for (std::uint64_t i = 0; i < objects.count(); ++i)
        ASSERT_EQ(board.entry_crcs()[i], player.crc32(i)) << "entry " << i;
    EXPECT_EQ(board.archive_crc(), plain_crc32(player.archive()));
    const ReadArchive read = read_archive(player.archive());
    EXPECT_EQ(read.problem, "");
    EXPECT_EQ(read.entries.size(), plan.layout().count());
    for (std::uint64_t i = 0; i < read.entries.size(); ++i)
        ASSERT_TRUE(read.entries[i].data == player.data(i)) << "entry " << i;
}

}  // namespace archive::test
