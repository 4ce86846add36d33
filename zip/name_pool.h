// A NamePool keeps the bytes of many names, packed: views into it stay good as long as it lives.
// Costs the bytes themselves, in chunks of 256 KiB. Not thread-safe while it is added to.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace zip {

class NamePool {
  public:
    std::string_view add(std::string_view text);

  private:
    std::vector<std::unique_ptr<char[]>> chunks_;
    std::size_t free_ = 0;  // bytes left in the last chunk
    std::size_t chunk_size_ = 0;
};

}  // namespace zip
