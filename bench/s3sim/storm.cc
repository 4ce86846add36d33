#include "s3sim/storm.h"

#include <string_view>

#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr std::array<std::string_view, 12> kXmlAnswers = {
    "CreateMultipartUpload", "UploadPartCopy",       "CompleteMultipartUpload", "ListParts",
    "ListObjectsV2",         "ListMultipartUploads", "ListObjectVersions",      "ListBuckets",
    "DeleteObjects",         "GetBucketLocation",    "GetBucketVersioning",     "GetObjectTagging"};
constexpr std::array<std::string_view, 6> kEtagAnswers = {
    "PutObject",  "UploadPart",     "GetObject",
    "HeadObject", "UploadPartCopy", "CompleteMultipartUpload"};

bool can_hurt(FaultKind kind, const FaultTarget& target) {
    const bool xml = contains(kXmlAnswers, target.operation);
    switch (kind) {
        case FaultKind::error_200:
        case FaultKind::truncate_xml: return xml;
        case FaultKind::reset_after:
        case FaultKind::short_body:
        case FaultKind::stall_after:
        case FaultKind::drip:
        case FaultKind::chunked: return xml || target.operation == "GetObject";
        case FaultKind::wrong_etag:
        case FaultKind::wrong_checksum: return contains(kEtagAnswers, target.operation);
        case FaultKind::changed: return target.conditional;
        case FaultKind::stays_open: return target.operation == "AbortMultipartUpload";
        case FaultKind::early: return target.has_body;
        default: return true;
    }
}

// Numbers of one draw, each well mixed and independent of the others.
class Dice {
  public:
    Dice(std::uint64_t seed, std::uint64_t n) : state_(mix(mix(seed) + n)) {}
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    // As many of every magnitude: 1 to 2^bits - 1.
    std::uint64_t any_size(std::uint64_t bits) {
        const std::uint64_t low = std::uint64_t{1} << below(bits);
        return low + below(low);
    }
    double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  private:
    std::uint64_t next() { return state_ = mix(state_); }
    std::uint64_t state_;
};

void draw_status(Dice& dice, Fault& fault) {
    const std::uint64_t which = dice.below(4);
    fault.number = which == 0 ? 500 : 503;
    fault.code = which == 0 ? "InternalError" : which == 1 ? "ServiceUnavailable" : "SlowDown";
    fault.has_body = dice.below(4) != 0;
}

// When the bytes come that belong to no request: at once, later, or with the next request.
// Not never (late=held): that costs the request its time-out.
void draw_moment(Dice& dice, Fault& fault) {
    switch (dice.below(3)) {
        case 0: fault.number = 0; break;
        case 1: fault.number = 100 + dice.below(4000); break;
        default: fault.code = "next"; break;
    }
}

}  // namespace

bool hits(std::uint64_t seed, std::uint64_t n, double rate) { return Dice(seed, n).unit() < rate; }

std::optional<Fault> draw_fault(std::uint64_t seed, std::uint64_t n,
                                std::span<const FaultKind> kinds, const FaultTarget& target) {
    std::vector<FaultKind> able;
    for (const FaultKind kind : kinds) {
        if (can_hurt(kind, target)) able.push_back(kind);
    }
    if (able.empty()) return std::nullopt;
    Dice dice(~seed, n);  // apart from those of hits()
    Fault fault;
    fault.kind = able[dice.below(able.size())];
    switch (fault.kind) {
        case FaultKind::status: draw_status(dice, fault); break;
        case FaultKind::reset_after:
        case FaultKind::short_body:
        case FaultKind::stall_after: fault.number = dice.any_size(20) - 1; break;
        case FaultKind::delay: fault.number = dice.any_size(8); break;
        case FaultKind::drip: fault.number = (16 << 10) + dice.any_size(18); break;
        case FaultKind::long_headers: fault.number = dice.any_size(17); break;
        case FaultKind::error_200:
            fault.code = dice.below(2) == 0 ? "InternalError" : "SlowDown";
            break;
        case FaultKind::expired_token: fault.number = dice.below(2) == 0 ? 400 : 403; break;
        case FaultKind::skew: fault.seconds = dice.below(2) == 0 ? 3600 : -3600; break;
        case FaultKind::garbage_headers: fault.code = dice.below(2) == 0 ? "" : "odd"; break;
        case FaultKind::interim:
            fault.number = 1 + dice.below(2);
            fault.code = dice.below(3) == 0 ? "length" : "";
            break;
        case FaultKind::double_answer:
        case FaultKind::late: draw_moment(dice, fault); break;
        case FaultKind::early: {
            constexpr std::array<std::string_view, 4> kVariants = {"", "stored", "close",
                                                                   "stored,close"};
            fault.code = kVariants[dice.below(kVariants.size())];
            break;
        }
        case FaultKind::tail: {
            constexpr std::array<std::string_view, 3> kVariants = {"", "crlf", "status"};
            fault.code = kVariants[dice.below(kVariants.size())];
            break;
        }
        case FaultKind::cut:
            fault.number = dice.any_size(17) - 1;
            fault.code = dice.below(4) == 0 ? "last" : "";
            break;
        default: break;
    }
    return fault;
}

}  // namespace s3sim
