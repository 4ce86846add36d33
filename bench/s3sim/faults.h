// A fault plan: what goes wrong, and when. Text, one rule a line or between semicolons, '#' starts
// a comment:
//
//   OPERATION [when...] ACTION
//
// OPERATION: GetObject, UploadPart, ..., or * for all.
// When (all given must hold; none: every time):
//   nth=3 or nth=1,4 | from=3 (and all after it) | every=5 | times=2 (at most)
//   key=TEXT (the key contains it) | part=7
//   rate=0.02 seed=7  by chance, the same one for the same seed and order of requests
// The first rule that fires wins; all rules count. ACTION, one of:
//   status=503      that status with S3's usual error; no-body leaves the body out; code=X sets it
//   reset           the request is read, not executed, and the connection is reset
//   lost-answer     the request is executed, then the connection is reset
//   reset-early     reset as soon as the head is read
//   reset-after=N   reset after N bytes of the answer's body
//   short=N         the answer's body ends after N bytes, connection closed in good order
//   stall           no answer, ever; stall-after=N: after N bytes of the answer's body
//   error200=CODE   200 whose body is an <Error>; not executed
//   close           a right answer, then the connection is closed unannounced
//   delay=MS        a right answer, later; drip=N: its body at N bytes a second
//   truncate-xml    half of an XML answer, in an HTTP message that is whole
//   wrong-etag      another ETag of the same form; wrong-checksum: so for x-amz-checksum-*
//   expired-token   ExpiredToken, not executed; status 403, or expired-token=400
//   redirect=REGION PermanentRedirect; REGION,307: TemporaryRedirect; REGION,400:
//                   AuthorizationHeaderMalformed; all name the region
//   skew=S          RequestTimeTooSkewed with a Date that is S seconds ahead (or behind: skew=-S)
//   stays-open      a right answer, but the upload stays, as if a part had come in meanwhile; only
//                   AbortMultipartUpload counts
//   changed         PreconditionFailed; only requests that set a condition count
//   garbage-headers lines that are no headers; garbage-headers=odd: legal ones nobody expects
//   long-headers=N  a header of N bytes
//   continue=N      N times 100 Continue, then the answer; continue=length: one that claims a body;
//                   continue=hints: 103 Early Hints, twice
//   chunked         the body in chunks of odd sizes, with extensions and trailers; chunked=odd:
//                   extensions that are legal and that some parsers refuse
// Answers and requests that do not belong together (exchanges.h):
//   double          the answer, and its copy in the same segment; double=US: the copy that many
//                   microseconds later; double=next: once the next request's head has come
//   late            the answer, and 300 us (late=US) later an earlier one to another request;
//                   late=next: as for double; late=held: the request is executed, not answered
//   early           200 as soon as the head is read; the body is read and dropped.
//                   early=stored: and stored, with the ETag that was given; early=close,
//                   early=stored,close: with Connection: close. Only requests with a body count
//   swap            the request is executed; its answer is an earlier one of the same operation to
//                   another request (with that one's headers), or that of another key
//   tail            the answer, and bytes that are none; tail=crlf, tail=status (half a line)
//   cut=N           N bytes of the answer, head included, then the end; cut=last: all but one
// Without an ACTION, a rule with rate= is a storm: it draws the action too, from kinds=reset,short
// (all but redirect; named twice, twice as likely), else from kStormKinds, and only one that can
// hurt the operation at hand. `seed=7 rate=0.02` alone is such a rule for all operations.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace s3sim {

enum class FaultKind : std::uint8_t {
    status,
    reset,
    lost_answer,
    reset_early,
    reset_after,
    short_body,
    stall,
    stall_after,
    error_200,
    close,
    delay,
    drip,
    truncate_xml,
    wrong_etag,
    wrong_checksum,
    expired_token,
    redirect,
    skew,
    changed,
    stays_open,
    garbage_headers,
    long_headers,
    interim,  // "continue"
    chunked,
    double_answer,
    late,
    early,
    swap,
    tail,
    cut,
};

struct Fault {
    FaultKind kind = FaultKind::status;
    std::uint64_t number = 0;  // status, bytes, bytes a second, milliseconds, times or microseconds
    std::string code;          // of an error; a region; a variant
    bool has_body = true;
    std::int64_t seconds = 0;  // skew
};

// What a rule looks at.
struct FaultTarget {
    std::string_view operation, key, part_number;
    bool conditional = false;  // If-Match and its kin
    bool has_body = false;
};

class FaultPlan {
  public:
    base::Status set(std::string_view text);
    std::optional<Fault> next(const FaultTarget& target);
    void reset_counts();
    std::uint64_t fired() const;
    // True if some rule answers with earlier answers: they must be kept.
    bool uses_earlier_answers() const { return uses_earlier_answers_.load(); }
    std::uint64_t generation() const { return generation_.load(); }  // +1 with each set()

  private:
    struct Rule {
        std::string operation, key_part, part_number;
        std::vector<std::uint64_t> nth;
        std::uint64_t from = 0, every = 0;
        std::uint64_t times = UINT64_MAX;
        double rate = 1;
        std::uint64_t seed = 0;
        std::vector<FaultKind> kinds;  // a storm's; empty: `fault` it is
        Fault fault;
        std::uint64_t seen = 0;
        std::uint64_t fired = 0;
    };
    static base::Result<Rule> parse_rule(std::string_view text);
    static base::Status parse_when(std::string_view name, std::string_view value, Rule& rule);
    static bool looks_at(const Rule& rule, const FaultTarget& target);

    mutable std::mutex mutex_;
    std::vector<Rule> rules_;
    std::uint64_t fired_ = 0;
    std::atomic<bool> uses_earlier_answers_{false};
    std::atomic<std::uint64_t> generation_{0};
};

}  // namespace s3sim
