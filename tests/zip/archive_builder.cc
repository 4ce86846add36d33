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

Verdict verify(std::string_view archive, VerifyShape shape) {
    const base::ByteView bytes = base::as_bytes(archive);
    const auto feed_pieces = [&](zip::ByteRange range, auto& to) {
        for (std::uint64_t at = 0; at < range.size; at += shape.feed) {
            to.feed(bytes.subspan(range.offset + at,
                                  std::min<std::uint64_t>(shape.feed, range.size - at)));
        }
    };
    zip::Verifier verifier(archive.size(), shape.options);
    while (const auto range = verifier.next_range())
        verifier.feed(bytes.subspan(range->offset, std::min(range->size, shape.feed)));
    zip::BodyPlan plan(verifier, shape.piece);
    zip::BodyTally tally(verifier);
    std::vector<zip::PieceResult> results;
    while (const auto piece = plan.next()) {
        zip::PieceScanner scanner(verifier, *piece);
        feed_pieces(piece->range, scanner);
        results.push_back(scanner.finish());
    }
    if (shape.backwards) std::ranges::reverse(results);
    for (zip::PieceResult& result : results) tally.add(std::move(result));
    Verdict verdict;
    verdict.findings = tally.findings();
    verdict.entries = verifier.count();
    verdict.pieces = results.size();
    if (verifier.has_directory()) verdict.crc = tally.crc32();
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
