// Archives made to hurt: each is refused with a finding, in time and memory that are linear in
// what was read of it.
#include <gtest/gtest.h>
#include <algorithm>

#include "archive_builder.h"

namespace zip {
namespace {

base::Bytes writable(std::string& text) {
    return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

std::string local_header(const Entry& entry) {
    std::string bytes(local_file_header_size(entry), '\0');
    encode_local_file_header(entry, 0, writable(bytes));
    return bytes;
}

// A directory of headers that say what they like.
class Directory {
  public:
    void add(const Entry& entry, std::uint64_t local_offset) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + central_directory_header_size(entry, local_offset));
        encode_central_directory_header(entry, 0, local_offset, writable(bytes_).subspan(at));
        ++count_;
    }
    std::string archive(const std::string& body) const {
        const DirectoryExtent extent{count_, body.size(), bytes_.size()};
        std::string end(end_records_size(extent, 0), '\0');
        encode_end_records(extent, {}, writable(end));
        return body + bytes_ + end;
    }

  private:
    std::string bytes_;
    std::uint64_t count_ = 0;
};

bool says(const Findings& findings, std::string_view what) {
    return std::ranges::any_of(findings.list(),
                               [&](const Finding& finding) { return finding.what.contains(what); });
}

constexpr std::uint64_t kMany = 200'000;

TEST(HostileTest, AllEntriesWithTheSameLocalHeader) {
    const std::string body = local_header({.name = "0"});
    Directory directory;
    for (std::uint64_t i = 0; i < kMany; ++i) {
        const std::string name = std::to_string(i);
        directory.add({.name = name}, 0);
    }
    const auto verdict = zip_test::verify(directory.archive(body), {.piece = 8 << 20});
    EXPECT_EQ(verdict.entries, kMany);
    EXPECT_GE(verdict.findings.total(), kMany - 1);
    EXPECT_EQ(verdict.findings.list().size(), kFindingsMax);
    EXPECT_TRUE(says(verdict.findings, "same local header"));
    EXPECT_EQ(verdict.pieces, 1U);
}

// Each claims all that comes after it: read once all the same.
TEST(HostileTest, EntriesInsideOneAnother) {
    std::string body;
    Directory directory;
    constexpr std::uint64_t kCount = 2000;
    const std::uint64_t each = local_file_header_size({.name = "0000"});
    for (std::uint64_t i = 0; i < kCount; ++i) {
        const std::string name = std::to_string(1000 + i);
        const Entry entry{.name = name, .size = (kCount - 1 - i) * each};
        directory.add(entry, body.size());
        body += local_header(entry);
    }
    const auto verdict = zip_test::verify(directory.archive(body));
    EXPECT_EQ(verdict.findings.total(), kCount - 1);
    EXPECT_TRUE(says(verdict.findings, "comes after 0"));
}

TEST(HostileTest, TheSameNameAMillionTimes) {
    std::string body;
    Directory directory;
    const Entry entry{.name = "the same"};
    for (std::uint64_t i = 0; i < kMany; ++i) {
        directory.add(entry, body.size());
        body += local_header(entry);
    }
    const auto verdict = zip_test::verify(directory.archive(body));
    EXPECT_EQ(verdict.findings.total(), kMany - 1);
}

TEST(HostileTest, NamesOf64KiBMakeNoLongReport) {
    std::string body;
    Directory directory;
    for (int i = 0; i < 300; ++i) {
        std::string name;  // the deepest there may be, and twice
        while (name.size() < 65'000) name += std::to_string(i / 2) + "/";
        name += "\x01";
        const Entry entry{.name = name};
        directory.add(entry, body.size());
        body += local_header(entry);
    }
    const auto verdict = zip_test::verify(directory.archive(body));
    EXPECT_GE(verdict.findings.total(), 300U);
    for (const Finding& finding : verdict.findings.list()) {
        EXPECT_LE(finding.entry.size(), kFindingTextMax + 3);
        EXPECT_LE(finding.what.size(), kFindingTextMax + 3);
    }
}

// Nothing but an end record that promises more than anybody should read.
TEST(HostileTest, DirectoriesThatAreTooLarge) {
    struct Case {
        DirectoryExtent extent;
        const char* what;
    };
    const Case cases[] = {
        {{Verifier::kEntriesMax + 1, 0, 46 * (Verifier::kEntriesMax + 1)}, "no more than"},
        {{1, 0, Verifier::kDirectorySizeMax + 1}, "no more than"},
        {{1ULL << 60, 0, 1000}, "too small for the number"},
        {{0xFFFFFFFFFFFFFFFF, 5, 1ULL << 40}, "too small for the number"},
    };
    for (const Case& c : cases) {
        std::string tail(kTailSizeMax, '\0');
        const std::size_t size = end_records_size(c.extent, 0);
        encode_end_records(c.extent, {}, writable(tail).last(size));
        Verifier verifier(c.extent.cd_offset + c.extent.cd_size + size);
        if (verifier.next_range()->size < tail.size())
            tail = tail.substr(tail.size() - verifier.next_range()->size);
        verifier.feed(base::as_bytes(tail));
        EXPECT_FALSE(verifier.next_range()) << c.what;
        EXPECT_TRUE(says(verifier.findings(), c.what)) << c.what;
    }
}

TEST(HostileTest, MoreHeadersThanTheEndRecordSays) {
    std::string body;
    Directory directory;
    for (int i = 0; i < 5; ++i) {
        const std::string name = std::to_string(i);
        directory.add({.name = name}, body.size());
        body += local_header({.name = name});
    }
    std::string archive = directory.archive(body);
    for (const std::size_t at : {8U, 10U}) archive[archive.size() - kEndSize + at] = 2;
    EXPECT_TRUE(says(zip_test::verify(archive).findings, "more headers than the 2"));
    for (const std::size_t at : {8U, 10U}) archive[archive.size() - kEndSize + at] = 6;
    EXPECT_TRUE(says(zip_test::verify(archive).findings, "has 5 headers, the end record says 6"));
}

TEST(HostileTest, AnEndRecordInTheComment) {
    const std::string inner = zip_test::build_archive({{"b", "other"}});
    // Readers that look for the last signature see one archive, those that look for the first see
    // the other.
    std::string archive = zip_test::build_archive({{"a", "data"}}, inner);
    EXPECT_FALSE(zip_test::verify(archive).findings.empty());
    archive = zip_test::build_archive({{"a", "data"}}, "PK\5\6 and more");
    EXPECT_TRUE(says(zip_test::verify(archive).findings, "signature of an end record"));
}

TEST(HostileTest, HeadersOutOfOrder) {
    std::string body;
    Directory directory;
    const std::string first = local_header({.name = "a"});
    directory.add({.name = "b"}, first.size());
    directory.add({.name = "a"}, 0);
    body = first + local_header({.name = "b"});
    const auto verdict = zip_test::verify(directory.archive(body));
    EXPECT_EQ(verdict.findings.total(), 1U);
    EXPECT_TRUE(says(verdict.findings, "not in the order"));
}

}  // namespace
}  // namespace zip
