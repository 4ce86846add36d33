#include "zip/names.h"

#include <fmt/format.h>
#include <algorithm>
#include <cstring>

#include "zip/entry.h"
#include "zip/records.h"

namespace zip {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Nothing for clean() to do: the usual case, found out in one pass.
bool is_clean(std::string_view text) {
    char before = '/';
    for (const char c : text) {
        if (c == '\\' || is_control(c) || (before == '/' && (c == '/' || c == '.'))) return false;
        before = c;
    }
    return before != '/' && (is_ascii(text) || is_valid_utf8(text));
}

// One '_' for each byte that belongs to no UTF-8 sequence.
void replace_invalid_utf8(std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = utf8_sequence_size(std::string_view(text).substr(at));
        if (size == 0) text[at] = '_';
        at += std::max<std::size_t>(size, 1);
    }
}

// The name without a slash at either end, safe but for a drive letter; empty if nothing is left of
// it.
std::string clean(std::string_view text) {
    if (is_clean(text)) return std::string(text);
    std::string flat(text);
    for (char& c : flat) {
        if (c == '\\') c = '/';
        if (is_control(c)) c = '_';
    }
    replace_invalid_utf8(flat);
    std::string name;
    name.reserve(flat.size());
    std::string_view rest = flat;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string_view component = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (component.empty() || component == ".") continue;
        if (!name.empty()) name += '/';
        name += component == ".." ? std::string_view("__") : component;
    }
    return name;
}

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

base::Result<EntryName> finish(EntryName entry) {
    std::string& name = entry.name;
    if (name.size() >= 2 && is_letter(name[0]) && name[1] == ':') {
        name[1] = '_';
        entry.rewritten = true;
    }
    if (entry.kind == NameKind::directory) entry.name += '/';
    if (entry.name.size() > kNameSizeMax) {
        return base::fail(base::ErrorKind::invalid, "bad_entry_name",
                          fmt::format("the entry name {}... has {} bytes, at most {} fit",
                                      entry.name.substr(0, 100), entry.name.size(), kNameSizeMax));
    }
    return entry;
}

// Cleans `text`; the name it gives stays empty if nothing is left.
EntryName cleaned(std::string_view text, std::uint64_t size) {
    EntryName entry;
    const bool has_slash = text.ends_with('/');
    entry.kind = has_slash && size == 0 ? NameKind::directory : NameKind::file;
    entry.name = clean(text);
    if (has_slash) text.remove_suffix(1);
    entry.rewritten = entry.name != text || (has_slash && size != 0);
    return entry;
}

}  // namespace

base::Result<EntryName> entry_name_from_key(std::string_view key, std::uint64_t size,
                                            const NameOptions& options) {
    std::string_view rest = key;
    if (!options.strip_prefix.empty() && rest.starts_with(options.strip_prefix)) {
        rest.remove_prefix(options.strip_prefix.size());
        if (!options.strip_prefix.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
    }
    const bool is_marker = size == 0 && key.ends_with('/');
    EntryName entry = cleaned(rest, size);
    if (is_marker && (options.flatten || entry.name.empty()))
        return EntryName{NameKind::skip, false, {}};
    if (entry.name.empty()) {  // an object whose whole key is the prefix, or nothing but dots: data
                               // is never lost
        entry.name = last_component(clean(key));
        if (entry.name.empty()) entry.name = "_";
        entry.rewritten = true;
    }
    if (options.flatten) entry.name = std::string(last_component(entry.name));
    return finish(std::move(entry));
}

base::Result<EntryName> entry_name_explicit(std::string_view name, std::uint64_t size) {
    EntryName entry = cleaned(name, size);
    if (entry.name.empty()) {
        return base::fail(
            base::ErrorKind::invalid, "bad_entry_name",
            fmt::format("nothing is left of the entry name \"{}\" once it is safe", name));
    }
    return finish(std::move(entry));
}

std::string_view NamePool::add(std::string_view text) {
    constexpr std::size_t kChunkSize = 256 << 10;
    if (text.size() > free_) {
        chunk_size_ = std::max(kChunkSize, text.size());
        chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size_));
        free_ = chunk_size_;
    }
    if (text.empty()) return {};
    char* at = chunks_.back().get() + (chunk_size_ - free_);
    std::memcpy(at, text.data(), text.size());
    free_ -= text.size();
    return {at, text.size()};
}

}  // namespace zip
