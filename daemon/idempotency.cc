#include "daemon/idempotency.h"

#include <algorithm>
#include <utility>

namespace s3zipd {

// FNV-1a, 64 bits.
std::uint64_t digest_of(std::string_view body) {
    std::uint64_t digest = 0xCBF29CE484222325ULL;
    for (const char c : body) {
        digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
    return digest;
}

base::Result<std::string> IdempotencyKeys::find(const IdempotencyKey& key) const {
    const auto found = submissions_.find(key.key);
    if (found == submissions_.end()) return std::string();
    const IdempotencyKey& known = found->second.key;
    if (known.body_digest != key.body_digest || known.body_bytes != key.body_bytes) {
        return base::fail(base::ErrorKind::precondition, "idempotency_key_reused",
                          "this Idempotency-Key was used with another body");
    }
    return found->second.id;
}

void IdempotencyKeys::remember(IdempotencyKey key, const std::string& id) {
    while (order_.size() >= keys_max_) {
        submissions_.erase(order_.front());
        order_.pop_front();
    }
    order_.push_back(key.key);
    std::string name = key.key;
    submissions_.emplace(std::move(name), Submission{std::move(key), id});
}

void IdempotencyKeys::forget(const std::string& key, const std::string& id) {
    const auto found = submissions_.find(key);
    if (found == submissions_.end() || found->second.id != id) return;
    submissions_.erase(found);
    // The oldest jobs are forgotten first: it stands near the front.
    if (const auto at = std::ranges::find(order_, key); at != order_.end()) order_.erase(at);
}

}  // namespace s3zipd
