#include "cli/json_report.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/utf8.h"
#include "cli/json_job.h"

namespace cli {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& from, std::string_view name) {
    const json::value* value = from.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

// JSON holds no bytes that are not UTF-8; where there were some, they stand beside the text.
std::string exact_text_at(const json::object& from, const std::string& name) {
    const std::string encoded = text_at(from, name + "_base64");
    if (auto bytes = base::base64_decode(encoded); bytes && !bytes->empty())
        return std::move(*bytes);
    return text_at(from, name);
}

void put_exact(json::object& to, const std::string& name, const std::string& text) {
    to[name] = text;
    if (!base::is_valid_utf8(text)) to[name + "_base64"] = base::base64(base::as_bytes(text));
}

void read_item(const json::object& from, SkippedView& to) {
    to = {text_at(from, "bucket"), exact_text_at(from, "key"), text_at(from, "reason")};
}

void read_item(const json::object& from, RenamedView& to) {
    to = {text_at(from, "bucket"), exact_text_at(from, "key"), exact_text_at(from, "name"),
          text_at(from, "reason")};
}

template <typename View>
void read_list(const json::object& from, const std::string& name, std::vector<View>& to,
               std::uint64_t& total) {
    const json::value* list = from.if_contains(name);
    if (list != nullptr && list->is_array()) {
        for (const json::value& item : list->get_array()) {
            if (item.is_object()) read_item(item.get_object(), to.emplace_back());
        }
    }
    const json::value* number = from.if_contains(name + "_total");
    boost::system::error_code error;
    if (number != nullptr && number->is_number()) {
        const auto count = number->to_number<std::uint64_t>(error);
        if (!error) total = count;
    }
    total = std::max<std::uint64_t>(total, to.size());
}

// One list of a job, all of it.
base::Result<json::array> fetch_list(const std::string& id, const std::string& name,
                                     const FetchText& fetch) {
    const auto bad_answer = [] {
        return base::fail(base::ErrorKind::corrupt, "bad_answer",
                          "the daemon's answer is not a page of a report");
    };
    json::array whole;
    for (std::string cursor;;) {
        const auto text = fetch(fmt::format("/archives/{}/{}?limit=10000{}", id, name, cursor));
        if (!text) return base::fail(text.error());
        boost::system::error_code error;
        json::value page = json::parse(json::string_view(text->data(), text->size()), error);
        if (error || !page.is_object()) return bad_answer();
        json::value* items = page.get_object().if_contains(name);
        if (items == nullptr || !items->is_array()) return bad_answer();
        for (json::value& item : items->get_array()) whole.push_back(std::move(item));
        const std::string next = text_at(page.get_object(), "next_cursor");
        if (next.empty()) return whole;
        // A page that brings nothing would be asked for without end.
        if (items->get_array().empty()) return bad_answer();
        cursor = "&cursor=" + base::percent_encode(next, false);
    }
}

}  // namespace

ReportView read_report(const json::object& from) {
    ReportView report;
    read_list(from, "skipped", report.skipped, report.skipped_total);
    read_list(from, "renamed", report.renamed, report.renamed_total);
    return report;
}

void write_report(json::object& to, const ReportView& report) {
    json::array skipped, renamed;
    for (const SkippedView& item : report.skipped) {
        json::object& out = skipped.emplace_back(json::object()).get_object();
        out["bucket"] = item.bucket;
        put_exact(out, "key", item.key);
        out["reason"] = item.reason;
    }
    for (const RenamedView& item : report.renamed) {
        json::object& out = renamed.emplace_back(json::object()).get_object();
        out["bucket"] = item.bucket;
        put_exact(out, "key", item.key);
        put_exact(out, "name", item.name);
        out["reason"] = item.reason;
    }
    to["skipped"] = std::move(skipped);
    to["renamed"] = std::move(renamed);
}

base::Result<std::string> whole_job_text(std::string text, const FetchText& fetch) {
    boost::system::error_code error;
    json::value job = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !job.is_object()) return text;
    json::value* result = job.get_object().if_contains("result");
    if (result == nullptr || !result->is_object()) return text;
    bool is_changed = false;
    for (const std::string name : {"skipped", "renamed"}) {
        if (!result->get_object().contains(name + "_total")) continue;
        auto list = fetch_list(text_at(job.get_object(), "id"), name, fetch);
        if (!list) return base::fail(list.error());
        result->get_object()[name] = std::move(*list);
        result->get_object().erase(name + "_total");
        is_changed = true;
    }
    return is_changed ? json::serialize(job) : text;
}

}  // namespace cli
