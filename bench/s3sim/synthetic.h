// Synthetic buckets: any number of objects of any size at no cost in memory. An object's bytes are
// slices of one pool of random bytes shared by the whole process, one slice a MiB, chosen by (seed,
// index, block); so any offset is O(1), and GETs are sent straight from the pool. All is
// deterministic: sizes, keys, ETags, dates.
//
//   count=N,size=BYTES[,prefix=files/][,seed=S]                     equal sizes; keys are prefix +
//   ten digits count=N,sizes=normal:MEAN:SIGMA:MIN:MAX[,total=T][,prefix=][,seed=]
//   challenge[,scale=D]    3,000/D objects of 15,728,640,000/D bytes in all, normal(5 MiB, 1 MiB)
//   within 2..8 MiB,
//                          key = files/ + SHA-256 of the content (computed at start, or read from
//                          the cache file)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "s3sim/body.h"

namespace s3sim {

struct SyntheticSpec {
    std::uint64_t count = 0;
    std::uint64_t size = 0;            // when all are equal
    std::vector<std::uint64_t> sizes;  // else one for each
    std::string prefix;
    std::uint64_t seed = 1;
    bool keys_are_hashes = false;

    std::uint64_t size_of(std::uint64_t index) const { return sizes.empty() ? size : sizes[index]; }
};

base::Result<SyntheticSpec> parse_synthetic_spec(std::string_view text);

// `total` bytes over `count` sizes, about normal (a sum of twelve uniforms: the same on every
// machine), within [min, max]; 0 for total leaves the sum as drawn.
base::Result<std::vector<std::uint64_t>> normal_sizes(std::uint64_t count, std::uint64_t mean,
                                                      std::uint64_t sigma, std::uint64_t min,
                                                      std::uint64_t max, std::uint64_t total,
                                                      std::uint64_t seed);

std::shared_ptr<const Body> make_synthetic_body(std::uint64_t seed, std::uint64_t index,
                                                std::uint64_t size);

}  // namespace s3sim
