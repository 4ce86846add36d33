// Entry lists and layouts for tests of the plan: sizes and names from a seed, nothing behind them.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "zip/layout.h"

namespace archive::test {

inline constexpr std::uint64_t kMiB = 1ULL << 20;
inline constexpr std::uint64_t kGiB = 1ULL << 30;

// Owns the names that its entries show.
class Entries final : public zip::EntryList {
  public:
    void add(std::string name, std::uint64_t size) { rows_.emplace_back(std::move(name), size); }
    std::uint64_t count() const override { return rows_.size(); }
    zip::Entry entry(std::uint64_t i) const override {
        return {.name = rows_[i].first, .size = rows_[i].second};
    }

  private:
    std::vector<std::pair<std::string, std::uint64_t>> rows_;
};

// `count` entries of one size.
class EqualEntries final : public zip::EntryList {
  public:
    EqualEntries(std::uint64_t count, std::uint64_t size) : count_(count), size_(size) {}
    std::uint64_t count() const override { return count_; }
    zip::Entry entry(std::uint64_t) const override {
        return {.name = "directory/name-of-a-file.bin", .size = size_};
    }

  private:
    std::uint64_t count_, size_;
};

inline zip::Layout layout_of(const zip::EntryList& entries) {
    auto layout = zip::Layout::create(entries);
    EXPECT_TRUE(layout.has_value());
    return std::move(*layout);
}

}  // namespace archive::test
