#include "zip/name_set.h"

#include <fmt/format.h>
#include <algorithm>

#include "zip/name_fold.h"

namespace zip {
namespace {

// A path to be moved aside, around the place of the number.
struct Stem {
    std::string_view path;
    std::string_view extension;
};

// Room for " (4294967295)" in a component that file systems hold.
constexpr std::size_t kSuffixSizeMax = 13;

Stem stem_of(std::string_view path) {
    std::size_t dot = extension_begin(path);
    // A longer one would have to be cut, and might then end as no safe name may.
    if (path.size() - dot > kExtensionSizeMax) dot = path.size();
    const std::string_view extension = path.substr(dot);
    const std::size_t folders = path.size() - last_component(path).size();
    const std::size_t room = kComponentSizeMax - kSuffixSizeMax;
    const std::string_view stem = path.substr(folders, dot - folders);
    const std::size_t size = utf8_prefix(stem, room - extension.size()).size();
    return {path.substr(0, folders + size), extension};
}

// "dir/stem.ext" -> "dir/stem (n).ext"
std::string with_suffix(std::string_view path, std::uint32_t n) {
    const Stem stem = stem_of(path);
    return fmt::format("{} ({}){}", stem.path, n, stem.extension);
}

base::Status check_claim(std::string_view name) {
    if (!name.empty() &&
        std::ranges::count(name, '/') <= static_cast<std::ptrdiff_t>(NameSet::kDepthMax)) {
        return {};
    }
    return base::fail(base::ErrorKind::invalid, "bad_entry_name",
                      fmt::format("the entry name \"{}\" is empty, or more than {} folders deep",
                                  utf8_prefix(name, 200), NameSet::kDepthMax));
}

}  // namespace

NameSet::NameSet(NamePool& pool, OnDuplicate policy, NameEquality equality)
    : pool_(pool),
      policy_(policy),
      equality_(equality),
      key_(base::SipKey::from_system()),
      table_(equality, key_),
      file_suffix_(0, KeyedHash{key_}),
      folder_suffix_(0, KeyedHash{key_}) {}

base::Result<ClaimedName> NameSet::claim(NameKind kind, std::string_view name,
                                         std::string_view stored) {
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
    if (!fits) return base::fail(clash_error(name));
    NameTable::Slot* held = is_directory ? table_.find(path) : nullptr;
    if (held != nullptr && held->held_by() == NameHolder::directory_entry) {
        return ClaimedName{NameKind::skip, false, {}};
    }
    if (is_directory) path += '/';
    const std::string_view kept =
        stored.ends_with(path) ? stored.substr(stored.size() - path.size()) : pool_.add(path);
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
    const std::string wanted = path.substr(0, end);
    const NameTable::Slot* held = table_.find(wanted);
    if (held == nullptr || !held->is_file()) return true;
    clash_ = *held;
    if (policy_ == OnDuplicate::fail) return false;
    // What was found free once is a folder from then on: the next comer starts, and ends, there.
    for (std::uint32_t& n = next_suffix(folder_suffix_, wanted);; ++n) {
        const std::string candidate = with_suffix(wanted, n);
        const NameTable::Slot* other = table_.find(candidate);
        if (other != nullptr && other->is_file()) continue;
        path.replace(0, end, candidate);
        return true;
    }
}

bool NameSet::settle_file(std::string& path) {
    const NameTable::Slot* held = table_.find(path);
    if (held == nullptr) return true;
    clash_ = *held;
    if (policy_ == OnDuplicate::fail) return false;
    const std::string wanted = path;
    for (std::uint32_t& n = next_suffix(file_suffix_, wanted);; ++n) {
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

std::uint32_t& NameSet::next_suffix(Suffixes& suffixes, std::string_view path) {
    const Stem stem = stem_of(path);
    std::string base = fmt::format("{}/{}", stem.path, stem.extension);
    if (equality_ == NameEquality::folded) {
        std::string folded;
        fold_name(base, folded);
        base = std::move(folded);
    }
    return suffixes.try_emplace(std::move(base), 2).first->second;
}

base::Error NameSet::clash_error(std::string_view name) const {
    const std::string_view path = name.ends_with('/') ? name.substr(0, name.size() - 1) : name;
    const std::string_view held = clash_.path();
    const bool below = path.size() > held.size() && path[held.size()] == '/';
    std::string detail;
    if (clash_.is_file() && below) {
        detail = fmt::format("the entry name {} needs a folder where {} is a file", name, held);
    } else if (!clash_.is_file() || name != path) {
        detail = fmt::format("the entry name {} would be both a file and a folder", name);
    } else if (held == path) {
        detail = fmt::format("the entry name {} is taken", name);
    } else {
        detail = fmt::format(
            "the entry name {} differs from {} only in case or Unicode form, which "
            "is one file on Windows and macOS",
            name, held);
    }
    return {base::ErrorKind::invalid, "duplicate_name", std::move(detail), 0, {}, {}};
}

}  // namespace zip
