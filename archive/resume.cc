#include "archive/resume.h"

#include <algorithm>

#include "zip/crc32.h"

namespace archive {
namespace {

// A record is read from a file: it is held against the plan before anybody relies on it.
bool fits(const Plan& plan, const PartRecord& record) {
    const std::size_t index = record.part.number - 1;  // of 0: none
    if (index >= plan.parts().size()) return false;
    const Part& part = plan.parts()[index];
    const zip::Layout& layout = plan.layout();
    return record.part.size == part.size() &&
           std::ranges::all_of(record.pieces, [&](const PieceCrc& piece) {
               if (piece.entry >= layout.count()) return false;
               const std::uint64_t size = layout.data_size(piece.entry);
               if (piece.offset > size || piece.length > size - piece.offset) return false;
               const std::uint64_t begin = layout.data_offset(piece.entry) + piece.offset;
               return begin >= part.begin && begin + piece.length <= part.end;
           });
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
