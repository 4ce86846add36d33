// Every single flipped bit of an archive is found by the verifier: no bit of a record is
// unprotected.
#include <gtest/gtest.h>
#include <string>

#include "archive_builder.h"

namespace zip {
namespace {

std::string flipped(std::string text, std::size_t bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    return text;
}

TEST(Corruption, EveryFlippedBitIsFound) {
    const std::string archive = zip_test::build_archive(zip_test::sample_files());
    for (std::size_t bit = 0; bit < archive.size() * 8; ++bit) {
        ASSERT_FALSE(zip_test::verify(flipped(archive, bit)).findings.empty())
            << "byte " << bit / 8 << " bit " << bit % 8;
    }
}

const Entry kHuge{.name = "huge.bin", .size = 0x123456789AB, .mtime_unix_s = 1'700'000'000};
constexpr std::uint64_t kOffset = 0x0FEDCBA98765;

TEST(Corruption, EveryFlippedBitOfAZip64LocalHeaderIsFound) {
    std::string local(local_file_header_size(kHuge), '\0');
    encode_local_file_header(kHuge, 0xCAFEF00D,
                             {reinterpret_cast<std::byte*>(local.data()), local.size()});
    std::string central(central_directory_header_size(kHuge, kOffset), '\0');
    encode_central_directory_header(kHuge, 0xCAFEF00D, kOffset,
                                    {reinterpret_cast<std::byte*>(central.data()), central.size()});
    const auto directory = parse_central_directory_header(base::as_bytes(central));
    ASSERT_TRUE(directory);
    for (std::size_t bit = 0; bit < local.size() * 8; ++bit) {
        const std::string damaged = flipped(local, bit);
        const auto parsed = parse_local_file_header(base::as_bytes(damaged));
        Findings findings;
        if (parsed) compare(*parsed, *directory, 0, findings);
        ASSERT_TRUE(!parsed || !findings.empty()) << "byte " << bit / 8 << " bit " << bit % 8;
    }
}

TEST(Corruption, EveryFlippedBitOfAZip64CentralHeaderIsFound) {
    std::string local(local_file_header_size(kHuge), '\0');
    encode_local_file_header(kHuge, 0xCAFEF00D,
                             {reinterpret_cast<std::byte*>(local.data()), local.size()});
    const auto parsed_local = parse_local_file_header(base::as_bytes(local));
    ASSERT_TRUE(parsed_local);
    std::string central(central_directory_header_size(kHuge, kOffset), '\0');
    encode_central_directory_header(kHuge, 0xCAFEF00D, kOffset,
                                    {reinterpret_cast<std::byte*>(central.data()), central.size()});
    for (std::size_t bit = 0; bit < central.size() * 8; ++bit) {
        const std::string damaged = flipped(central, bit);
        const auto parsed = parse_central_directory_header(base::as_bytes(damaged));
        Findings findings;
        if (parsed) {
            check(*parsed, 0, {}, findings);
            compare(*parsed_local, *parsed, 0, findings);
        }
        const bool found = !parsed || !findings.empty() || parsed->local_offset != kOffset ||
                           parsed->header_size != central.size();
        ASSERT_TRUE(found) << "byte " << bit / 8 << " bit " << bit % 8;
    }
}

TEST(Corruption, EveryFlippedBitOfTheZip64EndRecordsIsFound) {
    std::vector<zip_test::File> files(65'535);
    for (std::size_t i = 0; i < files.size(); ++i) files[i].name = std::to_string(i);
    const std::string archive = zip_test::build_archive(files);
    const std::size_t end_size = kZip64EndSize + kZip64LocatorSize + kEndSize;
    const std::size_t end_at = archive.size() - end_size;
    const DirectoryExtent extent =
        find_end_records(base::as_bytes(archive), archive.size())->extent;
    for (std::size_t bit = end_at * 8; bit < archive.size() * 8; ++bit) {
        const std::string tail = flipped(archive.substr(end_at), bit - end_at * 8);
        const auto end = find_end_records(base::as_bytes(tail), archive.size());
        const bool same =
            end && end->extent.entries == extent.entries && end->extent.cd_size == extent.cd_size &&
            end->extent.cd_offset == extent.cd_offset && end->version_made_by == 0x032D;
        ASSERT_FALSE(same) << "byte " << bit / 8 - end_at << " bit " << bit % 8;
    }
}

}  // namespace
}  // namespace zip
