#include "zip/names.h"

#include <fmt/format.h>
#include <algorithm>

#include "zip/entry.h"
#include "zip/records.h"
#include "zip/safe_path.h"

namespace zip {
namespace {

using base::ErrorKind;

base::Error bad_name(std::string detail) {
    return {ErrorKind::invalid, "bad_entry_name", std::move(detail), 0, {}, {}};
}

// A cleaned path as an entry name. `asked` is what it would be literally.
base::Result<EntryName> finish(EntryName entry, std::string_view asked, NamePolicy policy) {
    if (entry.kind == NameKind::directory) entry.name += '/';
    if (policy == NamePolicy::strict && entry.rewritten) {
        return base::fail(ErrorKind::invalid, "unsafe_name",
                          fmt::format("\"{}\" is no name that every reader extracts safely (\"{}\" "
                                      "would be), and names is \"strict\"",
                                      asked, entry.name));
    }
    const std::size_t size_max = policy == NamePolicy::raw ? kNameSizeMax : kSafeNameSizeMax;
    if (entry.name.size() <= size_max) return entry;
    return base::fail(
        bad_name(fmt::format("the entry name {}... has {} bytes, at most {} fit",
                             utf8_prefix(entry.name, 100), entry.name.size(), size_max)));
}

// By the policy, without a slash at the end; the name stays empty if nothing is left of `asked`.
EntryName named(std::string_view asked, std::uint64_t size, NamePolicy policy) {
    EntryName entry;
    const bool has_slash = asked.ends_with('/');
    entry.kind = has_slash && size == 0 ? NameKind::directory : NameKind::file;
    if (has_slash) asked.remove_suffix(1);
    entry.name = policy == NamePolicy::raw ? std::string(asked) : safe_path(asked);
    // Readers take a name that ends in '/' for a directory and drop its data.
    if (entry.kind == NameKind::file) {
        while (entry.name.ends_with('/')) entry.name.pop_back();
    }
    entry.rewritten = entry.name != asked || (has_slash && size != 0);
    return entry;
}

std::string_view without_prefix(std::string_view key, std::string_view prefix) {
    if (prefix.empty() || !key.starts_with(prefix)) return key;
    key.remove_prefix(prefix.size());
    if (!prefix.ends_with('/') && key.starts_with('/')) key.remove_prefix(1);
    return key;
}

}  // namespace

base::Result<EntryName> entry_name_from_key(std::string_view key, std::uint64_t size,
                                            const NameOptions& options) {
    std::string_view asked = without_prefix(key, options.strip_prefix);
    const bool is_marker = size == 0 && key.ends_with('/');
    if (is_marker && options.flatten) return EntryName{NameKind::skip, false, {}};
    if (options.flatten && !asked.empty()) {
        const std::size_t slash = asked.rfind('/', asked.size() - (asked.ends_with('/') ? 2 : 1));
        asked.remove_prefix(slash + 1);  // npos + 1 is 0
    }
    EntryName entry = named(asked, size, options.policy);
    if (is_marker && entry.name.empty()) return EntryName{NameKind::skip, false, {}};
    if (entry.name.empty()) {
        // An object whose whole key is the prefix, or nothing but dots: data is never lost.
        entry.name = last_component(named(key, size, options.policy).name);
        if (entry.name.empty()) entry.name = "_";
        entry.rewritten = true;
    }
    // A '\\' may have become a '/'.
    if (options.flatten && options.policy != NamePolicy::raw)
        entry.name = std::string(last_component(entry.name));
    return finish(std::move(entry), asked, options.policy);
}

base::Result<EntryName> entry_name_explicit(std::string_view name, std::uint64_t size,
                                            NamePolicy policy) {
    EntryName entry = named(name, size, policy);
    if (entry.name.empty()) {
        return base::fail(bad_name(
            fmt::format("nothing is left of the entry name \"{}\" once it is safe", name)));
    }
    return finish(std::move(entry), name, policy);
}

std::string_view utf8_prefix(std::string_view text, std::size_t size_max) {
    if (text.size() <= size_max) return text;
    std::size_t size = size_max;
    while (size > 0 && size_max - size < 4 && (text[size] & '\xC0') == '\x80') --size;
    return text.substr(0, size);
}

std::size_t extension_begin(std::string_view path) {
    const std::size_t begin = path.size() - last_component(path).size();
    const std::size_t dot = path.rfind('.');
    return dot == std::string_view::npos || dot <= begin ? path.size() : dot;
}

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace zip
