// How stores other than AWS answer. A Profile is a table of the rules in which one store differs
// from AWS; Profile{} is AWS. profile.cc names the source of every rule. Immutable once a server
// has started, so all threads read it without a lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "s3sim/errors.h"
#include "s3sim/http.h"
#include "s3sim/operation.h"

namespace s3sim {

struct Options;

// An error answer without its XML.
struct Denial {
    int status = 400;
    std::string code;
    std::string message;
};

// What happens to a request that carries a header. Applied after the signature was checked.
struct HeaderRule {
    std::string header;            // lower case; a last '*' stands for any rest
    std::string operation;         // an operation's name; empty: all of them
    std::optional<Denial> denial;  // none: the header is dropped. "{}" in the message: its name

    bool concerns(std::string_view header_name, std::string_view operation_name) const;
};

// When Complete needs each part's checksum in an upload that has an algorithm, and the answer.
enum class PartChecksums : std::uint8_t {
    composite_only,             // S3: for COMPOSITE, else InvalidRequest
    always_or_invalid_part,     // for both types, else InvalidPart
    always_or_invalid_request,  // for both types, else InvalidRequest
    optional,                   // compared if sent; passed over in an upload without an algorithm
    malformed,                  // an element that the store's schema does not have: MalformedXML
};

// UploadPart without a checksum in an upload that has an algorithm.
enum class MissingChecksum : std::uint8_t { invalid_request, invalid_argument, computed };

// UploadPartCopy into an upload that has an algorithm.
enum class CopyChecksum : std::uint8_t { returned, absent, refused };

// CreateMultipartUpload with CRC32 and x-amz-checksum-type: FULL_OBJECT.
enum class FullObject : std::uint8_t { accepted, refused, becomes_composite };

// GET and HEAD with ?partNumber.
enum class PartReads : std::uint8_t { served, ignored, refused };

struct Profile {
    std::string_view name = "aws";
    std::vector<HeaderRule> headers;  // the first that concerns a header counts

    std::string region;  // that requests may be signed for, besides Options::region; empty: none
    bool virtual_host_only = false;
    bool messages = true;  // error answers have a <Message>
    bool closes_connections = false;
    std::optional<Denial> signed_chunks;    // refuses STREAMING-AWS4-HMAC-SHA256-PAYLOAD
    std::optional<Denial> trailing_chunks;  // refuses the kinds of aws-chunked that have a trailer

    PartChecksums part_checksums = PartChecksums::composite_only;
    MissingChecksum missing_checksum = MissingChecksum::invalid_request;
    CopyChecksum copy_checksum = CopyChecksum::returned;
    FullObject full_object = FullObject::accepted;
    std::string checksum_mismatch = "BadDigest";  // code of the answer to a wrong checksum

    bool equal_parts = false;           // all parts but the last of one size, the last no larger
    bool part_order_checked = true;     // else Complete sorts the parts
    bool etag_in_complete = true;       // else the element is empty
    bool gone_upload_named = true;      // else ListParts: NoSuchKey, Complete: 500 InternalError
    bool cut_part_spoils = false;       // an UploadPart cut in the middle: the upload is unusable
    unsigned uploads_listed = 1;        // how often ListMultipartUploads has each upload
    bool uploads_by_whole_key = false;  // ListMultipartUploads: the prefix is a key
    bool copy_range_clipped = false;    // UploadPartCopy: a range beyond the end is shortened
    bool copy_source_decoded_twice = false;
    // A conditional write while another write to the same key is under way:
    // 409 ConditionalRequestConflict. Only AWS documents it (conditional-writes.html).
    bool write_conflicts = true;
    // The 1st, N+1st, 2N+1st ... PutObject or UploadPart: 400 "The request body was too small".
    // 0: none.
    unsigned passing_400_every = 0;

    PartReads part_reads = PartReads::served;
    bool gunzips = false;  // objects in gzip are served decoded unless the request accepts gzip
    bool folders_exclusive = false;  // no object "a" beside an object "a/b"
};

std::vector<std::string> profile_names();
// The profile that the options name, with the rules the options add to it. Errors: "bad_profile",
// "bad_header_rule".
base::Result<Profile> chosen_profile(const Options& options);
// HEADER[@OPERATION]=ignore or HEADER[@OPERATION]=STATUS,CODE[,MESSAGE].
base::Result<HeaderRule> parse_header_rule(std::string_view text);

// Drops headers from the request, or refuses it.
Answered<void> apply_header_rules(Request& request, Operation operation, const Profile& profile);

}  // namespace s3sim
