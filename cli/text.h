// Numbers and tables for people: "15.73 GB", "2 m 05 s", aligned columns. Pure functions.
//
// Sizes are decimal (1 GB = 1,000,000,000 bytes), as networks and price lists count. What comes
// from outside (keys, names, error texts) goes through printable() before it may reach a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

std::string size_text(std::uint64_t bytes);            // "0 B", "999 B", "1.00 kB", "15.7 GB"
std::string rate_text(double bytes_per_second);        // "812 MB/s"
std::string duration_text(std::uint64_t duration_ms);  // "0.4 s", "59.9 s", "2 m 05 s", "3 h 07 m"
std::string clock_text(std::uint64_t seconds);  // "0:07", "12:30", "3:07:00", for a countdown
std::string count_text(std::uint64_t count);    // "3,000"
std::string usd_text(double usd);               // "$0.0013"

// Control characters, which could drive the terminal, and bytes that are not UTF-8, as \xNN. All
// other UTF-8 passes.
std::string printable(std::string_view text);

// Columns are as wide as their widest cell, two blanks apart; the last one is not padded. Widths
// count UTF-8 characters. The first row is the heading. Columns named in `right` are aligned to the
// right.
std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<std::size_t>& right = {});

}  // namespace cli
