// A board's parts done in random orders by an executor without S3. What must come out whatever the
// order: the archive's CRC and bytes, those of a plain run over all entries.
#include "archive/part_board.h"

#include <set>

#include "board_fixture.h"
#include "io/task_scope.h"
#include "zip/central_directory.h"
#include "zip_reading.h"

namespace archive {
namespace {

using test::kMiB;
using test::plain_crc32;
using test::plan_of;
using test::random_text;
using test::RandomObjects;

std::string header_of(const ShardEntry& entry, std::uint32_t crc) {
    const zip::Entry e{.name = entry.name, .size = entry.size, .mtime_unix_s = entry.mtime_unix_s};
    std::string bytes(zip::local_file_header_size(e), '\0');
    zip::encode_local_file_header(e, crc, std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

// Plays S3 and executor: has the bytes of all objects, and puts those of parts where they belong.
class Player {
  public:
    Player(const Plan& plan, const RandomObjects& objects)
        : archive_(plan.layout().archive_size(), '\0') {
        for (std::uint64_t i = 0; i < objects.count(); ++i)
            data_.push_back(random_text(i, objects.size(i)));
        for (const Part& part : plan.parts()) begins_.push_back(part.begin);
    }

    // Headers are written from the true bytes; what the shard says of the rest is compared.
    ShardResult play(const ShardPlan& shard) {
        ShardResult result;
        const ShardPart& part = shard.parts.at(0);
        std::uint64_t at = begins_[part.number - 1];
        const std::uint64_t begin = at;
        for (std::size_t s = 0; s < part.segments.size(); ++s) {
            const Segment& segment = part.segments[s];
            const ShardEntry& entry = shard.entries.at(segment.entry);
            const std::string& data = data_[entry.index];
            std::string bytes;
            if (segment.kind == Segment::Kind::header) {
                std::uint64_t here = 0;
                if (s + 1 < part.segments.size() && part.segments[s + 1].entry == segment.entry)
                    here = part.segments[s + 1].length;
                if (here < entry.size) {
                    EXPECT_EQ(entry.rest_crc32, plain_crc32(std::string_view(data).substr(here)));
                } else {
                    EXPECT_FALSE(entry.rest_crc32.has_value());
                }
                bytes = header_of(entry, plain_crc32(data));
            } else {
                bytes = data.substr(segment.offset, segment.length);
                result.pieces.push_back(
                    {entry.index, segment.offset, segment.length, plain_crc32(bytes)});
            }
            EXPECT_EQ(bytes.size(), segment.length);
            archive_.replace(at, bytes.size(), bytes);
            at += bytes.size();
        }
        result.parts.push_back({part.number, part.size,
                                plain_crc32(std::string_view(archive_).substr(begin, part.size)),
                                "etag"});
        return result;
    }
    std::string& archive() { return archive_; }
    const std::string& data(std::uint64_t i) const { return data_[i]; }

  private:
    std::vector<std::string> data_;
    std::vector<std::uint64_t> begins_;
    std::string archive_;
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
    void play_parts(const Plan& plan, PartBoard& board, Player& player, std::uint64_t seed);
    static void play_tail(const Plan& plan, PartBoard& board, Player& player);
    void expect_archive(const RandomObjects& objects, std::uint64_t seed);
    io::Reactor reactor;
    Job job{{}};
};

// Takes and finishes in a random order, holding up to eight shards at once, as lanes do.
void BoardTest::play_parts(const Plan& plan, PartBoard& board, Player& player, std::uint64_t seed) {
    base::Random random(seed * 1000);
    std::vector<ShardPlan> held;
    std::set<std::size_t> finished;  // part indices
    // First parts of groups can be taken only once their groups are done: hold back otherwise.
    const auto ready = [&] {
        std::size_t takeable = 0;
        for (std::size_t p = 0; p < plan.tail(); ++p) {
            const Part& part = plan.parts()[p];
            bool free = true;
            for (std::size_t q = p + 1; part.waits() && q <= part.group_end; ++q)
                free = free && finished.contains(q);
            takeable += free ? 1 : 0;
        }
        return takeable - finished.size() - held.size();
    };
    while (finished.size() < plan.tail()) {
        if (ready() > 0 && held.size() < 8 && (held.empty() || random.below(2) == 0)) {
            auto shard = reactor.run_until_done(take(board));
            ASSERT_TRUE(shard.has_value());
            held.push_back(std::move(*shard));
            continue;
        }
        ASSERT_FALSE(held.empty());
        const std::size_t i = random.below(held.size());
        const std::size_t index = held[i].parts[0].number - 1;
        const Part& part = plan.parts()[index];
        for (std::size_t q = index + 1; part.waits() && q <= part.group_end; ++q)
            ASSERT_TRUE(finished.contains(q)) << "a group's first part came before another";
        ASSERT_TRUE(finished.insert(index).second) << "a part was given out twice";
        reactor.run_until_done(finish(board, player.play(held[i])));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
    }
    EXPECT_FALSE(reactor.run_until_done(take(board)).has_value());
    EXPECT_TRUE(reactor.run_until_done(done(board)));
}

// The finisher's work: what is left of the entries, then the directory.
void BoardTest::play_tail(const Plan& plan, PartBoard& board, Player& player) {
    for (std::size_t p = plan.tail(); p < plan.parts().size(); ++p) {
        ShardPlan shard = plan.shard_of(p, {});
        std::erase_if(shard.parts[0].segments,
                      [](const Segment& s) { return s.kind == Segment::Kind::directory; });
        board.record_pieces(player.play(shard).pieces);
    }
    zip::CentralDirectory directory(plan.layout(), plan.manifest(), board.entry_crcs(), {});
    std::string& archive = player.archive();
    directory.read(plan.layout().cd_offset(),
                   std::as_writable_bytes(std::span(archive)).subspan(plan.layout().cd_offset()));
    for (std::size_t p = plan.tail(); p < plan.parts().size(); ++p) {
        const Part& part = plan.parts()[p];
        board.record_part({static_cast<std::uint32_t>(p + 1), part.size(),
                           plain_crc32(std::string_view(archive).substr(part.begin, part.size())),
                           "etag"});
    }
}

void BoardTest::expect_archive(const RandomObjects& objects, std::uint64_t seed) {
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {"out", "k", "id"}, job);
    Player player(*plan, objects);
    play_parts(*plan, board, player, seed);
    play_tail(*plan, board, player);
    for (std::uint64_t i = 0; i < objects.count(); ++i)
        ASSERT_EQ(board.entry_crcs()[i], plain_crc32(player.data(i))) << "entry " << i;
    EXPECT_EQ(board.archive_crc(), plain_crc32(player.archive()));
    const test::ReadArchive read = test::read_archive(player.archive());
    EXPECT_EQ(read.problem, "");
    EXPECT_EQ(read.entries.size(), objects.count());
}

TEST_F(BoardTest, AnyOrderOfPartsGivesTheSameArchive) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        expect_archive(RandomObjects(seed, 10 * kMiB), seed);
    }
}

// The first part of a group ends with the header, and the second is all of the entry's data.
TEST_F(BoardTest, AGroupWhoseDataFillsExactlyOnePart) {
    int met = 0;
    for (std::uint64_t gap = 30; gap <= 130; gap += 20) {
        SCOPED_TRACE(testing::Message() << gap << " bytes before the border");
        const RandomObjects objects({5 * kMiB - gap, 5 * kMiB, 10});
        expect_archive(objects, gap);
        const auto plan =
            plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
        met += plan->parts()[0].end == plan->layout().data_offset(1) ? 1 : 0;
    }
    EXPECT_GT(met, 0);
}

TEST_F(BoardTest, CountsWhatIsDone) {
    const RandomObjects objects(std::vector<std::uint64_t>{11 * kMiB, 9, 0, 6 * kMiB, 3});
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {}, job);
    Player player(*plan, objects);
    while (auto shard = reactor.run_until_done(take(board)))
        reactor.run_until_done(finish(board, player.play(*shard)));
    EXPECT_EQ(job.parts_done, plan->tail());
    EXPECT_EQ(job.bytes_done, plan->parts()[plan->tail()].begin);
}

