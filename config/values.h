// How the text of one setting becomes its value. Each returns an empty string when it took the
// text, else what is wrong with it, as the end of a sentence ("must be ...").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_network.h"
#include "config/tokens.h"

namespace config {

std::string read_number(std::string_view text, std::uint64_t min, std::uint64_t max, unsigned& out);
std::string read_size(std::string_view text, std::uint64_t min, std::uint64_t max,
                      std::uint64_t& out);
std::string read_endpoint(std::string_view text, std::string& out);  // empty is AWS
std::string read_region(std::string_view text, std::string& out);
std::string read_flag(std::string_view text, std::optional<bool>& out);
std::string read_profile(std::string_view text, std::string& out);
std::string read_absolute_path(std::string_view text, std::string& out);
std::string read_networks(std::string_view text, std::vector<base::IpNetwork>& out);
std::string read_existing_file(std::string_view text, std::string& out);  // empty is allowed
std::string read_mode(std::string_view text, unsigned& out);              // octal, up to 0777
// The message does not depend on the text, which could be the token itself.
std::string read_sha256(std::string_view text, Sha256Digest& out);

bool parse_port(std::string_view text, std::uint16_t& port);

}  // namespace config
