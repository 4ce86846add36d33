#include "config/toml_file.h"

#include <fmt/format.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <expected>
#include <memory>
#include <system_error>

#include "config/byte_size.h"
#include "config/toml_guard.h"

// toml++ 3.3 asserts things that do not hold of every input: for "[[=," it asserts that a key
// begins behind the brackets, and looks whether one does only afterwards. With NDEBUG it tells the
// compiler to assume the same, which is worse. So its assertions stay on, as exceptions.
namespace {
struct TomlAssertion {};
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : throw TomlAssertion())
#define TOML_MAX_NESTED_VALUES 16
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace config {
namespace {

static_assert(TOML_MAX_NESTED_VALUES == kTomlNestingMax);

TomlPlace place_of(const toml::source_position& position) {
    return {position.line, position.column};
}

std::vector<TomlEntry> entries_of(const toml::table& table);

TomlValue value_of(const toml::node& node) {
    TomlValue value;
    value.place = place_of(node.source().begin);
    if (const auto* text = node.as_string()) {
        value.type = TomlType::text;
        value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
        value.type = TomlType::integer;
        value.text = std::to_string(integer->get());
    } else if (const auto* boolean = node.as_boolean()) {
        value.type = TomlType::boolean;
        value.text = boolean->get() ? "true" : "false";
    } else if (const auto* array = node.as_array()) {
        value.type = TomlType::list;
        value.items.reserve(array->size());
        for (const toml::node& item : *array) value.items.push_back(value_of(item));
    } else if (const auto* table = node.as_table()) {
        value.type = TomlType::table;
        value.entries = entries_of(*table);
    }
    return value;
}

std::vector<TomlEntry> entries_of(const toml::table& table) {
    std::vector<TomlEntry> entries;
    entries.reserve(table.size());
    for (const auto& [key, node] : table)
        entries.push_back({std::string(key.str()), value_of(node), place_of(key.source().begin)});
    std::ranges::sort(entries, {}, &TomlEntry::place);  // toml++ has them by name
    return entries;
}

// toml++'s "Error while parsing SCOPE: WHAT", without what it saw of a value: half a secret may be
// enough. Names of keys may stay.
std::string described(std::string_view text) {
    constexpr std::string_view kBegin = "Error while parsing ";
    std::string_view scope = "value";
    if (const std::size_t colon = text.find(": ");
        text.starts_with(kBegin) && colon != std::string_view::npos) {
        scope = text.substr(kBegin.size(), colon - kBegin.size());
        text.remove_prefix(colon + 2);
    }
    if (text.starts_with('\'') || text.starts_with("an unspecified"))
        return fmt::format("this is no {}", scope);
    if (!text.starts_with("cannot")) text = text.substr(0, text.find(" saw "));
    while (text.ends_with(' ') || text.ends_with(',') || text.ends_with(';')) text.remove_suffix(1);
    return fmt::format("{} ({})", text, scope);
}

using Parsed = std::expected<std::vector<TomlEntry>, TomlProblem>;

// Entries, or the first problem; without a place, if it was an assertion.
Parsed parse_once(std::string_view text) {
    try {
        return entries_of(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return std::unexpected(
            TomlProblem{place_of(error.source().begin), described(error.description())});
    } catch (const TomlAssertion&) {
        return std::unexpected(TomlProblem{{}, "this is not TOML"});
    }
}

// The first line with which the text up to it trips an assertion: the parser only looks ahead a few
// characters.
unsigned line_of_assertion(std::string_view text) {
    std::vector<std::size_t> ends;
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1))
        ends.push_back(at + 1);
    const auto trips = [&](std::size_t end) {
        const Parsed parsed = parse_once(text.substr(0, end));
        return !parsed && parsed.error().place.line == 0;
    };
    return static_cast<unsigned>(
        std::ranges::partition_point(ends, [&](std::size_t end) { return !trips(end); }) -
        ends.begin() + 1);
}

Parsed parse_safely(std::string_view text) {
    if (const auto bad = find_bad_utf8(text))
        return std::unexpected(TomlProblem{*bad, "this is not UTF-8"});
    if (const auto deep = find_deep_key(text, kTomlDottedKeyMax))
        return std::unexpected(TomlProblem{*deep, "a key has too many parts"});
    Parsed parsed = parse_once(text);
    if (!parsed && parsed.error().place.line == 0)
        parsed.error().place = {line_of_assertion(text), 1};
    return parsed;
}

// Makes a comment of a line; false if there is nothing on it.
bool leave_out(std::string& text, unsigned line) {
    std::size_t at = 0;
    for (unsigned i = 1; i < line && at != std::string::npos; ++i) {
        at = text.find('\n', at);
        if (at != std::string::npos) ++at;
    }
    if (line == 0 || at == std::string::npos) return false;
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end == at || text[at] == '#') return false;
    text.replace(at, end - at, end - at, ' ');
    text[at] = '#';
    return true;
}

}  // namespace

TomlDocument parse_toml(std::string_view text, std::size_t problems_max) {
    TomlDocument document;
    std::string rest(text);
    while (document.problems.size() < problems_max) {
        auto entries = parse_safely(rest);
        if (entries) {
            document.entries = std::move(*entries);
            break;
        }
        const unsigned line = entries.error().place.line;
        document.problems.push_back(std::move(entries.error()));
        if (!leave_out(rest, line)) break;
    }
    std::ranges::sort(document.problems, {}, &TomlProblem::place);
    return document;
}

base::Result<std::string> read_bounded_file(const std::string& path, std::size_t bytes_max) {
    const auto wrong = [&](const std::string& what) {
        return base::fail(base::ErrorKind::invalid, "bad_config_file",
                          fmt::format("{}: {}", path, what));
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                               std::fclose);
    if (!file) return wrong(std::generic_category().message(errno));
    std::string text(bytes_max + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) return wrong(std::generic_category().message(errno));
    if (text.size() > bytes_max)
        return wrong(fmt::format("is longer than {}", format_byte_size(bytes_max)));
    return text;
}

base::Result<TomlDocument> read_toml_file(const std::string& path) {
    const auto text = read_bounded_file(path, kTomlBytesMax);
    if (!text) return base::fail(text.error());
    return parse_toml(*text);
}

}  // namespace config
