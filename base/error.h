// Errors are values: every fallible function returns Result<T> and no exception crosses a folder.
//
// An Error's kind is a decision, not a description: it says what the caller may do (retry, back
// off, give up, report). `code` is the stable machine-readable word shown to users
// ("source_changed", or S3's own "NoSuchKey"); `detail` is a sentence for people that names the
// field, bucket or key concerned. Never put a secret in either.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace base {

enum class ErrorKind : std::uint8_t {
    transient,     // the same request may succeed if sent again: resets, time-outs, 500
    throttled,     // likewise, but only after backing off: 503 SlowDown, 429
    not_found,     // the bucket, key, upload or job does not exist
    denied,        // credentials or policy refuse it
    precondition,  // the thing changed, or exists already: If-Match, If-None-Match
    invalid,       // the request itself is wrong and will stay wrong
    corrupt,       // bytes are not what they must be: length, checksum, unparsable answer
    cancelled,     // somebody asked for it to stop
    exhausted,     // a limit of ours: memory, queue, retries, S3's maximum sizes
    bug,           // our own invariant is broken
};

std::string_view to_string(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::bug;
    std::string code;        // stable, snake_case, or S3's error code verbatim
    std::string detail;      // one sentence, names what it is about
    int http_status = 0;     // of the answer that said so; 0 if none did
    std::string request_id;  // x-amz-request-id of that answer
    std::string key;         // "bucket/key" of the object concerned, if one is

    // "NoSuchKey: docs/a.pdf does not exist (HTTP 404, request 4442587FB7D0A2F9)"
    std::string to_string() const;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

// return fail(ErrorKind::invalid, "bad_key", "source 2: the key is longer than 1024 bytes");
[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string_view code,
                                                 std::string detail) {
    return std::unexpected(Error{kind, std::string(code), std::move(detail), 0, {}, {}});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
    return std::unexpected(std::move(error));
}

}  // namespace base
