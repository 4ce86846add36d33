// A NameTable maps paths to who holds them: NameSet's memory. Open addressing with linear probing,
// 16 bytes a slot and at most 5/8 of them in use, so 26 to 51 bytes a path; a lookup usually costs
// one cache miss. It keeps views: the bytes must outlive it. Not thread-safe; nothing is ever
// removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace zip {

enum class NameHolder : std::uint8_t { file, implied_directory, directory_entry };

class NameTable {
  public:
    struct Slot {
        const char* data = nullptr;  // nullptr: free
        std::uint32_t hash = 0;
        std::uint32_t size : 30 = 0;
        std::uint32_t holder : 2 = 0;

        std::string_view path() const { return {data, size}; }
        NameHolder held_by() const { return static_cast<NameHolder>(holder); }
        bool is_file() const { return held_by() == NameHolder::file; }
    };

    NameTable() : slots_(1024) {}

    Slot* find(std::string_view path);  // nullptr if it is not held
    // Adds a path that is not held, from memory that stays. Moves all slots now and then.
    void insert(std::string_view path, NameHolder holder);

  private:
    Slot& probe(std::string_view path,
                std::uint32_t hash);  // the path's slot, or the free one for it
    void grow();

    std::vector<Slot> slots_;  // a power of two of them
    std::size_t used_ = 0;
};

}  // namespace zip
