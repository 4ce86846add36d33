#include "config/tokens.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <expected>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/near_name.h"
#include "config/toml_file.h"
#include "config/values.h"

namespace config {
namespace {

// Where, and what is wrong there.
struct Wrong {
    unsigned line = 0;
    std::string what;
};
using Checked = std::expected<void, Wrong>;
template <typename T>
using Expected = std::expected<T, Wrong>;

std::unexpected<Wrong> wrong(const TomlPlace& place, std::string what) {
    return std::unexpected(Wrong{place.line, std::move(what)});
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kTokenNameBytesMax &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

bool is_printable(std::string_view text) {
    return !text.empty() && text.size() <= 1'024 &&
           std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

// The strings of a list, or a string alone if `one_may`.
Expected<std::vector<const TomlValue*>> strings_of(const TomlEntry& entry, bool one_may) {
    const TomlValue& value = entry.value;
    std::vector<const TomlValue*> strings;
    if (one_may && value.type == TomlType::text) {
        strings.push_back(&value);
        return strings;
    }
    const char* due =
        one_may ? "must be a string or a list of strings" : "must be a list of strings";
    if (value.type != TomlType::list) return wrong(entry.place, entry.key + ": " + due);
    if (value.items.size() > kTokenItemsMax) {
        return wrong(entry.place,
                     fmt::format("{}: has more than {} items", entry.key, kTokenItemsMax));
    }
    for (const TomlValue& item : value.items) {
        if (item.type != TomlType::text) return wrong(item.place, entry.key + ": " + due);
        strings.push_back(&item);
    }
    return strings;
}

Checked read_name(const TomlEntry& entry, TokenEntry& token) {
    if (entry.value.type != TomlType::text || !is_name(entry.value.text)) {
        return wrong(entry.place,
                     fmt::format("name: must be 1 to {} of a-z, A-Z, 0-9, '.', '_', '-'",
                                 kTokenNameBytesMax));
    }
    token.name = entry.value.text;
    return {};
}

Checked read_digests(const TomlEntry& entry, TokenEntry& token) {
    const auto strings = strings_of(entry, true);
    if (!strings) return std::unexpected(strings.error());
    for (const TomlValue* item : *strings) {
        Sha256Digest digest{};
        if (const auto what = read_sha256(item->text, digest); !what.empty())
            return wrong(item->place, "sha256: " + what);
        token.digests.push_back(digest);
    }
    return {};
}

Checked read_certificates(const TomlEntry& entry, TokenEntry& token) {
    const auto strings = strings_of(entry, true);
    if (!strings) return std::unexpected(strings.error());
    for (const TomlValue* item : *strings) {
        if (!is_printable(item->text))
            return wrong(item->place, "certificate: must be the name in a client certificate");
        token.certificates.push_back(item->text);
    }
    return {};
}

Checked read_scopes(const TomlEntry& entry, TokenEntry& token) {
    const auto strings = strings_of(entry, false);
    if (!strings) return std::unexpected(strings.error());
    for (const TomlValue* item : *strings) {
        if (item->text != "submit" && item->text != "read" && item->text != "admin")
            return wrong(item->place, "scopes: must be of submit, read and admin");
        token.submit = token.submit || item->text == "submit";
        token.read = token.read || item->text == "read";
        token.admin = token.admin || item->text == "admin";
    }
    return {};
}

// A bucket's name by no more than its alphabet: other stores allow more than AWS.
bool is_bucket(std::string_view text) {
    return !text.empty() && text.size() <= 255 && !text.ends_with(':') &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-' || c == ':';
           });
}

// Of an access point's ARN, which may have a slash before its name:
// arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME.
std::size_t name_begins(std::string_view text) {
    constexpr std::string_view kAccessPoint = ":accesspoint/";
    const std::size_t at = text.starts_with("arn:") ? text.find(kAccessPoint) : text.npos;
    return at == text.npos ? 0 : at + kAccessPoint.size();
}

Checked read_places(const TomlEntry& entry, std::optional<std::vector<BucketPrefix>>& out) {
    const auto strings = strings_of(entry, false);
    if (!strings) return std::unexpected(strings.error());
    std::vector<BucketPrefix> places;
    bool all = false;
    for (const TomlValue* item : *strings) {
        if (item->text == "*") {
            all = true;
            continue;
        }
        const std::string_view text = item->text;
        const std::size_t slash = std::min(text.find('/', name_begins(text)), text.size());
        const std::string_view prefix = text.substr(std::min(slash + 1, text.size()));
        // A pattern would be taken for a prefix, and never match.
        std::string bucket(text.substr(0, slash));
        std::ranges::replace(bucket, '/', ':');  // an ARN's own
        if (!is_bucket(bucket) || prefix.size() > 1'024 || prefix.ends_with('*')) {
            return wrong(
                item->place,
                entry.key + ": must be BUCKET or BUCKET/PREFIX (no s3://, no pattern), or *");
        }
        places.push_back({std::string(text.substr(0, slash)), std::string(prefix)});
    }
    if (!all) out = std::move(places);
    return {};
}

Checked read_roles(const TomlEntry& entry, TokenEntry& token) {
    const auto strings = strings_of(entry, false);
    if (!strings) return std::unexpected(strings.error());
    for (const TomlValue* item : *strings) {
        const std::string_view text = item->text;
        const bool good =
            is_printable(text) && text.starts_with("arn:") && text.find('*') >= text.size() - 1;
        if (!good)
            return wrong(item->place, "roles: must be the ARN of a role; it may end in one *");
        token.roles.emplace_back(text);
    }
    return {};
}

Checked read_entry(const TomlEntry& entry, TokenEntry& token) {
    const std::string& key = entry.key;
    if (key == "name") return read_name(entry, token);
    if (key == "sha256") return read_digests(entry, token);
    if (key == "certificate") return read_certificates(entry, token);
    if (key == "scopes") return read_scopes(entry, token);
    if (key == "sources") return read_places(entry, token.sources);
    if (key == "destinations") return read_places(entry, token.destinations);
    if (key == "roles") return read_roles(entry, token);
    static const std::vector<std::string> kKeys = {
        "name", "sha256", "certificate", "scopes", "sources", "destinations", "roles"};
    return wrong(entry.place,
                 fmt::format("{}: no such key of a token{}", key, did_you_mean(key, kKeys)));
}

Expected<TokenEntry> read_token(const TomlValue& value) {
    TokenEntry token;
    if (value.type != TomlType::table)
        return wrong(value.place, "token: must be a table, [[token]]");
    for (const TomlEntry& entry : value.entries) {
        if (auto done = read_entry(entry, token); !done) return std::unexpected(done.error());
    }
    if (token.name.empty()) return wrong(value.place, "name: is missing");
    if (token.digests.empty() && token.certificates.empty())
        return wrong(value.place,
                     fmt::format("{}: sha256 or certificate: one must be given", token.name));
    if (!token.submit && !token.read && !token.admin)
        return wrong(value.place,
                     fmt::format("{}: scopes: at least one must be given", token.name));
    return token;
}

// What two tokens must not share. Whose it is stays in the maps.
class Unique {
  public:
    Checked add(const TokenEntry& token, const TomlPlace& place) {
        if (!names_.emplace(token.name, place.line).second) {
            return wrong(place, fmt::format("name: {} is also that of the token in line {}",
                                            token.name, names_.at(token.name)));
        }
        for (const Sha256Digest& digest : token.digests) {
            const auto [at, is_new] = digests_.emplace(digest, token.name);
            if (!is_new)
                return wrong(place,
                             fmt::format("{}: sha256: {} has the same", token.name, at->second));
        }
        for (const std::string& name : token.certificates) {
            const auto [at, is_new] = certificates_.emplace(name, token.name);
            if (!is_new) {
                return wrong(
                    place, fmt::format("{}: certificate: {} has the same", token.name, at->second));
            }
        }
        return {};
    }

