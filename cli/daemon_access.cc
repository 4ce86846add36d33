#include "cli/daemon_access.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/command_variables.h"

namespace cli {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;  // servers take headers of about 8 KB in all

base::Status bad_token(std::string_view source, std::string_view what) {
    return base::fail(base::ErrorKind::invalid, "bad_token", fmt::format("{}: {}", source, what));
}

// An empty variable counts as unset, as everywhere.
std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

base::Status set_token(std::string token, std::string source, DaemonAccess& access) {
    if (token.size() > kTokenBytesMax) return bad_token(source, "a token has 4096 bytes at most");
    // Whatever else would end the header, or mean another one.
    if (!std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7F; }))
        return bad_token(source, "a token has neither spaces nor bytes that are not ASCII");
    access.token = std::move(token);
    access.token_source = std::move(source);
    return {};
}

base::Status read_token_file(const std::string& path, std::string source, DaemonAccess& access,
                             std::vector<std::string>& warnings) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kTokenBytesMax + 2, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (file.fail() && !file.eof())) return bad_token(source, "cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    text.resize(std::min(text.find('\n'), text.size()));
    while (!text.empty() && std::string_view(" \t\r").contains(text.back())) text.pop_back();
    if (text.empty()) return bad_token(source, "its first line has no token");

    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    const auto others = status.permissions() & std::filesystem::perms::others_read;
    if (!error && std::filesystem::is_regular_file(status) &&
        others != std::filesystem::perms::none)
        warnings.push_back(source + ": everybody on this machine can read it; chmod o-r");
    return set_token(std::move(text), std::move(source), access);
}

}  // namespace

void add_daemon_options(CLI::App& app, DaemonAccess& access, std::string& token_file) {
    app.add_option("--daemon", access.url,
                   "Where s3zipd listens: http://host:port, https://host:port or unix:/path")
        ->envname(config::kUrlVariable)
        ->capture_default_str();
    app.add_option("--token-file", token_file,
                   fmt::format("Its first line is our token; else {} is, else the first line of {}",
                               config::kTokenVariable, config::kTokenFileVariable))
        ->type_name("FILE");
    app.add_flag("--token-over-http", access.token_over_http,
                 "Send the token over http:// to another machine, where others may read it")
        ->envname(config::kTokenOverHttpVariable);
    const auto file = [&](const char* name, std::string& path, const char* variable,
                          const char* what) {
        app.add_option(name, path, what)->envname(variable)->type_name("FILE");
    };
    file("--ca-file", access.ca_file, config::kCaFileVariable,
         "CAs that may have signed the daemon's certificate (PEM), instead of the system's");
    file("--client-cert", access.client_cert_file, config::kClientCertVariable,
         "Our certificate for the daemon, with its chain (PEM)");
    file("--client-key", access.client_key_file, config::kClientKeyVariable,
         "The key of --client-cert, if it is not in the same file (PEM)");
}

base::Status find_token(const std::string& token_file, DaemonAccess& access,
                        std::vector<std::string>& warnings) {
    if (!token_file.empty())
        return read_token_file(token_file, "--token-file " + token_file, access, warnings);
    if (std::string token = variable(config::kTokenVariable); !token.empty())
        return set_token(std::move(token), config::kTokenVariable, access);
    const std::string path = variable(config::kTokenFileVariable);
    if (path.empty()) return {};
    return read_token_file(path, fmt::format("{} {}", config::kTokenFileVariable, path), access,
                           warnings);
}

std::string access_hint(const DaemonAccess& access, unsigned status,
                        std::string_view problem_type) {
    const bool unknown = status == 401;
    // Of other kinds of 403 S3 is the author.
    const bool not_allowed = status == 403 && problem_type == "/problems/not-allowed";
    if (!unknown && !not_allowed) return {};
    const std::string with = fmt::format("{} or --token-file FILE", config::kTokenVariable);
    if (!access.token.empty()) {
        return fmt::format("the token of {} {}; another one is set with {}", access.token_source,
                           unknown ? "is not known there" : "is not enough", with);
    }
    if (!access.client_cert_file.empty()) {
        return fmt::format("the certificate {} {}; a token is set with {}", access.client_cert_file,
                           unknown ? "is not known there" : "is not enough", with);
    }
    return "set a token with " + with;
}

}  // namespace cli
