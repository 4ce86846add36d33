// Outcomes as people and programs read them.
#pragma once

#include <string>
#include <vector>

#include "bench/api_load/scenario.h"

namespace api_load {

// Lines of a Markdown table.
std::string table_head();
std::string table_row(const Setup& setup, const Outcome& outcome);
std::string to_json(const Setup& setup, const std::vector<Outcome>& outcomes);

}  // namespace api_load
