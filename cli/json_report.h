// Objects that did not go in as asked, in the daemon's JSON: read and written. Reading is
// tolerant, as in json_job.h, which has what fetches whole lists from the daemon.
#pragma once

#include <boost/json/object.hpp>

#include "cli/job_view.h"

namespace cli {

ReportView read_report(const boost::json::object& from);
void write_report(boost::json::object& to, const ReportView& report);

}  // namespace cli
