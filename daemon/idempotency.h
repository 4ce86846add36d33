// The Idempotency-Keys of submissions, each with its body's digest and the job it made. Bounded:
// the oldest are forgotten. Not thread-safe: JobService calls it under its lock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

// A client's name for one submission, and what was submitted under it. The digest is no
// secret-keeper: the key is the client's own, and it can only fool itself.
struct IdempotencyKey {
    std::string key;
    std::uint64_t body_digest = 0;
    std::size_t body_bytes = 0;
};
std::uint64_t digest_of(std::string_view body);

class IdempotencyKeys {
  public:
    explicit IdempotencyKeys(std::size_t keys_max) : keys_max_(keys_max) {}

    // The job's id; empty if the key is new. Error: idempotency_key_reused, with another body.
    base::Result<std::string> find(const IdempotencyKey& key) const;
    // REQUIRES: the key is new.
    void remember(IdempotencyKey key, const std::string& id);
    void forget(const std::string& key, const std::string& id);  // if it is still that job's

  private:
    struct Submission {
        IdempotencyKey key;
        std::string id;
    };
    const std::size_t keys_max_;
    std::map<std::string, Submission, std::less<>> submissions_;  // by key
    std::deque<std::string> order_;                               // keys, oldest first
};

}  // namespace s3zipd
