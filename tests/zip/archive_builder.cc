#include "archive_builder.h"

#include <gtest/gtest.h>
#include <algorithm>
#include <cstring>

#include "zip/crc32.h"

namespace zip_test {

std::vector<zip::Entry> to_entries(const std::vector<File>& files) {
    std::vector<zip::Entry> entries;
    for (const File& file : files) {
        const bool directory = file.name.ends_with('/');
        entries.push_back({file.name, file.data.size(), file.mtime_unix_s,
                           directory ? zip::kDirectoryMode : zip::kFileMode, directory});
    }
    return entries;
}

std::vector<std::uint32_t> crcs_of(const std::vector<File>& files) {
    std::vector<std::uint32_t> crcs;
    for (const File& file : files) crcs.push_back(zip::crc32_update(0, base::as_bytes(file.data)));
    return crcs;
}

std::string build_archive(const std::vector<File>& files, std::string_view comment) {
    const std::vector<zip::Entry> entries = to_entries(files);
    const std::vector<std::uint32_t> crcs = crcs_of(files);
    const zip::SpanEntryList list(entries);
    const auto layout = zip::Layout::create(list, {.comment_size = comment.size()});
    EXPECT_TRUE(layout.has_value());
    std::string archive(layout->archive_size(), '\xEE');
    const base::Bytes out{reinterpret_cast<std::byte*>(archive.data()), archive.size()};
    for (std::size_t i = 0; i < files.size(); ++i) {
        zip::encode_local_file_header(
            entries[i], crcs[i], out.subspan(layout->header_offset(i), layout->header_size(i)));
        std::ranges::copy(base::as_bytes(files[i].data),
                          out.subspan(layout->data_offset(i)).begin());
    }
    zip::CentralDirectory directory(*layout, list, crcs, comment);
    directory.read(layout->cd_offset(), out.subspan(layout->cd_offset()));
    return archive;
}

Verdict verify(std::string_view archive, std::size_t piece, std::uint64_t entries_each) {
    const base::ByteView bytes = base::as_bytes(archive);
    zip::Verifier verifier(archive.size());
    while (const auto range = verifier.next_range()) {
        verifier.feed(bytes.subspan(range->offset, range->size));
    }
    Verdict verdict;
    verdict.entries = verifier.count();
    verdict.findings.append(verifier.findings());
    for (std::uint64_t first = 0; first < verifier.count();) {
        const std::uint64_t last = first + std::min(entries_each, verifier.count() - first);
        zip::BodyScanner scanner(verifier, first, last);
        const zip::ByteRange range = scanner.range();
        for (std::uint64_t at = 0; at < range.size; at += piece) {
            scanner.feed(
                bytes.subspan(range.offset + at, std::min<std::uint64_t>(piece, range.size - at)));
        }
        scanner.finish();
        verdict.findings.append(scanner.findings());
        verdict.crc = zip::crc32_combine(verdict.crc, scanner.crc(), range.size);
        first = last;
    }
    verdict.crc = zip::crc32_combine(verdict.crc, verifier.directory_crc(),
                                     archive.size() - verifier.body_size());
    return verdict;
}

std::vector<File> sample_files() {
    return {
        {"a.txt", "hello\n"},
        {"empty", ""},
        {"dir/", ""},
        {"dir/\xC3\xA4\xE2\x82\xAC.bin", std::string(300, '\x7F')},  // "ä€", so the UTF-8 flag
        {"1980.txt", "the DOS epoch", 315'532'800},
        {"far.txt", "after 2038", 4'102'444'800},  // no extended timestamp
        {"before.txt", "before 1980", -86'400},
    };
}

}  // namespace zip_test