  private:
    std::map<std::string, unsigned, std::less<>> names_;
    std::map<Sha256Digest, std::string> digests_;
    std::map<std::string, std::string, std::less<>> certificates_;
};

Expected<std::vector<TokenEntry>> read_document(const TomlDocument& document) {
    std::vector<TokenEntry> tokens;
    Unique unique;
    for (const TomlEntry& entry : document.entries) {
        if (entry.key != "token") return wrong(entry.place, "only [[token]] may stand here");
        if (entry.value.type != TomlType::list)
            return wrong(entry.place, "token: must be written [[token]]");
        if (entry.value.items.size() > kTokensMax)
            return wrong(entry.place, fmt::format("there are more than {} tokens", kTokensMax));
        for (const TomlValue& item : entry.value.items) {
            auto token = read_token(item);
            if (!token) return std::unexpected(token.error());
            if (auto done = unique.add(*token, item.place); !done)
                return std::unexpected(done.error());
            tokens.push_back(std::move(*token));
        }
    }
    if (tokens.empty()) return wrong({1, 1}, "there is no [[token]], and nobody could use the API");
    return tokens;
}

}  // namespace

base::Result<std::vector<TokenEntry>> parse_tokens(std::string_view text, const std::string& path) {
    const TomlDocument document = parse_toml(text, 1);
    const auto bad = [&](unsigned line, unsigned column, std::string_view what) {
        const std::string place = column == 0 ? fmt::format("{}:{}", path, line)
                                              : fmt::format("{}:{}:{}", path, line, column);
        return base::fail(base::ErrorKind::invalid, "bad_tokens_file",
                          fmt::format("{}: {}", place, what));
    };
    if (!document.problems.empty()) {
        const TomlProblem& first = document.problems.front();
        return bad(first.place.line, first.place.column, first.what);
    }
    auto tokens = read_document(document);
    if (!tokens) return bad(tokens.error().line, 0, tokens.error().what);
    return std::move(*tokens);
}

base::Result<std::vector<TokenEntry>> read_tokens(const std::string& path) {
    const auto bad = [&](const std::string& what) {
        return base::fail(base::ErrorKind::invalid, "bad_tokens_file",
                          fmt::format("{}: {}", path, what));
    };
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return bad(std::generic_category().message(errno));
    if (!S_ISREG(status.st_mode)) return bad("is no regular file");
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return bad("others than its owner may write it, and so make tokens; chmod go-w it");
    const auto text = read_bounded_file(path, kTokensBytesMax);
    if (!text) {
        return base::fail(base::ErrorKind::invalid, "bad_tokens_file", text.error().detail);
    }
    return parse_tokens(*text, path);
}

}  // namespace config
