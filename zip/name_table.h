// A NameTable maps paths to who holds them: NameSet's memory. Open addressing with linear probing,
// 16 bytes a slot and at most 5/8 of them in use, so 26 to 51 bytes a path; a lookup usually costs
// one cache miss. It keeps views: the bytes must outlive it. The hash is keyed, so that nobody can
// choose keys that fall into one chain. Not thread-safe; nothing is ever removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/siphash.h"

namespace zip {

enum class NameHolder : std::uint8_t { file, implied_directory, directory_entry };

enum class NameEquality : std::uint8_t {
    exact,   // the same bytes
    folded,  // the same but for case and Unicode form: name_fold.h
};

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

    NameTable(NameEquality equality, const base::SipKey& key)
        : equality_(equality), key_(key), slots_(1024) {}

    // nullptr if no equal path is held. Good until the next insert().
    Slot* find(std::string_view path);
    // Adds a path that is not held, from memory that stays. Moves all slots now and then.
    void insert(std::string_view path, NameHolder holder);
    std::uint64_t bytes() const { return slots_.capacity() * sizeof(Slot); }  // of memory

  private:
    std::uint32_t hash_of(std::string_view path);
    // The path's slot, or the free one for it. Right after hash_of(path).
    Slot& probe(std::string_view path, std::uint32_t hash);
    bool is_same(const Slot& slot, std::string_view path);
    void grow();

    const NameEquality equality_;
    const base::SipKey key_;
    std::vector<Slot> slots_;  // a power of two of them
    std::size_t used_ = 0;
    std::string folded_;  // what hash_of() was last asked for
    std::string other_;   // a slot's, to compare
};

}  // namespace zip
