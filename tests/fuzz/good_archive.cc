#include "good_archive.h"

#include <fmt/format.h>
#include <algorithm>

#include "../zip/archive_builder.h"
#include "zip/layout.h"
#include "zip/records.h"

namespace fuzz {
namespace {

using zip_test::File;

// Each is followed by a number, so that no two clash.
constexpr std::string_view kNames[] = {"a",          "folder/b",         "x/y/z/c", "\u00E4\u20AC",
                                       "README.md-", "folder/\U0001F600"};
constexpr std::int64_t kTimes[] = {1'700'000'000,  // now, the DOS epoch, what the extended
                                   315'532'800,    // timestamp does not hold, what DOS does not
                                   4'102'444'800, -86'400, -10'000'000'000, 200'000'000'000};

File draw_file(FuzzInput& input, std::size_t index) {
    const std::uint64_t kind = input.byte();
    File file;
    file.mtime_unix_s = kTimes[input.below(std::size(kTimes))];
    if (kind % 8 == 1) {
        file.name = fmt::format("folder{}/", index);
        return file;
    }
    file.name = fmt::format("{}{}", kNames[input.below(std::size(kNames))], index);
    if (kind % 32 == 2 && index == 0) {  // scanned in more than one piece
        file.data.assign(zip::kLocalFileHeaderSizeMax + input.below(100'000), 'x');
    } else {
        file.data = input.text(input.below(80));
    }
    return file;
}

std::vector<File> draw_files(FuzzInput& input) {
    std::vector<File> files;
    const std::uint64_t count = input.below(8);
    files.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) files.push_back(draw_file(input, i));
    if (input.byte() == 3) {  // enough for more findings than are kept
        for (std::size_t i = 0; i < 220; ++i) files.push_back({fmt::format("many/{}", i), {}, {}});
    }
    return files;
}

bool is_in(const zip::ByteRange& range, std::uint64_t at) {
    return at >= range.offset && at - range.offset < range.size;
}

constexpr std::uint64_t kMadeByOffset = 4;

bool is_found_if_changed(const GoodArchive& good, std::uint64_t at, std::uint8_t to) {
    constexpr std::uint8_t kInUse[] = {20, 30, 31, 45, 63};
    if (at >= good.bytes.size() - good.comment_size) return false;
    return std::ranges::count(good.headers, at - kMadeByOffset) == 0 ||
           std::ranges::count(kInUse, to) == 0;
}

Damage change_byte(FuzzInput& input, const GoodArchive& good) {
    const std::uint64_t at = input.below(good.bytes.size());
    Damage damage{good.bytes, false};
    damage.bytes[at] = static_cast<char>(damage.bytes[at] ^ (1 + input.below(255)));
    damage.must_be_found =
        is_found_if_changed(good, at, static_cast<std::uint8_t>(damage.bytes[at]));
    return damage;
}

// Up to 32 bits side by side: CRC-32 finds every such burst.
Damage change_data(FuzzInput& input, const GoodArchive& good) {
    Damage damage{good.bytes, false};
    if (good.data.empty()) return damage;
    const zip::ByteRange range = good.data[input.below(good.data.size())];
    const std::uint64_t begin = range.offset + input.below(range.size);
    for (std::uint64_t at = begin; at < begin + 4 && is_in(range, at); ++at) {
        damage.bytes[at] = static_cast<char>(input.byte());
    }
    damage.must_be_found = damage.bytes != good.bytes;
    return damage;
}

Damage change_length(FuzzInput& input, const GoodArchive& good) {
    Damage damage{good.bytes, true};
    const std::uint64_t at = input.below(good.bytes.size() + 1);
    switch (input.below(3)) {
        case 0: damage.bytes.resize(input.below(good.bytes.size())); break;
        case 1:
            damage.bytes.insert(at, 1 + input.below(300), static_cast<char>(input.byte()));
            break;
        default: damage.bytes.erase(at, 1 + input.below(300));
    }
    damage.must_be_found = damage.bytes.size() != good.bytes.size();
    return damage;
}

// The same change every so many bytes.
Damage change_many(FuzzInput& input, const GoodArchive& good) {
    Damage damage{good.bytes, false};
    const std::uint64_t step = 1 + input.below(200);
    const auto by = static_cast<char>(input.byte());
    for (std::uint64_t at = input.below(good.bytes.size()); at < good.bytes.size(); at += step) {
        damage.bytes[at] = static_cast<char>(damage.bytes[at] ^ by);
    }
    return damage;
}

// The same bytes of every central header.
Damage change_headers(FuzzInput& input, const GoodArchive& good) {
    Damage damage{good.bytes, false};
    for (std::uint64_t left = 1 + input.below(6); left > 0; --left) {
        const std::uint64_t offset = input.below(zip::kCentralDirectoryHeaderFixedSize);
        const auto by = static_cast<char>(input.byte());
        for (const std::uint64_t header : good.headers) {
            damage.bytes[header + offset] = static_cast<char>(damage.bytes[header + offset] ^ by);
        }
    }
    return damage;
}

}  // namespace

GoodArchive draw_good_archive(FuzzInput& input) {
    const std::vector<File> files = draw_files(input);
    std::string_view comment = input.text(input.below(40));
    if (!zip::check_comment(comment)) comment = {};
    GoodArchive good;
    good.bytes = zip_test::build_archive(files, comment);
    good.entries = files.size();
    good.comment_size = comment.size();
    const std::vector<zip::Entry> entries = zip_test::to_entries(files);
    const auto layout =
        zip::Layout::create(zip::SpanEntryList(entries), {.comment_size = comment.size()});
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (!files[i].data.empty()) {
            good.data.push_back({layout->data_offset(i), layout->data_size(i)});
        }
        good.headers.push_back(layout->cd_entry_offset(i));
    }
    return good;
}

Damage draw_damage(FuzzInput& input, const GoodArchive& good) {
    switch (input.below(8)) {
        case 0: return change_data(input, good);
        case 1:
        case 2: return change_length(input, good);
        case 3: return change_many(input, good);
        case 4: return change_headers(input, good);
        default: return change_byte(input, good);
    }
}

}  // namespace fuzz
