#include "cli/json_verify.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/utf8.h"

namespace cli {
namespace {

namespace json = boost::json;

json::value entry_or_null(const std::string& name) {
    return name.empty() ? json::value() : json::value(name);
}

}  // namespace

std::string verify_json(const std::string& target, const archive::VerifyReport& report) {
    json::array findings;
    for (const archive::VerifyFinding& finding : report.findings) {
        findings.push_back(json::object{{"offset", finding.offset},
                                        {"entry", entry_or_null(finding.entry)},
                                        {"what", finding.what}});
    }
    json::array compared_with;
    for (const archive::CrcWitness witness : report.compared_with)
        compared_with.push_back(witness == archive::CrcWitness::request ? "request" : "s3");
    json::value crc32;
    if (report.crc32) crc32 = fmt::format("{:08x}", *report.crc32);
    return base::as_utf8(json::serialize(json::object{{"target", target},
                                                      {"ok", report.ok()},
                                                      {"archive_size", report.archive_size},
                                                      {"entries", report.entries},
                                                      {"bytes_read", report.bytes_read},
                                                      {"crc32", crc32},
                                                      {"compared_with", std::move(compared_with)},
                                                      {"findings", std::move(findings)},
                                                      {"findings_total", report.findings_total},
                                                      {"duration_ms", report.duration_ms}}));
}

}  // namespace cli
