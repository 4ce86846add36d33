#include "zip/findings.h"

#include <algorithm>
#include <utility>

namespace zip {
namespace {

// Names may have 64 KiB. Cut before a whole character, if it is UTF-8.
void cut(std::string& text, std::string_view of) {
    if (of.size() <= kFindingTextMax) {
        text = of;
        return;
    }
    std::size_t end = kFindingTextMax;
    while (end > kFindingTextMax - 3 && (static_cast<unsigned char>(of[end]) & 0xC0) == 0x80) --end;
    text.assign(of.substr(0, end));
    text += "...";
}

}  // namespace

void Findings::add(std::uint64_t offset, std::string_view entry, std::string what) {
    ++total_;
    if (list_.size() >= kFindingsMax) return;
    Finding& finding = list_.emplace_back();
    finding.offset = offset;
    cut(finding.entry, entry);
    cut(finding.what, what);
}

void Findings::merge(const Findings& other) {
    if (other.empty()) return;
    total_ += other.total_;
    list_.insert(list_.end(), other.list_.begin(), other.list_.end());
    std::ranges::sort(list_);
    if (list_.size() > kFindingsMax) list_.resize(kFindingsMax);
}

}  // namespace zip
