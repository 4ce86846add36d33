// Where an archive is cut into parts: a pure function of its layout and the part size.
//
// Parts end where entries end. Small entries are grouped until a part is full; an entry larger than
// a part gets a group of parts that begins at its header and ends at its last byte. So no part
// needs anything from another, except a group's first: it holds the LocalFileHeader, and the CRC in
// there is known when the rest of the group has been read. The central directory rides in the last
// part, with what was left over.
#pragma once

#include <cstdint>
#include <vector>

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
    // Part index of the last part that holds data of the entry whose header is here and whose data
    // goes beyond; 0: none, the part is complete in itself.
    std::uint32_t group_end = 0;

    std::uint64_t size() const { return end - begin; }
    bool waits() const { return group_end != 0; }
};

struct Parts {
    std::vector<Part> parts;
    std::size_t tail =
        0;  // index of the first part that holds central directory; parts from here on come last
    std::uint64_t cut_bytes = 0;  // the `size_max` they were cut with
};

// No part is larger than `size_max` (at least 2 * kPartSizeMin), none but the last smaller than
// kPartSizeMin. One exception: with a `size_max` less than a LocalFileHeader above its least, a
// part may be larger by that header, where what precedes it and what follows it are each too short
// for a part of their own.
Parts split_into_parts(const zip::Layout& layout, std::uint64_t size_max);

struct PartSizing {
    std::uint64_t requested = 0;   // by the user; 0: choose
    std::uint64_t preferred = 0;   // what to choose unless the archive needs larger parts
    std::uint64_t memory_max = 0;  // a part must fit
};
// Splits with the smallest size from the preferred one up that gives at most kPartsMax parts.
// Errors: exhausted, naming what would do, if that does not fit into memory or S3; invalid if the
// user asked for too small parts.
base::Result<Parts> plan_parts(const zip::Layout& layout, const PartSizing& sizing);

}  // namespace archive
