// The objects that did not go in as asked, skipped or renamed, in JSON: the first of them beside a
// job's result or a plan, all of them page by page. Pure functions.
//
// A page is bounded in objects and in bytes of text (config/limits.h), so it may be shorter than
// its limit; its cursor says where the next one begins. Cursors are good for as long as the job is
// remembered: a report never changes.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/object_report.h"

namespace s3zipd {

enum class ReportList : std::uint8_t { skipped, renamed };

// Sets `skipped` and `renamed`, and `skipped_total` and `renamed_total` where they are cut.
void set_report(boost::json::object& out, const archive::ObjectReport& report,
                std::size_t objects_shown);

// {"renamed":[...],"next_cursor":...}: at most `limit` objects, from the index `first`.
std::string report_page_json(const archive::ObjectReport& report, ReportList list,
                             std::size_t first, std::size_t limit);

// The index that a cursor of this list stands for; none if no page of this report ends so.
std::optional<std::size_t> parse_report_cursor(const archive::ObjectReport& report, ReportList list,
                                               std::string_view cursor);

}  // namespace s3zipd