TEST_F(BoardTest, AfterAFailureNothingIsGivenOut) {
    const RandomObjects objects(std::vector<std::uint64_t>(10, 6 * kMiB));
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    PartBoard board(reactor, plan, {}, job);
    ASSERT_TRUE(reactor.run_until_done(take(board)).has_value());
    reactor.run_until_done(
        finish(board, base::fail(base::ErrorKind::denied, "AccessDenied", "no")));
    EXPECT_FALSE(reactor.run_until_done(take(board)).has_value());
    board.fail({base::ErrorKind::transient, "later", "", 0, {}, {}});
    const auto status = reactor.run_until_done(done(board));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, "AccessDenied") << "the first failure is the one reported";
}

// Two who wait for a group's first part: a failure ends their waiting.
io::Task<void> take_into(PartBoard& board, int& ended) {
    const auto shard = co_await board.take();
    EXPECT_FALSE(shard.has_value());
    ++ended;
}
io::Task<int> fail_while_others_wait(io::Reactor& reactor, PartBoard& board) {
    int ended = 0;
    io::TaskScope scope(reactor);
    scope.spawn(take_into(board, ended));
    scope.spawn(take_into(board, ended));
    for (int i = 0; i < 3; ++i) co_await reactor.sleep(base::Duration::zero());
    EXPECT_EQ(ended, 0);
    board.fail({base::ErrorKind::cancelled, "cancelled", "", 0, {}, {}});
    co_await scope.join();
    co_return ended;
}

TEST_F(BoardTest, AFailureEndsEveryWait) {
    const RandomObjects objects(std::vector<std::uint64_t>{13 * kMiB});
    const auto plan =
        plan_of(objects, {.sizing = {.preferred = 10 * kMiB, .memory_max = 64 * kMiB}});
    ASSERT_EQ(plan->tail(), 2U);
    PartBoard board(reactor, plan, {}, job);
    const auto second = reactor.run_until_done(take(board));
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->parts[0].number, 2U) << "the first of a group comes last";
    EXPECT_EQ(reactor.run_until_done(fail_while_others_wait(reactor, board)), 2);
}

}  // namespace
}  // namespace archive
