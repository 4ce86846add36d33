#include <fmt/format.h>
#include <algorithm>
#include <string>

#include "zip/names.h"

namespace zip {
namespace {

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "dir/stem.ext" -> "dir/stem (n).ext"; a leading dot does not begin an extension.
std::string with_suffix(std::string_view path, std::uint32_t n) {
    const std::size_t begin = path.size() - last_component(path).size();
    std::size_t dot = path.rfind('.');
    if (dot == std::string_view::npos || dot <= begin) dot = path.size();
    return fmt::format("{} ({}){}", path.substr(0, dot), n, path.substr(dot));
}

base::Status check_claim(std::string_view name) {
    if (!name.empty() &&
        std::ranges::count(name, '/') <= static_cast<std::ptrdiff_t>(NameSet::kDepthMax)) {
        return {};
    }
    return base::fail(base::ErrorKind::invalid, "bad_entry_name",
                      fmt::format("the entry name \"{}\" is empty, or more than {} folders deep",
                                  name.substr(0, 200), NameSet::kDepthMax));
}

}  // namespace

base::Result<ClaimedName> NameSet::claim(NameKind kind, std::string_view name) {
    if (kind == NameKind::skip) return ClaimedName{kind, false, {}};
    if (base::Status ok = check_claim(name); !ok) return base::fail(std::move(ok.error()));
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
    NameTable::Slot* held = is_directory ? table_.find(path) : nullptr;
    if (held != nullptr && held->held_by() == NameHolder::directory_entry) {
        return ClaimedName{NameKind::skip, false, {}};
    }
    if (is_directory) path += '/';
    const std::string_view kept = pool_.add(path);
    const std::string_view node = is_directory ? kept.substr(0, kept.size() - 1) : kept;
    if (held != nullptr) {
        held->holder = static_cast<std::uint32_t>(NameHolder::directory_entry) & 3;
    } else {
        table_.insert(node, is_directory ? NameHolder::directory_entry : NameHolder::file);
        hold_parents(node);
    }
    return ClaimedName{kind, kept != name, kept};
}

// A folder that is held has only held folders above it, so the nearest one usually answers for all.
bool NameSet::settle_parents(std::string& path) {
    const std::size_t nearest = path.rfind('/');
    if (nearest == std::string::npos) return true;
    const NameTable::Slot* parent = table_.find(std::string_view(path).substr(0, nearest));
    if (parent != nullptr && !parent->is_file()) return true;
    for (std::size_t slash = path.find('/'); slash != std::string::npos;) {
        const std::size_t tail = path.size() - slash;
        if (!settle_directory(path, slash)) return false;
        slash = path.find('/', path.size() - tail + 1);
    }
    return true;
}

bool NameSet::settle_directory(std::string& path, std::size_t end) {
    const NameTable::Slot* held = table_.find(std::string_view(path).substr(0, end));
    if (held == nullptr || !held->is_file()) return true;
    if (policy_ == OnDuplicate::fail) return false;
    // What was found free once is a folder from then on: the next comer starts, and ends, there.
    const std::string_view folder = held->path();
    for (std::uint32_t& n = folder_suffix_.try_emplace(folder, 2).first->second;; ++n) {
        const std::string candidate = with_suffix(folder, n);
        const NameTable::Slot* other = table_.find(candidate);
        if (other != nullptr && other->is_file()) continue;
        path.replace(0, end, candidate);
        return true;
    }
}

bool NameSet::settle_file(std::string& path) {
    const NameTable::Slot* held = table_.find(path);
    if (held == nullptr) return true;
    if (policy_ == OnDuplicate::fail) return false;
    const std::string_view wanted = held->path();
    for (std::uint32_t& n = file_suffix_.try_emplace(wanted, 2).first->second;; ++n) {
        path = with_suffix(wanted, n);
        if (table_.find(path) == nullptr) return true;
    }
}

void NameSet::hold_parents(std::string_view path) {
    for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos;
         slash = path.rfind('/')) {
        path = path.substr(0, slash);
        if (table_.find(path) != nullptr) return;
        table_.insert(path, NameHolder::implied_directory);
        ++folders_;
    }
}

}  // namespace zip
