#include "zip/reader.h"

#include <gtest/gtest.h>
#include <string>

#include "archive_builder.h"

namespace zip {
namespace {

using namespace std::string_literals;

std::string error_of(const std::string& archive) {
    const auto end = find_end_records(base::as_bytes(archive), archive.size());
    return end ? "" : end.error().detail;
}

std::string local_header(const std::string& sizes, const std::string& extra) {
    return "PK\3\4\x2D\0\0\0\0\0\0\0\x21\0\0\0\0\0"s + sizes + "\1\0"s +
           static_cast<char>(extra.size()) + "\0"s + "n" + extra;
}
const std::string kMarkers(8, '\xFF');
const std::string kSmall = "\1\0\0\0\1\0\0\0"s;

std::string local_error(const std::string& header) {
    const auto parsed = parse_local_file_header(base::as_bytes(header));
    if (parsed) return "";
    EXPECT_EQ(parsed.error().kind, base::ErrorKind::corrupt);
    return parsed.error().detail;
}

TEST(FindEndRecords, WithCommentAndTrailingLookalikes) {
    const std::string comment =
        "PK\5\6 looks like an end record, but its comment length does not fit";
    const std::string archive = zip_test::build_archive(zip_test::sample_files(), comment);
    for (const std::size_t before :
         {std::size_t{0}, std::size_t{100}, archive.size() - 22 - comment.size()}) {
        const auto tail = base::as_bytes(archive).subspan(before);
        const auto end = find_end_records(tail, archive.size());
        ASSERT_TRUE(end) << end.error().to_string();
        EXPECT_EQ(end->comment, comment);
        EXPECT_EQ(end->extent.entries, zip_test::sample_files().size());
        EXPECT_EQ(end->offset, archive.size() - 22 - comment.size());
        EXPECT_EQ(end->extent.cd_offset + end->extent.cd_size, end->offset);
        EXPECT_FALSE(end->has_zip64);
    }
}

TEST(FindEndRecords, RefusesWhatIsNoArchive) {
    const std::string archive = zip_test::build_archive(zip_test::sample_files());
    EXPECT_NE(error_of(""), "");
    EXPECT_NE(error_of("PK\5\6"), "");
    EXPECT_NE(error_of(std::string(70'000, 'x')), "");
    EXPECT_NE(error_of(archive.substr(0, archive.size() - 1)), "");
    EXPECT_NE(error_of(archive + "x"), "");
    EXPECT_EQ(error_of(archive), "");
}

TEST(FindEndRecords, Zip64AtAFarOffset) {
    const DirectoryExtent extent{70'000, 0x500000000, 4'000'000};
    std::string tail(end_records_size(extent, 2), '\0');
    encode_end_records(extent, "hi", {reinterpret_cast<std::byte*>(tail.data()), tail.size()});
    const std::uint64_t archive_size = extent.cd_offset + extent.cd_size + tail.size();
    const auto end = find_end_records(base::as_bytes(tail), archive_size);
    ASSERT_TRUE(end) << end.error().to_string();
    EXPECT_TRUE(end->has_zip64);
    EXPECT_EQ(end->extent.entries, 70'000U);
    EXPECT_EQ(end->extent.cd_offset, 0x500000000U);
    EXPECT_EQ(end->extent.cd_size, 4'000'000U);
    EXPECT_EQ(end->offset, archive_size - tail.size());
    // The same bytes in an archive of another size, or without the record itself, do not fit.
    EXPECT_FALSE(find_end_records(base::as_bytes(tail), archive_size + 1));
    EXPECT_FALSE(find_end_records(base::as_bytes(tail).subspan(1), archive_size));
    EXPECT_FALSE(find_end_records(base::as_bytes(tail).subspan(56), archive_size));
    EXPECT_FALSE(find_end_records(base::as_bytes(tail).subspan(76), archive_size));
}

TEST(FindEndRecords, DirectoryMustLieBeforeIt) {
    EXPECT_NE(error_of("PK\5\6\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0"s), "");
    EXPECT_NE(error_of("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0"s), "");
    EXPECT_EQ(error_of("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s), "");
}

TEST(ParseLocalFileHeader, RefusesWhatStrictReadersRefuse) {
    const std::string both = "\1\0\x10\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0"s;
    EXPECT_EQ(local_error(local_header(kSmall, "")), "");
    EXPECT_EQ(local_error(local_header(kMarkers, both)), "");
    EXPECT_NE(local_error(local_header(kMarkers, "")), "");  // FFFFFFFF, no Zip64
    EXPECT_NE(local_error(local_header(kSmall, both)), "");  // Zip64, no FFFFFFFF
    EXPECT_NE(local_error(local_header(kMarkers, "\1\0\x08\0\0\0\0\0\1\0\0\0"s)),
              "");  // one size only
    EXPECT_NE(local_error(local_header("\1\0\0\0\xFF\xFF\xFF\xFF"s, "\1\0\x08\0\0\0\0\0\1\0\0\0"s)),
              "");
    EXPECT_NE(local_error(local_header(kMarkers, both + both)), "");        // twice
    EXPECT_NE(local_error(local_header(kSmall, "\0\0\0"s)), "");            // raw padding
    EXPECT_NE(local_error(local_header(kSmall, "\x34\x12\5\0xxxx"s)), "");  // overruns
    EXPECT_EQ(local_error(local_header(kSmall, "\x34\x12\4\0xxxx"s)), "");  // unknown, well-formed
    EXPECT_EQ(local_error(local_header(kSmall, "UT\x09\0\3aaaabbbb"s)), "");  // mtime and atime
    EXPECT_NE(local_error(local_header(kSmall, "UT\5\0\3aaaa"s)), "");        // atime missing
    EXPECT_NE(local_error(local_header(kSmall, "UT\0\0"s)), "");
    EXPECT_NE(local_error("PK\3\5" + local_header(kSmall, "").substr(4)), "");
}

TEST(ParseHeaders, EveryTruncationIsRefused) {
    const std::string archive = zip_test::build_archive({{"name.txt", ""}});
    const std::size_t local_size = 30 + 8 + 9;
    for (std::size_t size = 0; size < local_size; ++size) {
        ASSERT_FALSE(parse_local_file_header(base::as_bytes(archive).first(size))) << size;
    }
    EXPECT_EQ(parse_local_file_header(base::as_bytes(archive))->header_size, local_size);
    const base::ByteView central = base::as_bytes(archive).subspan(local_size);
    for (std::size_t size = 0; size < 46 + 8 + 9; ++size) {
        ASSERT_FALSE(parse_central_directory_header(central.first(size))) << size;
    }
    const auto header = parse_central_directory_header(central);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->header_size, 46U + 8 + 9);
    EXPECT_EQ(header->name, "name.txt");
    EXPECT_EQ(header->mtime_unix_s, 1'700'000'000);
    EXPECT_EQ(header->external_attributes, 0100644U << 16);
}

}  // namespace
}  // namespace zip
