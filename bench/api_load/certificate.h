// A certificate of its own for the daemon, made anew for each run.
#pragma once

#include <string>

namespace api_load {

// PEM files of a P-256 key and of a certificate for "localhost", valid for a day. False: failed.
bool write_certificate(const std::string& certificate_file, const std::string& key_file);
std::string sha256_hex(const std::string& text);

}  // namespace api_load
