// What is wrong with an archive, as sentences with a place. A damaged archive may have a finding
// for every entry, so only kFindingsMax are kept and the rest counted; texts are cut at
// kFindingTextMax. Not thread-safe.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zip {

struct Finding {
    std::uint64_t offset = 0;  // in the archive
    std::string entry;         // its name; empty: the archive itself
    std::string what;
    auto operator<=>(const Finding&) const = default;
};

inline constexpr std::size_t kFindingsMax = 1000;
inline constexpr std::size_t kFindingTextMax = 1024;

class Findings {
  public:
    // Keeps the first ones.
    void add(std::uint64_t offset, std::string_view entry, std::string what);
    // Of both together, sorted, keeps those with the smallest offsets: so the findings of ranges
    // that are scanned in any order make the same list. A list that was cut must have had its
    // findings added by rising offset.
    void merge(const Findings& other);
    const std::vector<Finding>& list() const { return list_; }
    std::uint64_t total() const { return total_; }  // with those not kept
    bool empty() const { return total_ == 0; }

  private:
    std::vector<Finding> list_;
    std::uint64_t total_ = 0;
};

}  // namespace zip
