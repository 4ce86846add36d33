// Where an archive is cut into parts: a pure function of its layout and the part size. The
// archive's bytes do not depend on it.
//
// PartLayout::entries: parts end where entries end. Small entries are grouped until a part is full;
// an entry larger than a part gets parts of its own, from its header to its last byte. The central
// directory is in the last part, with the entries that were left over.
//
// PartLayout::uniform: every cut is a multiple of one part size, whatever is there: data, a
// LocalFileHeader, the central directory. The last part has the rest, at least one byte.
//
// A LocalFileHeader holds the CRC of all data of its entry. A part that holds header bytes of an
// entry whose data continues past the part therefore waits for the parts that hold nothing but data
// of this entry. Those wait for nothing, so waits never form a chain. With uniform cuts the data
// can also end in a part that begins with it and holds other entries, which may wait themselves:
// that remainder is read a second time (Plan::rest_of).
#pragma once

#include <cstdint>
#include <vector>

#include "archive/part_layout.h"
#include "base/error.h"
#include "zip/layout.h"

namespace archive {

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
inline constexpr std::uint64_t kPartSizeMin = 5ULL << 20;  // of all parts but the last
inline constexpr std::uint64_t kPartSizeMax = 5ULL << 30;
inline constexpr std::uint64_t kPartsMax = 10'000;

// The bytes [begin, end) of the archive.
struct Part {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    // Indices [awaited_begin, awaited_end) of the parts that this part waits for. Both 0: none.
    std::uint32_t awaited_begin = 0;
    std::uint32_t awaited_end = 0;

    std::uint64_t size() const { return end - begin; }
    bool waits() const { return awaited_begin < awaited_end; }
};

struct Parts {
    std::vector<Part> parts;
    std::size_t tail =
        0;  // index of the first part that holds central directory; parts from here on come last
    std::uint64_t cut_bytes = 0;  // the size they were cut with: `size_max` or `part_size`
    PartLayout layout = PartLayout::entries;
};

// PartLayout::entries. No part is larger than `size_max` (at least 2 * kPartSizeMin), none but the
// last smaller than kPartSizeMin. One exception: with a `size_max` less than a LocalFileHeader
// above its least, a part may be larger by that header, where what precedes it and what follows it
// are each too short for a part of their own.
Parts split_into_parts(const zip::Layout& layout, std::uint64_t size_max);

// PartLayout::uniform. `part_size` is at least kPartSizeMin.
Parts split_uniformly(const zip::Layout& layout, std::uint64_t part_size);

// Whether all parts but the last have one size and the last is no larger.
bool are_uniform(const std::vector<Part>& parts);

struct PartSizing {
    std::uint64_t requested = 0;   // by the user; 0: choose
    std::uint64_t preferred = 0;   // what to choose unless the archive needs larger parts
    std::uint64_t memory_max = 0;  // a part must fit
    PartLayout layout = PartLayout::entries;  // automatic: as entries
    // uniform: at least so many parts, as far as kPartSizeMin allows. A second attempt is made with
    // the number of parts of the first, so its parts are not larger than those of the first.
    std::uint64_t parts_min = 0;
};
// Splits with the smallest size from the preferred one up that gives at most kPartsMax parts.
// Errors: exhausted, naming what would do, if that does not fit into memory or S3; invalid if the
// user asked for too small parts.
base::Result<Parts> plan_parts(const zip::Layout& layout, const PartSizing& sizing);

}  // namespace archive
