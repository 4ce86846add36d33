#include "zip/findings.h"

#include <algorithm>
#include <utility>

namespace zip {

void Findings::add(std::uint64_t offset, std::string_view entry, std::string what) {
    ++total_;
    if (list_.size() < kFindingsMax) list_.push_back({offset, std::string(entry), std::move(what)});
}

void Findings::append(const Findings& other) {
    total_ += other.total_;
    const std::size_t kept = std::min(other.list_.size(), kFindingsMax - list_.size());
    list_.insert(list_.end(), other.list_.begin(),
                 other.list_.begin() + static_cast<std::ptrdiff_t>(kept));
}

}  // namespace zip
