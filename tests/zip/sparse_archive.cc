#include "sparse_archive.h"

#include <algorithm>

#include "zip/crc32.h"

namespace zip_test {
namespace {

// By doubling: the CRC of n zeros.
std::uint32_t zeros_crc(std::uint64_t n) {
    const std::byte zero{};
    std::uint32_t crc = 0;
    std::uint32_t power = zip::crc32_update(0, {&zero, 1});
    std::uint64_t length = 1;
    for (; n != 0; n >>= 1) {
        if ((n & 1) != 0) crc = zip::crc32_combine(crc, power, length);
        power = zip::crc32_combine(power, power, length);
        length *= 2;
    }
    return crc;
}

base::Bytes writable(std::string& text) {
    return {reinterpret_cast<std::byte*>(text.data()), text.size()};
}

}  // namespace

SparseArchive::SparseArchive(const std::vector<File>& files) {
    std::vector<zip::Entry> entries;
    std::vector<std::uint32_t> crcs;
    for (const File& file : files) {
        const std::uint64_t size = file.zeros != 0 ? file.zeros : file.data.size();
        entries.push_back({.name = file.name, .size = size, .mtime_unix_s = 1'700'000'000});
        crcs.push_back(file.zeros != 0 ? zeros_crc(file.zeros)
                                       : zip::crc32_update(0, base::as_bytes(file.data)));
    }
    const zip::SpanEntryList list(entries);
    const zip::Layout layout = *zip::Layout::create(list);
    size_ = layout.archive_size();
    for (std::size_t i = 0; i < files.size(); ++i) {
        std::string header(layout.header_size(i), '\0');
        zip::encode_local_file_header(entries[i], crcs[i], writable(header));
        islands_[layout.header_offset(i)] = header + files[i].data;
    }
    std::string end(size_ - layout.cd_offset(), '\0');
    zip::CentralDirectory(layout, list, crcs).read(layout.cd_offset(), writable(end));
    islands_[layout.cd_offset()] = end;
}

std::string SparseArchive::read(zip::ByteRange range) const {
    std::string bytes(range.size, '\0');
    for (const auto& [at, island] : islands_) {
        const std::uint64_t begin = std::max(at, range.offset);
        const std::uint64_t end = std::min(at + island.size(), range.offset + range.size);
        if (begin < end) {
            bytes.replace(begin - range.offset, end - begin, island, begin - at, end - begin);
        }
    }
    return bytes;
}

bool SparseArchive::is_zero(zip::ByteRange range) const {
    return std::ranges::none_of(islands_, [&](const auto& island) {
        return island.first < range.offset + range.size &&
               range.offset < island.first + island.second.size();
    });
}

void SparseArchive::split(std::uint64_t at) {
    auto island = islands_.lower_bound(at);
    if (island == islands_.begin()) return;
    --island;
    const std::uint64_t offset = at - island->first;
    if (offset >= island->second.size()) return;
    islands_[at] = island->second.substr(offset);
    island->second.resize(offset);
}

void SparseArchive::shift(std::uint64_t from, std::int64_t by) {
    std::map<std::uint64_t, std::string> moved;
    for (auto& [at, island] : islands_) {
        moved[at < from ? at : at + static_cast<std::uint64_t>(by)] = std::move(island);
    }
    islands_ = std::move(moved);
}

void SparseArchive::flip(std::uint64_t bit) {
    std::string byte = read({bit / 8, 1});
    byte[0] = static_cast<char>(byte[0] ^ (1 << bit % 8));
    overwrite(bit / 8, byte);
}

void SparseArchive::truncate(std::uint64_t size) {
    split(size);
    islands_.erase(islands_.lower_bound(size), islands_.end());
    size_ = size;
}

void SparseArchive::remove(zip::ByteRange range) {
    const std::uint64_t end = range.offset + range.size;
    split(range.offset);
    split(end);
    islands_.erase(islands_.lower_bound(range.offset), islands_.lower_bound(end));
    shift(end, -static_cast<std::int64_t>(range.size));
    size_ -= range.size;
}

void SparseArchive::insert(std::uint64_t at, const std::string& bytes) {
    split(at);
    shift(at, static_cast<std::int64_t>(bytes.size()));
    islands_[at] = bytes;
    size_ += bytes.size();
}

void SparseArchive::overwrite(std::uint64_t at, const std::string& bytes) {
    remove({at, bytes.size()});
    insert(at, bytes);
}

Verdict verify(const SparseArchive& archive, VerifyShape shape) {
    zip::Verifier verifier(archive.size(), shape.options);
    while (const auto range = verifier.next_range())
        verifier.feed(base::as_bytes(archive.read(*range)));
    zip::BodyPlan plan(verifier, shape.piece);
    zip::BodyTally tally(verifier);
    Verdict verdict;
    const std::uint32_t zero_piece_crc = zeros_crc(shape.piece);
    while (const auto piece = plan.next()) {
        ++verdict.pieces;
        if (piece->kind == zip::BodyPiece::Kind::tail && piece->range.size == shape.piece &&
            archive.is_zero(piece->range)) {
            tally.add({*piece, zero_piece_crc, {}});
            continue;
        }
        zip::PieceScanner scanner(verifier, *piece);
        scanner.feed(base::as_bytes(archive.read(piece->range)));
        tally.add(scanner.finish());
    }
    verdict.findings = tally.findings();
    verdict.entries = verifier.count();
    if (verifier.has_directory()) verdict.crc = tally.crc32();
    return verdict;
}

}  // namespace zip_test
