// The bucket over a SyntheticSpec: keys derivable from the index, so a listing of millions costs no
// memory; only keys that are hashes of contents are kept, sorted.
#include <fmt/format.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "base/encoding.h"
#include "s3sim/bucket.h"
#include "s3sim/checksum.h"
#include "s3sim/numbers.h"
#include "s3sim/synthetic.h"

namespace s3sim {
namespace {

constexpr auto kLastModified =
    std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + std::chrono::hours(3);

struct HashKey {
    std::string hash;
    std::uint64_t index = 0;
};

class SyntheticBucket final : public Bucket {
  public:
    SyntheticBucket(SyntheticSpec spec, std::vector<HashKey> hashes)
        : spec_(std::move(spec)), hashes_(std::move(hashes)) {
        created = kLastModified;
    }

    ObjectRef find(std::string_view key) override {
        const std::uint64_t rank = lower_bound(key);
        if (rank == spec_.count || key_at(rank) != key) return nullptr;
        const std::uint64_t index = index_at(rank);
        auto object = std::make_shared<Object>();
        object->size = spec_.size_of(index);
        object->etag = etag_of(index);
        object->last_modified = kLastModified;
        object->generation = 1;
        object->body = make_synthetic_body(spec_.seed, index, object->size);
        return object;
    }
    bool next(std::string_view from, bool inclusive, Entry& entry) override {
        std::uint64_t rank = lower_bound(from);
        if (rank < spec_.count && !inclusive && key_at(rank) == from) ++rank;
        if (rank >= spec_.count) return false;
        const std::uint64_t index = index_at(rank);
        entry = {
            key_at(rank), spec_.size_of(index), etag_of(index), kLastModified, "STANDARD", {}, {}};
        return true;
    }
    bool is_empty() override { return false; }
    bool writable() const override { return false; }
    Answered<std::string> put(std::string_view, Object, const PutCondition&) override {
        return read_only();
    }
    Answered<Removed> remove(std::string_view, std::string_view, base::UtcTime) override {
        return read_only();
    }
    base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t) override {
        return make_discarding_writer();
    }
    base::Result<Stored> join(std::span<const Stored>) override { return Stored{}; }

  private:
    static std::unexpected<Refusal> read_only() {
        return refuse(405, "MethodNotAllowed", "A synthetic bucket is read-only.");
    }

    std::string key_at(std::uint64_t rank) const {
        if (!hashes_.empty()) return spec_.prefix + hashes_[rank].hash;
        return fmt::format("{}{:010}", spec_.prefix, rank);
    }
    std::uint64_t index_at(std::uint64_t rank) const {
        return hashes_.empty() ? rank : hashes_[rank].index;
    }
    std::string etag_of(std::uint64_t index) const {
        const std::uint64_t word = mix(spec_.seed ^ mix(index));
        return fmt::format("{:016x}{:016x}", word, mix(word ^ spec_.size_of(index)));
    }
    // The first rank whose key is >= key.
    std::uint64_t lower_bound(std::string_view key) const {
        if (hashes_.empty() && key.size() == spec_.prefix.size() + 10 &&
            key.starts_with(spec_.prefix)) {
            if (const auto rank = parse_number(key.substr(spec_.prefix.size())))
                return std::min(*rank, spec_.count);
        }
        std::uint64_t low = 0;
        std::uint64_t high = spec_.count;
        while (low < high) {
            const std::uint64_t middle = low + (high - low) / 2;
            if (key_at(middle) < key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    const SyntheticSpec spec_;
    const std::vector<HashKey> hashes_;
};

std::string content_hash(const SyntheticSpec& spec, std::uint64_t index) {
    const auto body = make_synthetic_body(spec.seed, index, spec.size_of(index));
    Digest digest(DigestKind::sha256);
    const auto done =
        for_each_chunk(*body, 0, body->size(), [&](base::ByteView bytes) -> base::Status {
            digest.update(bytes);
            return {};
        });
    return done ? base::hex(base::as_bytes(digest.finish())) : std::string();
}

// The cache file: sections of "# SPEC" and one hash a line, by index.
bool read_cache(const std::string& file, const std::string& header, std::vector<HashKey>& keys) {
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line)) {
        if (line != header) continue;
        for (HashKey& key : keys) {
            if (!std::getline(in, key.hash) || key.hash.size() != 64) return false;
        }
        return true;
    }
    return false;
}

void compute_keys(const SyntheticSpec& spec, int threads, std::vector<HashKey>& keys) {
    std::atomic<std::uint64_t> next{0};
    std::vector<std::jthread> workers;
    for (int i = 0; i < std::max(threads, 1); ++i) {
        workers.emplace_back([&] {
            for (std::uint64_t index = next++; index < keys.size(); index = next++) {
                keys[index].hash = content_hash(spec, index);
            }
        });
    }
}

}  // namespace

base::Result<std::shared_ptr<Bucket>> make_synthetic_bucket(std::string_view text,
                                                            std::string_view cache_file,
                                                            int threads) {
    auto spec = parse_synthetic_spec(text);
    if (!spec) return std::unexpected(spec.error());
    std::vector<HashKey> keys;
    if (spec->keys_are_hashes) {
        keys.resize(spec->count);
        for (std::uint64_t i = 0; i < keys.size(); ++i) keys[i].index = i;
        const std::string file(cache_file);
        const std::string header = fmt::format("# s3sim 1 {}", text);
        if (file.empty() || !read_cache(file, header, keys)) {
            compute_keys(*spec, threads, keys);
            if (!file.empty()) {
                std::ofstream out(file, std::ios::app);
                out << header << '\n';
                for (const HashKey& key : keys) out << key.hash << '\n';
                if (!out.flush()) {
                    return base::fail(base::ErrorKind::invalid, "bad_synthetic_cache",
                                      file + " cannot be written");
                }
            }
        }
        std::ranges::sort(keys, {}, &HashKey::hash);
    }
    return std::make_shared<SyntheticBucket>(std::move(*spec), std::move(keys));
}

}  // namespace s3sim
