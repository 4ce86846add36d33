#include "s3sim/synthetic.h"

#include <sys/mman.h>
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kPoolSize = 64 << 20;
constexpr std::uint64_t kBlock = 1 << 20;
constexpr std::uint64_t kPoolSeed =
    0x53335A4950;  // part of what the keys of `challenge` are: never change it
constexpr std::uint64_t kAlignment = 64;

// Made once, never freed: bodies of any server may point into it.
const std::byte* pool() {
    static const std::byte* const made = [] {
        void* mapped =
            ::mmap(nullptr, kPoolSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(mapped != MAP_FAILED);
        ::madvise(mapped, kPoolSize, MADV_HUGEPAGE);
        auto* at = static_cast<std::byte*>(mapped);
        base::Random random(kPoolSeed);
        for (std::uint64_t i = 0; i < kPoolSize; i += 8) base::store_le(at + i, random.next());
        return at;
    }();
    return made;
}

class SyntheticBody final : public Body {
  public:
    SyntheticBody(std::uint64_t seed, std::uint64_t index, std::uint64_t size)
        : stream_(mix(seed ^ mix(index))), size_(size) {}
    std::uint64_t size() const override { return size_; }
    std::size_t gather(std::uint64_t offset, std::uint64_t length,
                       std::span<iovec> out) const override {
        std::size_t used = 0;
        while (length > 0 && used < out.size()) {
            const std::uint64_t block = offset / kBlock;
            const std::uint64_t skip = offset % kBlock;
            const std::uint64_t n = std::min(length, kBlock - skip);
            const std::uint64_t places = (kPoolSize - kBlock) / kAlignment + 1;
            const std::uint64_t place = mix(stream_ + block) % places * kAlignment;
            out[used++] = {const_cast<std::byte*>(pool() + place + skip), n};
            offset += n;
            length -= n;
        }
        return used;
    }

  private:
    std::uint64_t stream_;
    std::uint64_t size_;
};

base::Status bad_spec(std::string detail) {
    return base::fail(base::ErrorKind::invalid, "bad_synthetic_spec", std::move(detail));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    while (true) {
        const auto at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return pieces;
        text.remove_prefix(at + 1);
    }
}

struct Raw {
    std::uint64_t count = 0, size = 0, total = 0, scale = 1;
    std::vector<std::uint64_t> normal;  // mean, sigma, min, max
    bool challenge = false;
};

base::Status parse_field(std::string_view field, Raw& raw, SyntheticSpec& spec) {
    if (field == "challenge") {
        raw.challenge = true;
        return {};
    }
    const auto equals = std::min(field.find('='), field.size());
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(std::min(equals + 1, field.size()));
    const auto number = parse_size(value);
    if (name == "prefix") {
        spec.prefix = value;
    } else if (name == "sizes" && value.starts_with("normal:")) {
        for (const std::string_view piece : split(value.substr(7), ':')) {
            const auto n = parse_size(piece);
            if (!n) return bad_spec("sizes=normal:MEAN:SIGMA:MIN:MAX takes numbers");
            raw.normal.push_back(*n);
        }
        if (raw.normal.size() != 4) return bad_spec("sizes=normal needs MEAN:SIGMA:MIN:MAX");
    } else if (!number) {
        return bad_spec("'" + std::string(field) + "' is not NAME=NUMBER");
    } else if (name == "count") {
        raw.count = *number;
    } else if (name == "size") {
        raw.size = *number;
    } else if (name == "total") {
        raw.total = *number;
    } else if (name == "seed") {
        spec.seed = *number;
    } else if (name == "scale" && *number > 0) {
        raw.scale = *number;
    } else {
        return bad_spec("'" + std::string(field) + "' is unknown");
    }
    return {};
}

}  // namespace

base::Result<SyntheticSpec> parse_synthetic_spec(std::string_view text) {
    SyntheticSpec spec;
    Raw raw;
    for (const std::string_view field : split(text, ',')) {
        if (auto ok = parse_field(field, raw, spec); !ok) return std::unexpected(ok.error());
    }
    if (raw.challenge) {
        raw.count = 3000 / raw.scale;
        raw.total = 15'728'640'000 / raw.scale;
        raw.normal = {5 << 20, 1 << 20, 2 << 20, 8 << 20};
        spec.prefix = "files/";
        spec.keys_are_hashes = true;
    }
    if (raw.count == 0 || raw.count > 9'999'999'999)
        return std::unexpected(bad_spec("count=N is missing").error());
    spec.count = raw.count;
    spec.size = raw.size;
    if (raw.normal.empty()) return spec;
    auto sizes = normal_sizes(raw.count, raw.normal[0], raw.normal[1], raw.normal[2], raw.normal[3],
                              raw.total, spec.seed);
    if (!sizes) return std::unexpected(sizes.error());
    spec.sizes = std::move(*sizes);
    return spec;
}

base::Result<std::vector<std::uint64_t>> normal_sizes(std::uint64_t count, std::uint64_t mean,
                                                      std::uint64_t sigma, std::uint64_t min,
                                                      std::uint64_t max, std::uint64_t total,
                                                      std::uint64_t seed) {
    if (min > max || (total != 0 && (total < count * min || total > count * max))) {
        return std::unexpected(bad_spec("no sizes between MIN and MAX have that total").error());
    }
    base::Random random(seed ^ 0x73697A6573);
    std::vector<std::uint64_t> sizes(count);
    std::uint64_t sum = 0;
    for (std::uint64_t& size : sizes) {
        // Twelve uniforms of [0, 2^16): mean 6 * 2^16, deviation 2^16 (both to within a half).
        std::int64_t units = -6 * 65536;
        for (int i = 0; i < 12; ++i) units += static_cast<std::int64_t>(random.below(65536));
        const auto drawn =
            static_cast<std::int64_t>(mean) + static_cast<std::int64_t>(sigma) * units / 65536;
        size = static_cast<std::uint64_t>(
            std::clamp(drawn, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max)));
        sum += size;
    }
    while (total != 0 &&
           sum != total) {  // spread what is missing or too much evenly, within the bounds
        const std::uint64_t off = sum < total ? total - sum : sum - total;
        const std::uint64_t step = (off + count - 1) / count;
        for (std::uint64_t& size : sizes) {
            if (sum < total) {
                const std::uint64_t n = std::min({step, max - size, total - sum});
                size += n;
                sum += n;
            } else {
                const std::uint64_t n = std::min({step, size - min, sum - total});
                size -= n;
                sum -= n;
            }
        }
    }
    return sizes;
}

std::shared_ptr<const Body> make_synthetic_body(std::uint64_t seed, std::uint64_t index,
                                                std::uint64_t size) {
    return std::make_shared<SyntheticBody>(seed, index, size);
}

}  // namespace s3sim
