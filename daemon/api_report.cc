#include "daemon/api_report.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

#include "base/encoding.h"
#include "config/limits.h"
#include "daemon/api_text.h"

namespace s3zipd {
namespace {

namespace json = boost::json;

// The text, and its exact bytes too where JSON cannot hold them.
void set_exact(json::object& out, std::string_view name, std::string_view text) {
    out[view(name)] = view(text);
    if (base::is_valid_utf8(text)) return;
    out[view(fmt::format("{}_base64", name))] = base::base64(base::as_bytes(text));
}

json::object object_of(const archive::SkippedObject& skipped) {
    json::object out{{"bucket", view(skipped.bucket)}};
    set_exact(out, "key", skipped.key);
    out["reason"] = view(skipped.reason);
    return out;
}

json::object object_of(const archive::RenamedObject& renamed) {
    json::object out{{"bucket", view(renamed.bucket)}};
    set_exact(out, "key", renamed.key);
    set_exact(out, "name", renamed.name);
    out["reason"] = view(renamed.reason);
    return out;
}

std::size_t text_bytes(const archive::SkippedObject& skipped) {
    return skipped.bucket.size() + skipped.key.size();
}
std::size_t text_bytes(const archive::RenamedObject& renamed) {
    return renamed.bucket.size() + renamed.key.size() + renamed.name.size();
}

template <typename Object>
void set_list(json::object& out, std::string_view name, const std::vector<Object>& objects,
              std::size_t objects_shown) {
    json::array list;
    const std::size_t shown = std::min(objects_shown, objects.size());
    for (std::size_t i = 0; i < shown; ++i) list.emplace_back(object_of(objects[i]));
    out[view(name)] = std::move(list);
    if (shown < objects.size()) out[view(fmt::format("{}_total", name))] = objects.size();
}

constexpr std::string_view name_of(ReportList list) {
    return list == ReportList::skipped ? "skipped" : "renamed";
}

std::string cursor_of(ReportList list, std::size_t first) {
    return fmt::format("{}{:x}", name_of(list).front(), first);
}

template <typename Object>
std::string page_of(const std::vector<Object>& objects, ReportList list, std::size_t first,
                    std::size_t limit) {
    json::array page;
    std::size_t at = first;
    for (std::size_t bytes = 0;
         at < objects.size() && page.size() < limit && bytes < config::kReportPageBytesMax; ++at) {
        bytes += text_bytes(objects[at]);
        page.emplace_back(object_of(objects[at]));
    }
    json::object out{{view(name_of(list)), std::move(page)}, {"next_cursor", nullptr}};
    if (at < objects.size()) out["next_cursor"] = cursor_of(list, at);
    return to_text(out);
}

}  // namespace

void set_report(json::object& out, const archive::ObjectReport& report, std::size_t objects_shown) {
    set_list(out, name_of(ReportList::skipped), report.skipped(), objects_shown);
    set_list(out, name_of(ReportList::renamed), report.renamed(), objects_shown);
}

std::string report_page_json(const archive::ObjectReport& report, ReportList list,
                             std::size_t first, std::size_t limit) {
    return list == ReportList::skipped ? page_of(report.skipped(), list, first, limit)
                                       : page_of(report.renamed(), list, first, limit);
}

std::optional<std::size_t> parse_report_cursor(const archive::ObjectReport& report, ReportList list,
                                               std::string_view cursor) {
    const std::size_t count =
        list == ReportList::skipped ? report.skipped().size() : report.renamed().size();
    if (cursor.empty()) return std::nullopt;
    std::size_t first = 0;
    std::from_chars(cursor.data() + 1, cursor.data() + cursor.size(), first, 16);
    // Only as cursor_of() writes it: no zeros ahead, nothing behind.
    if (first == 0 || first >= count || cursor != cursor_of(list, first)) return std::nullopt;
    return first;
}

}  // namespace s3zipd
