#include "bench/api_load/report.h"

#include <fmt/format.h>
#include <algorithm>

namespace api_load {
namespace {

double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += std::string{'\\', c};
        else if (byte < 0x20 || byte > 0x7E)
            out += fmt::format("\\u{:04x}", byte);
        else
            out += c;
    }
    return out + "\"";
}

}  // namespace

std::string table_head() {
    return "| scenario | over | tokens | clients | opened | cut | events/s | asked | errors | "
           "again "
           "| p50 ms | p99 ms | max ms | p99 fresh | p99 POST | RSS before MiB | grew MiB | files "
           "| CPU % | load |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
}

std::string table_row(const Setup& setup, const Outcome& o) {
    return fmt::format(
        "| {} | {} | {} | {} | {} | {} | {:.0f} | {} | {} | {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} "
        "| {:.1f} | {:.0f} | {:.0f} | {} | {:.0f} | {:.1f} |\n",
        o.scenario, setup.tls ? "TLS" : "HTTP", setup.tokens ? "yes" : "no", o.clients,
        o.crowd.opened, o.crowd.cut, o.events_per_second, o.asked, o.errors, o.asked_again,
        o.p50_ms, o.p99_ms, o.max_ms, o.fresh_p99_ms, o.posts_p99_ms, mib(o.before_bytes),
        mib(o.peak_bytes - std::min(o.before_bytes, o.peak_bytes)), o.files, o.cpu_percent, o.load);
}

std::string to_json(const Setup& setup, const std::vector<Outcome>& outcomes) {
    std::string all;
    for (const Outcome& o : outcomes) {
        std::string breaches;
        for (const std::string& breach : o.breaches)
            breaches += (breaches.empty() ? "" : ", ") + quoted(breach);
        all += all.empty() ? "" : ",\n";
        all += fmt::format(
            R"(  {{"scenario": "{}", "tls": {}, "tokens": {}, "clients": {}, )"
            R"("opened": {}, "cut": {}, )"
            R"("events_per_second": {:.1f}, "asked": {}, "errors": {}, "asked_again": {}, )"
            R"("p50_ms": {:.2f}, "p99_ms": {:.2f}, "max_ms": {:.2f}, "fresh_p99_ms": {:.2f}, )"
            R"("posts_p99_ms": {:.2f}, "resident_before_bytes": {}, "resident_peak_bytes": {}, )"
            R"("open_files": {}, "cpu_percent": {:.1f}, "load": {:.2f}, "breaches": [{}]}})",
            o.scenario, setup.tls, setup.tokens, o.clients, o.crowd.opened, o.crowd.cut,
            o.events_per_second, o.asked, o.errors, o.asked_again, o.p50_ms, o.p99_ms, o.max_ms,
            o.fresh_p99_ms, o.posts_p99_ms, o.before_bytes, o.peak_bytes, o.files, o.cpu_percent,
            o.load, breaches);
    }
    return "[\n" + all + "\n]\n";
}

}  // namespace api_load
