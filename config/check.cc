#include "config/check.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "config/loading.h"
#include "config/settings_table.h"
#include "config/tokens.h"
#include "config/toml_file.h"

namespace config {
namespace {

void check_tokens(Report& report) {
    const std::string& file = report.settings.tokens_file;
    if (file.empty()) return;
    const auto tokens = read_tokens(file);
    if (!tokens) return report.problems.push_back(tokens.error().detail);
    report.notes.push_back(
        fmt::format("{}: ok, {} token{}", file, tokens->size(), tokens->size() == 1 ? "" : "s"));
}

// That the file is one, and could be PEM. What is in it only TLS can tell.
void check_pem(Report& report, const std::string& file) {
    if (file.empty()) return;
    const auto text = read_bounded_file(file, kTomlBytesMax);
    if (!text) return report.problems.push_back(text.error().detail);
    if (!text->contains("-----BEGIN "))
        report.problems.push_back(fmt::format("{}: is no PEM file", file));
}

void check_key_mode(Report& report) {
    struct stat status{};
    const std::string& file = report.settings.tls_key;
    if (!file.empty() && ::stat(file.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
        report.notes.push_back(
            fmt::format("warning: {}: all users of this machine may use this key", file));
    }
}

}  // namespace

Report check(const std::vector<std::string>& arguments, const Environment& environment,
             const std::string& default_file) {
    Loading loading = load_all(arguments, environment, default_file, true);
    Report report{std::move(loading.settings), std::move(loading.problems), {}};
    for (const std::string& warning : report.settings.warnings)
        report.notes.push_back("warning: " + warning);
    check_tokens(report);
    check_pem(report, report.settings.tls_certificate);
    check_pem(report, report.settings.tls_key);
    check_pem(report, report.settings.tls_client_ca);
    check_key_mode(report);
    return report;
}

std::string to_text(const Report& report) {
    std::string text;
    if (!report.good()) {
        for (const std::string& problem : report.problems) text.append(problem).append("\n");
        return text;
    }
    const std::string& file = report.settings.config_file;
    text = file.empty() ? "no settings file: ok\n" : file + ": ok\n";
    for (const Setting& setting : all_settings()) {
        const std::string value = text_of(report.settings, setting);
        if (value == setting.default_text) continue;
        text += fmt::format("  {} = {}", key_of(setting),
                            setting.kind == Kind::digest ? "(set)" : value);
        const auto& place = report.settings.given.find(setting.name)->second.place;
        if (!place.starts_with(file + ":") || file.empty()) text += fmt::format("  ({})", place);
        text += '\n';
    }
    for (const std::string& note : report.notes) text.append(note).append("\n");
    return text;
}

}  // namespace config
