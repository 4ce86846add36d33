// The tokens file: who may use the REST API, and for what. TOML, one [[token]] for each:
//
//   [[token]]
//   name = "exporter"
//   sha256 = "9f86d0..."                 # of the token, 64 hex digits; or a list, for rotation
//   certificate = "exporter.internal"    # or a client certificate of this name; or a list
//   scopes = ["submit", "read"]          # submit, read, admin
//   sources = ["photos/2026/", "docs"]   # bucket or bucket/prefix; left out or "*": all, []: none
//   destinations = ["out/zips/"]         # likewise
//   roles = ["arn:aws:iam::123456789012:role/app-*"]  # left out: none
//
// The file has hashes, no tokens; no error quotes a value that could be one. It is read at start
// and on reload, on any thread; the result is the caller's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/limits.h"

namespace config {

inline constexpr std::size_t kTokensBytesMax = 4 * kMiB;  // 400 for each of them
inline constexpr std::size_t kTokensMax = 10'000;
inline constexpr std::size_t kTokenItemsMax = 1'000;  // of one list of one token
inline constexpr std::size_t kTokenNameBytesMax = 64;

using Sha256Digest = std::array<std::uint8_t, 32>;

// Keys that start with `prefix` in a bucket; an empty prefix is the whole bucket.
struct BucketPrefix {
    std::string bucket;
    std::string prefix;
    bool operator==(const BucketPrefix&) const = default;
};

struct TokenEntry {
    std::string name;                       // unique; 1-64 of [a-zA-Z0-9._-]
    std::vector<Sha256Digest> digests;      // of the token; unique over all entries
    std::vector<std::string> certificates;  // names; unique over all entries
    bool submit = false;                    // at least one of the three
    bool read = false;
    bool admin = false;
    std::optional<std::vector<BucketPrefix>> sources;  // none: any bucket
    std::optional<std::vector<BucketPrefix>> destinations;
    std::vector<std::string> roles;  // role ARNs; one that ends in * is a prefix
    bool operator==(const TokenEntry&) const = default;
};

// Errors: invalid "bad_tokens_file", whose detail has file:line and the key; only the first is
// told. A file that is no regular one, that its group or all may write (whoever can makes tokens),
// that is longer than kTokensBytesMax, or has no token (nobody could use the API) is one.
base::Result<std::vector<TokenEntry>> read_tokens(const std::string& path);

// The same of its text; `path` is for errors.
base::Result<std::vector<TokenEntry>> parse_tokens(std::string_view text, const std::string& path);

}  // namespace config
