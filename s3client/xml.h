// S3's XML bodies (https://docs.aws.amazon.com/AmazonS3/latest/API/): parsed into plain values, and
// the one we write.
//
// Each parser takes the body by value and consumes it (it is parsed in place). Element names are
// matched without their namespace. Strict: text that is not whole XML, an unknown root, or a
// missing or ill-typed element we rely on is corrupt "bad_xml", whose detail has what was wrong and
// the first bytes that were received. An <Error> where a result was due
// (S3 does so after a 200) becomes the error it names, by outcome.h. Keys come decoded if the
// answer says encoding-type=url; ETags come without their quotes. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "s3client/outcome.h"

namespace s3client {

struct ListedObject {
    std::string key;
    std::uint64_t size = 0;
    bool size_known = true;            // false: the store leaves it out (s3proxy, of folders)
    std::string etag;                  // empty if the store gives none
    std::int64_t last_modified_s = 0;  // Unix time
    std::string storage_class;         // empty: STANDARD
    std::string checksum_algorithm;    // "CRC32"; empty: none, or more than one
    std::string checksum_type;         // "FULL_OBJECT" or "COMPOSITE"
    bool restored = false;             // a readable copy of an archived object is there
    bool is_archived() const;          // a GET would be refused
};
// The storage classes whose objects cannot be read before they are restored; GLACIER is Flexible
// Retrieval, and GLACIER_IR is none of them.
bool is_archive_class(std::string_view storage_class);

struct ListObjectsPage {
    std::vector<ListedObject> objects;
    std::vector<std::string> common_prefixes;
    std::string next_continuation_token;  // not empty exactly if there are more pages
    // The request as the answer repeats it, if it does; the prefix as it is written there.
    std::optional<std::string> bucket, prefix_text, continuation_token;
};
struct CompletedUpload {
    std::string etag, location, checksum_crc32, checksum_type;
};
struct CopiedPart {
    std::string etag, checksum_crc32;
};
struct ListedPart {
    std::uint32_t number = 0;  // from 1
    std::uint64_t size = 0;
    std::string etag, checksum_crc32;
};
struct ListPartsPage {
    std::vector<ListedPart> parts;
    std::string checksum_algorithm, checksum_type;
    std::optional<std::uint32_t> next_part_number_marker;  // set exactly if there are more pages
};
struct ListedUpload {
    std::string key, upload_id;
    std::int64_t initiated_s = 0;  // Unix time, by the store's clock
    std::string storage_class;     // empty: the store does not say; so for all that follow
    std::string checksum_algorithm, checksum_type;
    std::string initiator_id;  // who opened it, as the store names them
};
struct ListUploadsPage {
    std::vector<ListedUpload> uploads;
    bool truncated = false;
    std::string next_key_marker, next_upload_id_marker;  // for the next page if truncated
    std::optional<base::UtcTime> answered_at;            // by the store's clock (Date)
};

// The answer an XML body came with.
struct Answer {
    const RequestContext& request;
    const ResponseHead& head;
};

base::Result<ListObjectsPage> parse_list_objects(std::string body, const Answer& answer);
base::Result<std::string> parse_create_multipart_upload(std::string body,
                                                        const Answer& answer);  // the UploadId
base::Result<CompletedUpload> parse_complete_multipart_upload(std::string body,
                                                              const Answer& answer);
base::Result<CopiedPart> parse_copy_part(std::string body, const Answer& answer);
base::Result<ListPartsPage> parse_list_parts(std::string body, const Answer& answer);
base::Result<ListUploadsPage> parse_list_multipart_uploads(std::string body, const Answer& answer);

// The body of an answer that failed. Never fails itself: what cannot be read (an empty body, a
// proxy's HTML) is an ErrorBody without a code, and the status decides.
ErrorBody parse_error_body(std::string body);

struct CompletedPart {
    std::uint32_t number = 0;    // from 1, rising
    std::string etag;            // without quotes
    std::string checksum_crc32;  // base64; empty: not sent
};
std::string complete_multipart_upload_body(const std::vector<CompletedPart>& parts);

std::string_view unquote_etag(std::string_view etag);
std::string quote_etag(std::string_view etag);  // for If-Match

}  // namespace s3client
