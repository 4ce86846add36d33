// A NamePool keeps the bytes of many names, packed: views into it stay good as long as it lives.
// Costs the bytes themselves, in chunks of 1 KiB at first and 256 KiB later. Not thread-safe while
// it is added to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace zip {

class NamePool {
  public:
    std::string_view add(std::string_view text);
    std::uint64_t bytes() const { return bytes_; }  // of memory

  private:
    std::vector<std::unique_ptr<char[]>> chunks_;
    std::size_t free_ = 0;  // bytes left in the last chunk
    std::size_t chunk_size_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace zip
