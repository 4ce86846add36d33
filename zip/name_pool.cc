#include "zip/name_pool.h"

#include <algorithm>
#include <cstring>

namespace zip {

std::string_view NamePool::add(std::string_view text) {
    constexpr std::size_t kChunkSize = 256 << 10;
    if (text.empty()) return {};
    if (text.size() > free_) {
        chunk_size_ = std::max(kChunkSize, text.size());
        chunks_.push_back(std::make_unique_for_overwrite<char[]>(chunk_size_));
        free_ = chunk_size_;
    }
    char* at = chunks_.back().get() + (chunk_size_ - free_);
    std::memcpy(at, text.data(), text.size());
    free_ -= text.size();
    return {at, text.size()};
}

}  // namespace zip
