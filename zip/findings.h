// What is wrong with an archive, as sentences with a place. A damaged archive may have a finding
// for every entry, so only the first kFindingsMax are kept and the rest counted. Not thread-safe.
#pragma once

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
};

inline constexpr std::size_t kFindingsMax = 1000;

class Findings {
  public:
    void add(std::uint64_t offset, std::string_view entry, std::string what);
    void append(const Findings& other);
    const std::vector<Finding>& list() const { return list_; }
    std::uint64_t total() const { return total_; }  // with those not kept
    bool empty() const { return total_ == 0; }

  private:
    std::vector<Finding> list_;
    std::uint64_t total_ = 0;
};

}  // namespace zip
