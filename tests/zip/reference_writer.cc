#include "reference_writer.h"

#include <ctime>

namespace zip_test {
namespace {

constexpr std::uint64_t kFour = 0xFFFFFFFF;
constexpr std::uint64_t kTwo = 0xFFFF;

std::string le(std::uint64_t value, int bytes) {
    std::string text;
    for (; bytes > 0; --bytes, value >>= 8) text += static_cast<char>(value & 0xFF);
    return text;
}

std::string block(unsigned id, const std::string& body) {
    return body.empty() ? "" : le(id, 2) + le(body.size(), 2) + body;
}

std::string dos_time(std::int64_t unix_s) {
    std::time_t t = unix_s;
    std::tm tm{};
    gmtime_r(&t, &tm);
    if (tm.tm_year < 80) return le(0, 2) + le(1 << 5 | 1, 2);
    if (tm.tm_year > 207) return le(23 << 11 | 59 << 5 | 29, 2) + le(127 << 9 | 12 << 5 | 31, 2);
    const int time = tm.tm_hour * 2048 + tm.tm_min * 32 + tm.tm_sec / 2;
    const int date = (tm.tm_year - 80) * 512 + (tm.tm_mon + 1) * 32 + tm.tm_mday;
    return le(static_cast<std::uint64_t>(time), 2) + le(static_cast<std::uint64_t>(date), 2);
}

bool wants_utf8_flag(const std::string& name) {  // the tests' names are all UTF-8
    return name.find_first_of("\xC3\xE6") != std::string::npos;
}

std::string timestamp(const ReferenceFile& file) {
    if (file.mtime_unix_s != static_cast<std::int32_t>(file.mtime_unix_s)) return "";
    return block(0x5455, "\x01" + le(static_cast<std::uint64_t>(file.mtime_unix_s), 4));
}

std::string version(const ReferenceFile& file, bool zip64) {
    return le(zip64 ? 45U : file.name.back() == '/' ? 20U : 10U, 2);
}

std::string middle(const ReferenceFile& file, bool mark) {  // flags to sizes
    const std::string size = le(mark ? kFour : file.size, 4);
    return le(wants_utf8_flag(file.name) ? 0x800 : 0, 2) + le(0, 2) + dos_time(file.mtime_unix_s) +
           le(file.crc, 4) + size + size;
}

}  // namespace

ReferenceArchive reference_archive(const std::vector<ReferenceFile>& files,
                                   const std::string& comment) {
    ReferenceArchive archive;
    std::uint64_t offset = 0;
    std::string directory;
    bool previous_is_marker = false;  // see is_wide_after() in zip/records.h
    for (const ReferenceFile& file : files) {
        const bool big = file.size >= kFour;
        const bool far = offset >= kFour;
        const bool is_directory = file.name.back() == '/';
        const bool wide = big || previous_is_marker;
        const std::string sizes = le(file.size, 8) + le(file.size, 8);
        const std::string local_extra = block(1, big ? sizes : "") + timestamp(file);
        const std::string central_extra =
            block(1, (wide ? sizes : "") + (far ? le(offset, 8) : "")) + timestamp(file);
        archive.headers.push_back("PK\3\4" + version(file, big) + middle(file, big) +
                                  le(file.name.size(), 2) + le(local_extra.size(), 2) + file.name +
                                  local_extra);
        directory += "PK\1\2" + le(0x032D, 2) + version(file, wide || far) + middle(file, wide) +
                     le(file.name.size(), 2) + le(central_extra.size(), 2) + le(0, 2) + le(0, 2) +
                     le(0, 2) +
                     (is_directory ? le(040755ULL << 16 | 0x10, 4) : le(0100644ULL << 16, 4)) +
                     le(far ? kFour : offset, 4) + file.name + central_extra;
        previous_is_marker = file.size == kFour;
        archive.offsets.push_back(offset);
        offset += archive.headers.back().size() + file.size;
    }
    archive.directory_offset = offset;
    archive.end = directory;
    const std::uint64_t count = files.size();
    if (count >= kTwo || offset >= kFour || directory.size() >= kFour) {
        archive.end += "PK\6\6" + le(44, 8) + le(0x032D, 2) + le(45, 2) + le(0, 4) + le(0, 4) +
                       le(count, 8) + le(count, 8) + le(directory.size(), 8) + le(offset, 8);
        archive.end += "PK\6\7" + le(0, 4) + le(offset + directory.size(), 8) + le(1, 4);
    }
    const std::string entries = le(count >= kTwo ? kTwo : count, 2);
    archive.end += "PK\5\6" + le(0, 4) + entries + entries +
                   le(directory.size() >= kFour ? kFour : directory.size(), 4) +
                   le(offset >= kFour ? kFour : offset, 4) + le(comment.size(), 2) + comment;
    archive.size = offset + archive.end.size();
    return archive;
}

}  // namespace zip_test
