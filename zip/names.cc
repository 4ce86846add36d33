#include "zip/names.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "zip/records.h"

namespace zip {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The name without a slash at either end, safe but for a drive letter; empty if nothing is left of
// it.
std::string clean(std::string_view text) {
    std::string flat(text);
    for (char& c : flat) {
        if (c == '\\') c = '/';
        if (is_control(c)) c = '_';
    }
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

std::string_view last_component(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

// "dir/stem.ext" -> "dir/stem (n).ext"; a leading dot does not begin an extension.
std::string with_suffix(std::string_view path, std::uint32_t n) {
    const std::size_t begin = path.size() - last_component(path).size();
    std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos || dot <= begin) dot = path.size();
    return fmt::format("{} ({}){}", path.substr(0, dot), n, path.substr(dot));
}

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

base::Result<ClaimedName> NameSet::claim(NameKind kind, std::string_view name) {
    if (kind == NameKind::skip) return ClaimedName{kind, false, {}};
    if (std::ranges::count(name, '/') > static_cast<std::ptrdiff_t>(kDepthMax)) {
        return base::fail(base::ErrorKind::invalid, "bad_entry_name",
                          fmt::format("the entry name {}... is more than {} folders deep",
                                      name.substr(0, 100), kDepthMax));
    }
    if (folders_ >= kFoldersMax) {
        return base::fail(base::ErrorKind::exhausted, "too_many_folders",
                          fmt::format("the entry names make more than {} folders", kFoldersMax));
    }
    std::string path(name);
    const bool is_directory = kind == NameKind::directory;
    if (is_directory) path.pop_back();
    const bool fits = settle_parents(path) &&
                      (is_directory ? settle_directory(path, path.size()) : settle_file(path));
    if (!fits) {
        return base::fail(
            base::ErrorKind::invalid, "duplicate_name",
            fmt::format("the entry name {} is taken, or is both a file and a folder", name));
    }
    if (is_directory) {
        const auto held = map_.find(path);
        if (held != map_.end()) {
            if (held->second.holder == Holder::directory_entry)
                return ClaimedName{NameKind::skip, false, {}};
            held->second.holder = Holder::directory_entry;
        }
        path += '/';
    }
    const std::string_view kept = pool_.add(path);
    const std::string_view node = is_directory ? kept.substr(0, kept.size() - 1) : kept;
    map_.try_emplace(node, Node{is_directory ? Holder::directory_entry : Holder::file});
    hold_parents(node);
    return ClaimedName{kind, kept != name, kept};
}

// A folder that is held has only held folders above it, so the nearest one usually answers for all.
bool NameSet::settle_parents(std::string& path) {
    const std::size_t nearest = path.rfind('/');
    if (nearest == std::string::npos) return true;
    const auto parent = map_.find(std::string_view(path).substr(0, nearest));
    if (parent != map_.end() && parent->second.holder != Holder::file) return true;
    for (std::size_t slash = path.find('/'); slash != std::string::npos;) {
        const std::size_t tail = path.size() - slash;
        if (!settle_directory(path, slash)) return false;
        slash = path.find('/', path.size() - tail + 1);
    }
    return true;
}

bool NameSet::settle_directory(std::string& path, std::size_t end) {
    const std::string folder = path.substr(0, end);
    const auto held = map_.find(folder);
    if (held == map_.end() || held->second.holder != Holder::file) return true;
    if (policy_ == OnDuplicate::fail) return false;
    // What was found free once is a folder from then on: the next comer starts, and ends, there.
    for (std::uint32_t& n = held->second.directory_suffix;; ++n) {
        const std::string candidate = with_suffix(folder, n);
        const auto other = map_.find(candidate);
        if (other != map_.end() && other->second.holder == Holder::file) continue;
        path.replace(0, end, candidate);
        return true;
    }
}

bool NameSet::settle_file(std::string& path) {
    const auto held = map_.find(path);
    if (held == map_.end()) return true;
    if (policy_ == OnDuplicate::fail) return false;
    const std::string wanted = path;
    for (std::uint32_t& n = held->second.file_suffix;; ++n) {
        path = with_suffix(wanted, n);
        if (!map_.contains(path)) return true;
    }
}

void NameSet::hold_parents(std::string_view path) {
    for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos;) {
        path = path.substr(0, slash);
        if (!map_.try_emplace(path, Node{Holder::implied_directory}).second) return;
        ++folders_;
        slash = path.rfind('/');
    }
}

}  // namespace zip
