// Damage drawn by seed, in each kind of field of several archives and in the order of their parts:
// the verifier finds all of it. What a comment says stands nowhere twice; it shows in the CRC of
// the whole archive.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "archive_fields.h"
#include "base/random.h"

namespace zip_test {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr int kDrawnPerKind = 5;  // of each archive

std::string golden(const std::string& name) {
    std::ifstream file(std::string(ZIP_GOLDEN_DIR) + "/" + name + ".zip", std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    return std::move(bytes).str();
}

std::string many_entries() {
    std::vector<File> files(2000);
    for (std::size_t i = 0; i < files.size(); ++i) {
        files[i] = {fmt::format("{}/{}.txt", i % 7, i), std::string(i % 100, 'x')};
    }
    return build_archive(files);
}

// Sizes and offsets on both sides of 4 GiB, and the header after a file of 0xFFFFFFFF bytes.
SparseArchive zip64_archive() {
    return SparseArchive({{"first", 0, "abc"},
                          {"zeros", 5 * kGiB, ""},
                          {"more zeros", 4 * kGiB + 1, ""},
                          {"marker", 0xFFFFFFFF, ""},
                          {"last", 0, std::string(100'000, 'y')}});
}

struct Count {
    int drawn = 0, found = 0;
};
using Table = std::map<std::string, Count>;

class Damage {
  public:
    Damage(const SparseArchive& good, Table& table, base::Random& random)
        : good_(good), map_(map_archive(good)), table_(table), random_(random) {}

    void run() {
        const Verdict verdict = verify(good_);
        ASSERT_TRUE(verdict.findings.empty()) << verdict.findings.list()[0].what;
        ASSERT_TRUE(verdict.crc);
        good_crc_ = *verdict.crc;
        for (const auto& [kind, fields] : map_.fields) {
            for (int i = 0; i < kDrawnPerKind; ++i) flip_bit_in(kind, pick(fields));
        }
        for (int i = 0; i < kDrawnPerKind; ++i) change_order();
        for (int i = 0; i < 2 * kDrawnPerKind; ++i) change_length();
    }

  private:
    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[random_.below(from.size())];
    }
    void expect_found(const std::string& kind, const SparseArchive& bad) {
        const Verdict verdict = verify(bad);
        const bool found = kind == "comment" ? verdict.crc && *verdict.crc != good_crc_
                                             : !verdict.findings.empty();
        Count& count = table_[kind];
        ++count.drawn;
        if (found) ++count.found;
    }
    void flip_bit_in(const std::string& kind, zip::ByteRange field) {
        SparseArchive bad = good_;
        bad.flip(field.offset * 8 + random_.below(field.size * 8));
        expect_found(kind, bad);
    }
    void change_length() {
        SparseArchive bad = good_;
        bad.truncate(random_.below(good_.size()));
        expect_found("cut off", bad);
        bad = good_;
        const std::uint64_t size = 1 + random_.below(std::min<std::uint64_t>(100, bad.size()));
        bad.remove({random_.below(bad.size() - size + 1), size});
        expect_found("bytes removed", bad);
        bad = good_;
        bad.insert(random_.below(bad.size() + 1), std::string(1 + random_.below(100), 'z'));
        expect_found("bytes inserted", bad);
    }
    // Neighbours: [a][b] becomes [b][a].
    void swap(const std::string& kind, const std::vector<zip::ByteRange>& parts) {
        constexpr std::uint64_t kSizeMax = 1 << 20;  // of what is moved
        if (parts.size() < 2) return;
        const std::size_t i = random_.below(parts.size() - 1);
        if (parts[i].size > kSizeMax && parts[i + 1].size > kSizeMax) return;
        const bool first = parts[i].size <= kSizeMax;  // which of them is moved over the other
        const zip::ByteRange moved = parts[first ? i : i + 1];
        SparseArchive bad = good_;
        const std::string bytes = good_.read(moved);
        bad.remove(moved);
        bad.insert(first ? parts[i].offset + parts[i + 1].size : parts[i].offset, bytes);
        expect_found(kind, bad);
    }
    // A central header twice, with counts and sizes that agree.
    void duplicate(zip::ByteRange header, bool agree) {
        SparseArchive bad = good_;
        bad.insert(header.offset, good_.read(header));
        const std::uint64_t end = map_.end.offset + header.size;
        if (agree) {
            for (const auto& [at, by] :
                 {std::pair{8, std::uint64_t{1}}, std::pair{10, std::uint64_t{1}},
                  std::pair{12, header.size}}) {
                const std::uint64_t where = end + static_cast<std::uint64_t>(at);
                std::string field = good_.read({where - header.size, 2});
                const std::uint64_t value = static_cast<std::uint8_t>(field[0]) +
                                            256U * static_cast<std::uint8_t>(field[1]) + by;
                field[0] = static_cast<char>(value & 255);
                field[1] = static_cast<char>(value >> 8 & 255);
                bad.overwrite(where, field);
            }
        }
        expect_found(agree ? "central header twice, agreeing" : "central header twice", bad);
    }
    void change_order() {
        swap("entries swapped", map_.entries);
        swap("central headers swapped", map_.directory);
        if (map_.directory.empty()) return;
        duplicate(pick(map_.directory), false);
        if (good_.size() < 4 * kGiB) duplicate(pick(map_.directory), true);
    }

    const SparseArchive& good_;
    const ArchiveMap map_;
    Table& table_;
    base::Random& random_;
    std::uint32_t good_crc_ = 0;
};

TEST(DamageTest, AllOfItIsFound) {
    base::Random random(20261120);
    Table table;
    for (const char* name : {"empty", "comment", "sample", "nested"}) {
        SCOPED_TRACE(name);
        Damage(SparseArchive(golden(name)), table, random).run();
    }
    Damage(SparseArchive(many_entries()), table, random).run();
    Damage(zip64_archive(), table, random).run();
    int drawn = 0;
    std::string text = fmt::format("{:<40} {:>6} {:>6}\n", "damage", "drawn", "found");
    for (const auto& [kind, count] : table) {
        text += fmt::format("{:<40} {:>6} {:>6}\n", kind, count.drawn, count.found);
        EXPECT_EQ(count.found, count.drawn) << kind;
        drawn += count.drawn;
    }
    std::fputs(text.c_str(), stdout);
    EXPECT_GE(drawn, 200);
    EXPECT_GE(table.size(), 70U);  // each field of each record, and the changes of order and length
}

}  // namespace
}  // namespace zip_test
