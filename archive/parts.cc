#include "archive/parts.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"

namespace archive {
namespace {

// Cuts from `begin_` on; keeps the parts in order.
class Cutter {
  public:
    explicit Cutter(std::vector<Part>& parts) : parts_(parts) {}
    std::uint64_t begin() const { return begin_; }
    std::size_t count() const { return parts_.size(); }
    void cut(std::uint64_t end) {
        CHECK(end > begin_);
        parts_.push_back({begin_, end});
        begin_ = end;
    }

  private:
    std::vector<Part>& parts_;
    std::uint64_t begin_ = 0;
};

// The group of an entry that does not fit one part. `fill` is where a part counts as full.
void cut_group(Cutter& cutter, const zip::Layout& layout, std::uint64_t entry, std::uint64_t fill) {
    // A first part that is large enough without it needs none of the entry, and then does not wait
    // for it.
    if (layout.header_offset(entry) - cutter.begin() >= kPartSizeMin)
        cutter.cut(layout.header_offset(entry));
    const std::uint64_t end = layout.end(entry);
    // Never within the header: it is written in one piece.
    std::uint64_t at = std::max(cutter.begin() + fill, layout.data_offset(entry));
    // A tail too short for a part of its own goes to the part before it.
    for (; at < end && end - at >= kPartSizeMin; at += fill) cutter.cut(at);
    cutter.cut(end);
}

// Which parts wait, and for which. At most one entry of a part has header bytes in it and data past
// it: the last.
void find_waits(const zip::Layout& layout, std::vector<Part>& parts) {
    for (std::size_t p = 0; p < parts.size() && parts[p].begin < layout.cd_offset(); ++p) {
        Part& part = parts[p];
        const std::uint64_t entry = layout.entry_at(std::min(part.end, layout.cd_offset()) - 1);
        const std::uint64_t data = layout.data_offset(entry);
        if (data <= part.begin || layout.end(entry) <= part.end) continue;
        std::size_t q = p + 1;
        while (q < parts.size() && parts[q].begin < data) ++q;  // the rest of a cut header
        const std::size_t first = q;
        while (q < parts.size() && parts[q].end <= layout.end(entry)) ++q;
        if (q == first) continue;
        part.awaited_begin = static_cast<std::uint32_t>(first);
        part.awaited_end = static_cast<std::uint32_t>(q);
    }
}

base::Result<Parts> check_memory(Parts parts, const PartSizing& sizing) {
    const std::uint64_t largest = std::ranges::max(parts.parts, {}, &Part::size).size();
    if (largest <= sizing.memory_max) return parts;
    return base::fail(base::ErrorKind::exhausted, "memory",
                      fmt::format("this archive needs parts of {} MiB, and a reactor has {} MiB of "
                                  "part memory: raise --memory or lower --reactors",
                                  (largest + (1 << 20) - 1) >> 20, sizing.memory_max >> 20));
}

}  // namespace

Parts split_into_parts(const zip::Layout& layout, std::uint64_t size_max) {
    CHECK(size_max >= 2 * kPartSizeMin);
    // A part may grow by one that is too short to stand alone, and still not pass size_max.
    const std::uint64_t fill = size_max - kPartSizeMin;
    Parts result;
    result.cut_bytes = size_max;
    Cutter cutter(result.parts);
    for (std::uint64_t i = 0; i < layout.count(); ++i) {
        const std::uint64_t header = layout.header_offset(i);
        const std::uint64_t end = layout.end(i);
        if (end - header > fill) {
            cut_group(cutter, layout, i, fill);
            continue;
        }
        if (end - cutter.begin() > size_max) cutter.cut(header);
        if (end - cutter.begin() >= fill) cutter.cut(end);
    }
    // Entries left over stand alone if they can, so that they do not wait for the central
    // directory.
    if (layout.cd_offset() - cutter.begin() >= kPartSizeMin) cutter.cut(layout.cd_offset());
    result.tail = cutter.count();
    while (layout.archive_size() - cutter.begin() > size_max) cutter.cut(cutter.begin() + fill);
    cutter.cut(layout.archive_size());
    find_waits(layout, result.parts);
    return result;
}

Parts split_uniformly(const zip::Layout& layout, std::uint64_t part_size) {
    CHECK(part_size >= kPartSizeMin);
    Parts result;
    result.cut_bytes = part_size;
    result.layout = PartLayout::uniform;
    Cutter cutter(result.parts);
    while (layout.archive_size() - cutter.begin() > part_size)
        cutter.cut(cutter.begin() + part_size);
    cutter.cut(layout.archive_size());
    result.tail = layout.cd_offset() / part_size;
    find_waits(layout, result.parts);
    return result;
}

bool are_uniform(const std::vector<Part>& parts) {
    return parts.empty() || std::ranges::all_of(parts, [&](const Part& part) {
               return part.size() == parts.front().size() ||
                      (&part == &parts.back() && part.size() < parts.front().size());
           });
}

namespace {

std::unexpected<base::Error> too_many_parts(const zip::Layout& layout, std::uint64_t part_size) {
    return base::fail(base::ErrorKind::invalid, "part_size",
                      fmt::format("an archive of {} bytes in parts of {} bytes has more than {} "
                                  "parts",
                                  layout.archive_size(), part_size, kPartsMax));
}

std::unexpected<base::Error> too_large(const zip::Layout& layout) {
    return base::fail(base::ErrorKind::exhausted, "archive_too_large",
                      fmt::format("an archive of {} bytes does not fit into {} parts of 5 GiB",
                                  layout.archive_size(), kPartsMax));
}

base::Result<Parts> plan_uniform_parts(const zip::Layout& layout, const PartSizing& sizing) {
    constexpr std::uint64_t kStep = 1 << 20;  // part memory is reserved in blocks of 1 MiB
    const std::uint64_t least = (layout.archive_size() + kPartsMax - 1) / kPartsMax;
    std::uint64_t size = std::max(sizing.requested, kPartSizeMin);
    if (sizing.requested == 0) {
        size = std::max({sizing.preferred, least, kPartSizeMin});
        size = std::min((size + kStep - 1) / kStep * kStep, kPartSizeMax);
    }
    if (sizing.parts_min != 0) {
        const std::uint64_t average = layout.archive_size() / sizing.parts_min / kStep * kStep;
        size = std::min(size, std::max({average, least, kPartSizeMin}));
    }
    if (size < least)
        return sizing.requested != 0 ? too_many_parts(layout, size) : too_large(layout);
    return check_memory(split_uniformly(layout, size), sizing);
}

}  // namespace

base::Result<Parts> plan_parts(const zip::Layout& layout, const PartSizing& sizing) {
    if (sizing.layout == PartLayout::uniform) return plan_uniform_parts(layout, sizing);
    const std::uint64_t wanted = sizing.requested != 0 ? sizing.requested : sizing.preferred;
    std::uint64_t size_max = std::max(wanted, 2 * kPartSizeMin);
    for (;;) {
        // A lower bound first, so that hopeless sizes are not tried one by one.
        const std::uint64_t needed = layout.archive_size() / kPartsMax + 1;
        size_max = std::max(size_max, std::min(needed, kPartSizeMax));
        if (sizing.requested == 0 || size_max <= std::max(sizing.requested, 2 * kPartSizeMin)) {
            Parts parts = split_into_parts(layout, size_max);
            if (parts.parts.size() <= kPartsMax) return check_memory(std::move(parts), sizing);
        }
        if (sizing.requested != 0) return too_many_parts(layout, sizing.requested);
        if (size_max >= kPartSizeMax) return too_large(layout);
        size_max = std::min(kPartSizeMax, size_max + size_max / 8);
    }
}

}  // namespace archive
