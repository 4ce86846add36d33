// TOML files and the tokens file: whatever is written, the answer has places within the text, is
// the same for the same text, and quotes no value.
//
// Input: the text of the file.
#include <fmt/format.h>
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "config/tokens.h"
#include "config/toml_file.h"
#include "fuzz_input.h"

namespace {

using config::TomlEntry;
using config::TomlPlace;
using config::TomlValue;

constexpr std::string_view kSecret = "hunter2";

// Writes down what was read, places without their lines; checks types and bounds on the way.
void write(const std::vector<TomlEntry>& entries, unsigned depth, unsigned lines, std::string& out);

void write(const TomlValue& value, unsigned depth, unsigned lines, std::string& out) {
    CHECK(value.place.line <= lines);
    CHECK(value.items.empty() || value.type == config::TomlType::list);
    CHECK(value.entries.empty() || value.type == config::TomlType::table);
    out += fmt::format("{}:{}:{} ", static_cast<int>(value.type), value.place.column, value.text);
    for (const TomlValue& item : value.items) write(item, depth + 1, lines, out);
    write(value.entries, depth + 1, lines, out);
}

void write(const std::vector<TomlEntry>& entries, unsigned depth, unsigned lines,
           std::string& out) {
    // A header, and in each value a key; all as long as may be.
    CHECK(depth <= (config::kTomlNestingMax + 3) * (config::kTomlDottedKeyMax + 1));
    CHECK(std::ranges::is_sorted(entries, {}, &TomlEntry::place));
    for (const TomlEntry& entry : entries) {
        CHECK(entry.place.line >= 1 && entry.place.line <= lines);
        out += entry.key + "=";
        write(entry.value, depth, lines, out);
    }
}

std::string check_toml(std::string_view text) {
    const auto document = config::parse_toml(text);
    const auto lines = static_cast<unsigned>(std::ranges::count(text, '\n')) + 1;
    CHECK(document.problems.size() <= config::kTomlProblemsMax);
    std::string out;
    for (const auto& problem : document.problems) {
        CHECK(problem.place.line >= 1 && problem.place.line <= lines + 1);
        CHECK(problem.place.column >= 1 && !problem.what.empty());
        CHECK(problem.what.starts_with("cannot ") || !problem.what.contains(kSecret));
        out += fmt::format("{} {}\n", problem.place.column, problem.what);
    }
    write(document.entries, 0, lines, out);
    return out;
}

void check_tokens(std::string_view text) {
    const auto tokens = config::parse_tokens(text, "file");
    if (!tokens) {
        const std::string& detail = tokens.error().detail;
        CHECK(tokens.error().code == "bad_tokens_file" && detail.starts_with("file:"));
        // Keys and names are told, values are not.
        CHECK(!detail.contains(kSecret) || detail.contains("no such key") ||
              detail.contains("cannot ") || detail.contains("name:") || detail.contains("same") ||
              detail.contains("must be given"));
        return;
    }
    CHECK(!tokens->empty() && tokens->size() <= config::kTokensMax);
    std::set<std::string> names, certificates;
    std::set<config::Sha256Digest> digests;
    for (const auto& token : *tokens) {
        CHECK(!token.name.empty() && names.insert(token.name).second);
        CHECK(!token.digests.empty() || !token.certificates.empty());
        CHECK(token.submit || token.read || token.admin);
        for (const auto& digest : token.digests) CHECK(digests.insert(digest).second);
        for (const auto& name : token.certificates) CHECK(certificates.insert(name).second);
        for (const auto& places : {token.sources, token.destinations}) {
            if (!places) continue;
            for (const auto& place : *places) CHECK(!place.bucket.empty());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(fuzz::FuzzInput(data, size).rest());
    const std::string first = check_toml(text);
    // A comment before it changes no column, and no value.
    if (!text.starts_with("\xef\xbb\xbf")) CHECK(check_toml("# hunter2\n" + text) == first);
    check_tokens(text);
    return 0;
}
