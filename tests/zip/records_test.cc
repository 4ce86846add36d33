#include "zip/records.h"

#include <gtest/gtest.h>
#include <string>

#include "base/encoding.h"
#include "zip/reader.h"

namespace zip {
namespace {

using namespace std::string_literals;

std::string local_header(const Entry& entry, std::uint32_t crc) {
    std::string out(local_file_header_size(entry), '\xEE');
    encode_local_file_header(entry, crc, {reinterpret_cast<std::byte*>(out.data()), out.size()});
    return out;
}
std::string central_header(const Entry& entry, std::uint32_t crc, std::uint64_t offset) {
    std::string out(central_directory_header_size(entry, offset), '\xEE');
    encode_central_directory_header(entry, crc, offset,
                                    {reinterpret_cast<std::byte*>(out.data()), out.size()});
    return out;
}
std::string end_records(const DirectoryExtent& extent, std::string_view comment = {}) {
    std::string out(end_records_size(extent, comment.size()), '\xEE');
    encode_end_records(extent, comment, {reinterpret_cast<std::byte*>(out.data()), out.size()});
    return out;
}

// 1,700,000,000 s = 2023-11-14T22:13:20Z: DOS date 0x576E, time 0xB1AA, seconds 0x6553F100.
const Entry kPlain{.name = "a.txt", .size = 6, .mtime_unix_s = 1'700'000'000};

TEST(LocalFileHeader, EveryByte) {
    EXPECT_EQ(local_header(kPlain, 0x363A3020),
              "PK\3\4\x0A\0\0\0\0\0\xAA\xB1\x6E\x57\x20\x30\x3A\x36\6\0\0\0\6\0\0\0\5\0\x09\0"
              "a.txt\x55\x54\5\0\1\0\xF1\x53\x65"s);
}

TEST(LocalFileHeader, CrcStandsWhereItIsPatched) {
    const std::string header = local_header(kPlain, 0x04030201);
    EXPECT_EQ(header.substr(kLocalFileHeaderCrcOffset, 4), "\1\2\3\4");
}

TEST(CentralDirectoryHeader, EveryByte) {
    EXPECT_EQ(central_header(kPlain, 0x363A3020, 0x11223344),
              "PK\1\2\x2D\3\x0A\0\0\0\0\0\xAA\xB1\x6E\x57\x20\x30\x3A\x36\6\0\0\0\6\0\0\0\5\0\x09\0"
              "\0\0\0\0\0\0\0\0\xA4\x81\x44\x33\x22\x11"
              "a.txt\x55\x54\5\0\1\0\xF1\x53\x65"s);
}

TEST(CentralDirectoryHeader, Directory) {
    const Entry entry{.name = "d/",
                      .mtime_unix_s = 1'700'000'000,
                      .unix_mode = kDirectoryMode,
                      .is_directory = true};
    const std::string header = central_header(entry, 0, 0);
    EXPECT_EQ(header.substr(6, 2), "\x14\0"s);           // version needed 2.0
    EXPECT_EQ(header.substr(38, 4), "\x10\0\xED\x41"s);  // 040755, MS-DOS directory
}

TEST(Records, SizesAtTheEdgeOf32Bits) {
    struct Case {
        std::uint64_t size;
        bool zip64;
    };
    for (const auto& [size, zip64] :
         {Case{0xFFFFFFFE, false}, {0xFFFFFFFF, true}, {0x100000000, true}}) {
        SCOPED_TRACE(size);
        const Entry entry{.name = "big", .size = size, .mtime_unix_s = 0};
        const std::string local = local_header(entry, 1);
        const std::string central = central_header(entry, 1, 7);
        EXPECT_EQ(local.size(), 30U + 3 + 9 + (zip64 ? 20 : 0));
        EXPECT_EQ(central.size(), 46U + 3 + 9 + (zip64 ? 20 : 0));
        EXPECT_EQ(local.substr(4, 2), zip64 ? "\x2D\0"s : "\x0A\0"s);
        EXPECT_EQ(local.substr(18, 8) == "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", zip64);
        const auto parsed = parse_local_file_header(base::as_bytes(local));
        ASSERT_TRUE(parsed) << parsed.error().to_string();
        EXPECT_EQ(parsed->size, size);
        EXPECT_EQ(parsed->compressed_size, size);
        EXPECT_EQ(parsed->has_zip64, zip64);
        const auto parsed_central = parse_central_directory_header(base::as_bytes(central));
        ASSERT_TRUE(parsed_central) << parsed_central.error().to_string();
        EXPECT_EQ(parsed_central->size, size);
        EXPECT_EQ(parsed_central->local_offset, 7U);
    }
}

TEST(Records, OffsetsAtTheEdgeOf32Bits) {
    struct Case {
        std::uint64_t offset;
        std::size_t extra;
    };
    for (const auto& [offset, extra] : {Case{0xFFFFFFFE, 0}, {0xFFFFFFFF, 12}, {0x100000000, 12}}) {
        SCOPED_TRACE(offset);
        const std::string central = central_header(kPlain, 1, offset);
        EXPECT_EQ(central.size(), 46U + 5 + 9 + extra);  // only the offset: id, size and 8 bytes
        EXPECT_EQ(central.substr(6, 1), extra == 0 ? "\x0A" : "\x2D");
        const auto parsed = parse_central_directory_header(base::as_bytes(central));
        ASSERT_TRUE(parsed) << parsed.error().to_string();
        EXPECT_EQ(parsed->local_offset, offset);
        EXPECT_EQ(parsed->size, 6U);
        EXPECT_EQ(parsed->has_zip64, extra != 0);
    }
    const Entry both{.name = "b", .size = 0x100000000, .mtime_unix_s = 0};
    EXPECT_EQ(central_directory_header_size(both, 0xFFFFFFFF), 46U + 1 + 9 + 28);
}

TEST(Records, HeaderAfterASizeThatLooksLikeAMarkHoldsItsSizes) {
    EXPECT_TRUE(is_wide_after(0xFFFFFFFF));
    EXPECT_FALSE(is_wide_after(0xFFFFFFFE));
    EXPECT_FALSE(is_wide_after(0x100000000));
    std::string header(central_directory_header_size(kPlain, 0x100000000, true), '\xEE');
    EXPECT_EQ(header.size(), 46U + 5 + 9 + 28);
    encode_central_directory_header(
        kPlain, 1, 0x100000000, {reinterpret_cast<std::byte*>(header.data()), header.size()}, true);
    EXPECT_EQ(header.substr(20, 8), std::string(8, '\xFF'));
    const auto parsed = parse_central_directory_header(base::as_bytes(header));
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    EXPECT_EQ(parsed->size, 6U);
    EXPECT_EQ(parsed->compressed_size, 6U);
    EXPECT_EQ(parsed->local_offset, 0x100000000U);
}

TEST(EndRecords, EveryByte) {
    EXPECT_EQ(end_records({2, 0x1000, 0x80}, "hi"),
              "PK\5\6\0\0\0\0\2\0\2\0\x80\0\0\0\0\x10\0\0\2\0hi"s);
    EXPECT_EQ(end_records({0, 0, 0}), "PK\5\6"s + std::string(18, '\0'));
}

TEST(EndRecords, Zip64EveryByte) {
    EXPECT_EQ(end_records({0x10000, 0x123456789, 0x80}),
              "PK\6\6\x2C\0\0\0\0\0\0\0\x2D\3\x2D\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0"
              "\x80\0\0\0\0\0\0\0\x89\x67\x45\x23\1\0\0\0"
              "PK\6\7\0\0\0\0\x09\x68\x45\x23\1\0\0\0\1\0\0\0"
              "PK\5\6\0\0\0\0\xFF\xFF\xFF\xFF\x80\0\0\0\xFF\xFF\xFF\xFF\0\0"s);
}

TEST(EndRecords, Zip64ExactlyWhenNeeded) {
    constexpr std::size_t kWith = kZip64EndSize + kZip64LocatorSize + kEndSize;
    EXPECT_EQ(end_records_size({65'534, 0, 0}, 0), kEndSize);
    EXPECT_EQ(end_records_size({65'535, 0, 0}, 0), kWith);
    EXPECT_EQ(end_records_size({65'536, 0, 0}, 0), kWith);
    EXPECT_EQ(end_records_size({1, 0xFFFFFFFE, 0}, 0), kEndSize);
    EXPECT_EQ(end_records_size({1, 0xFFFFFFFF, 0}, 0), kWith);
    EXPECT_EQ(end_records_size({1, 0x100000000, 0}, 0), kWith);
    EXPECT_EQ(end_records_size({1, 0, 0xFFFFFFFE}, 0), kEndSize);
    EXPECT_EQ(end_records_size({1, 0, 0xFFFFFFFF}, 5), kWith + 5);
}

TEST(Records, LongestNameStaysBelowJavasLimit) {
    const std::string name(kNameSizeMax, 'n');
    const Entry entry{.name = name, .size = 0x100000000, .mtime_unix_s = 0};
    EXPECT_EQ(central_directory_header_size(entry, 0x100000000), 65'535U);
    EXPECT_LE(local_file_header_size(entry), 65'535U);
    const std::string header = central_header(entry, 9, 0x100000000);
    const auto parsed = parse_central_directory_header(base::as_bytes(header));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->name, name);
    EXPECT_EQ(parsed->crc, 9U);
}

}  // namespace
}  // namespace zip
