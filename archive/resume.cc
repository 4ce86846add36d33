#include "archive/resume.h"

#include <algorithm>

#include "zip/crc32.h"

namespace archive {
namespace {

// Data bytes of all entries in the part.
std::uint64_t data_bytes_in(const zip::Layout& layout, const Part& part) {
    std::uint64_t bytes = 0;
    const std::uint64_t end = std::min(part.end, layout.cd_offset());
    if (part.begin >= end) return 0;
    for (std::uint64_t i = layout.entry_at(part.begin);
         i < layout.count() && layout.header_offset(i) < end; ++i) {
        const std::uint64_t data_begin = std::max(layout.data_offset(i), part.begin);
        const std::uint64_t data_end = std::min(layout.end(i), end);
        if (data_begin < data_end) bytes += data_end - data_begin;
    }
    return bytes;
}

// A record is read from a file. It is used only if its pieces are all data of its part, once and in
// order, and otherwise runs of the entry that continues past the part.
bool fits(const Plan& plan, const PartRecord& record) {
    const std::size_t index = record.part.number - 1;  // of 0: none
    if (index >= plan.parts().size()) return false;
    const Part& part = plan.parts()[index];
    if (record.part.size != part.size()) return false;
    const zip::Layout& layout = plan.layout();
    const Plan::Rest rest = plan.rest_of(index);
    const auto is_of_rest = [&](const PieceCrc& piece) {
        return piece.entry == rest.entry && std::ranges::any_of(rest.runs, [&](const RestRun& run) {
                   return piece.offset == run.offset && piece.length == run.length;
               });
    };
    std::uint64_t at = part.begin;
    std::uint64_t bytes = 0;
    for (const PieceCrc& piece : record.pieces) {
        if (is_of_rest(piece)) continue;
        if (piece.entry >= layout.count()) return false;
        const std::uint64_t size = layout.data_size(piece.entry);
        if (piece.offset > size || piece.length > size - piece.offset) return false;
        const std::uint64_t begin = layout.data_offset(piece.entry) + piece.offset;
        if (begin < at || begin + piece.length > part.end) return false;
        at = begin + piece.length;
        bytes += piece.length;
    }
    return bytes == data_bytes_in(layout, part);
}

}  // namespace

Resumption resume_plan(const JobHistory& history, const ArchiveRequest& request,
                       std::uint64_t memory_max) {
    Resumption resumption;
    if (!history.manifest) return resumption;
    auto plan = Plan::make_again(history.manifest, request, history.plan, memory_max);
    if (!plan) {
        resumption.why_not = plan.error().detail;
        return resumption;
    }
    resumption.plan = std::move(*plan);
    for (const PartRecord& record : history.parts) {
        if (fits(*resumption.plan, record)) resumption.parts.push_back(record);
    }
    const auto number = [](const PartRecord& record) { return record.part.number; };
    std::ranges::sort(resumption.parts, {}, number);
    const auto same = std::ranges::unique(resumption.parts, {}, number);
    resumption.parts.erase(same.begin(), same.end());
    return resumption;
}

std::optional<std::uint32_t> crc32_of_all(const Plan& plan, const std::vector<PartRecord>& parts) {
    if (parts.size() != plan.parts().size()) return std::nullopt;
    std::uint32_t crc = 0;
    for (const PartRecord& record : parts)
        crc = zip::crc32_combine(crc, record.part.crc32, record.part.size);
    return crc;
}

}  // namespace archive
