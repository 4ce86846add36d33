// Text encodings of bytes: hex (lower case), base64 (RFC 4648, padded), percent-encoding as SigV4
// and S3 want it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace base {

std::string hex(ByteView bytes);
std::string base64(ByteView bytes);
Result<std::string> base64_decode(std::string_view text);

// Percent-encodes every byte but A-Za-z0-9 - . _ ~ with upper-case hex, space as %20; '/' stays
// when keep_slash. This is SigV4's UriEncode, used for paths and queries alike so that what is
// signed is what is sent.
std::string percent_encode(std::string_view text, bool keep_slash);
// Decodes %XX; a '+' stays a plus unless plus_is_space (S3 listings with encoding-type=url use %20
// and may use '+').
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// CRC-32 as S3 writes it: base64 of the four bytes, big-endian.
std::string crc32_base64(std::uint32_t crc);
std::optional<std::uint32_t> crc32_from_base64(std::string_view text);  // none if it is no CRC-32

}  // namespace base
