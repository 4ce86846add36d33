#include "zip/name_pool.h"

#include <algorithm>
#include <cstring>

namespace zip {

std::string_view NamePool::add(std::string_view text) {
    constexpr std::size_t kFirstChunk = 1 << 10;  // most reports of an archive's names are short
    constexpr std::size_t kLargeChunk = 256 << 10;
    if (text.empty()) return {};
    if (text.size() > free_) {
        chunk_size_ = std::max(std::clamp(2 * chunk_size_, kFirstChunk, kLargeChunk), text.size());
        chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size_));
        free_ = chunk_size_;
        bytes_ += chunk_size_;
    }
    char* at = chunks_.back().get() + (chunk_size_ - free_);
    std::memcpy(at, text.data(), text.size());
    free_ -= text.size();
    return {at, text.size()};
}

}  // namespace zip
