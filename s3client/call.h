// One S3 call as the retry loop of S3Client sees it: the request, the bytes that go with it, and
// what makes its answer right. Internal to s3client/, but for CallContext and Body, which callers
// pass in.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "io/cancel.h"
#include "io/fair_queue.h"
#include "s3client/access.h"
#include "s3client/connection.h"
#include "s3client/credentials/credentials.h"
#include "s3client/operation.h"
#include "s3client/request.h"
#include "s3client/response.h"
#include "s3client/retry.h"
#include "s3client/sigv4.h"
#include "s3client/traffic/bucket_traffic.h"

namespace s3client {

// A call makes progress when it moves 512 bytes a second, averaged over stall_timeout; the answer
// on a connection crawls when it moves less than that within a part of idle_timeout.
constexpr std::uint64_t kProgressBytesPerSecond = 512;
std::uint64_t progress_bytes(base::Duration window);
// A read whose answer crawls continues on another connection, at most so often without progress.
constexpr unsigned kMovesMax = 3;

// In whose name a call is made. All that is pointed to outlives the call; nullptr: the client's
// own, or none.
struct CallContext {
    io::CancelSource* cancel = nullptr;
    // Of the whole call; zero: the client's, by the size of the body.
    base::Duration timeout = base::Duration::zero();
    // Counts every request sent, retries included.
    std::array<std::atomic<std::uint64_t>, kOperationCount>* requests = nullptr;
    std::atomic<std::uint64_t>* retries = nullptr;  // counts the requests that are sent again
    std::string_view job{};                         // whose id the log names
    CredentialsProvider* credentials = nullptr;
    const Access* access = nullptr;       // to the bucket of this call
    RetryBudget* retry_budget = nullptr;  // of the job, besides the client's
    bool fresh_connection = false;        // never sent over one that was used before
    io::Flow flow{};                      // shares places and rates with the others
};

// A request body that stays in the caller's memory until the call has returned.
struct Body {
    std::span<const base::ByteView> pieces;
    std::uint64_t size = 0;
    std::uint32_t crc32 = 0;  // of all of it; S3 checks it
};

// Counts what passes through it, so that the loop sees progress and a broken transfer can go on
// where it stopped.
class CountingReceiver final : public BodyReceiver {
  public:
    explicit CountingReceiver(BodyReceiver& inner) : inner_(inner) {}
    base::Bytes buffer() override { return inner_.buffer(); }
    void received(std::size_t n) override {
        inner_.received(n);
        count_ += n;
    }
    std::uint64_t count() const { return count_; }

  private:
    BodyReceiver& inner_;
    std::uint64_t count_ = 0;
};

struct Call {
    Operation operation = Operation::get_object;
    std::string bucket, key;
    HttpRequest request;  // host and path are filled in from bucket and key
    PayloadHash payload = PayloadHash::empty();
    Body body;
    bool has_body = false;  // PUT and POST say Content-Length even when it is 0
    CallContext context;

    // Called before each attempt, when the request depends on what came of the last.
    std::function<void(HttpRequest&)> prepare;
    // Checks the head of an answer of success; an error ends the attempt. `reused`: the connection
    // had an exchange before this one.
    std::function<base::Status(const ResponseHead&, bool reused)> check;
    // Takes the body: a receiver for one of known length, else the parser of a text.
    CountingReceiver* receiver = nullptr;
    std::uint64_t response_size = 0;  // expected, for the deadline
    std::function<base::Status(const ResponseHead&, std::string)> parse;

    // What the attempts leave behind for the loop.
    BucketAddress address;  // where they went to
    base::SteadyTime began{};
    base::Duration waited{};  // in line, by all attempts
    unsigned moves = 0;       // to another connection, since there was progress
    bool crawled = false;     // the last attempt, so much that it was cut
    bool connection_was_reused = false;
    std::optional<base::Duration> retry_after;
    std::uint64_t progress() const { return receiver == nullptr ? 0 : receiver->count(); }
    bool may_move() const;     // to another connection once more
    std::string region;        // what it was signed for; set for the first attempt by the loop
    bool region_lasts = true;  // it may be remembered, once it has answered
    std::string other_region;  // where the bucket is, by S3's last refusal; empty: here
    std::optional<base::Duration> clock_offset;  // S3's time minus ours, from its last refusal
    base::Duration signed_offset{};              // what we took that for when we signed
    CredentialsSnapshot signed_with;
};

inline bool Call::may_move() const {
    return rate_class(operation) == RateClass::read && moves < kMovesMax;
}

}  // namespace s3client
