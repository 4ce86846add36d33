#include "zip/name_table.h"

#include <utility>

#include "base/check.h"
#include "zip/name_fold.h"

namespace zip {

std::uint32_t NameTable::hash_of(std::string_view path) {
    if (equality_ == NameEquality::folded) {
        fold_name(path, folded_);
        path = folded_;
    }
    return static_cast<std::uint32_t>(base::siphash13(key_, path));
}

bool NameTable::is_same(const Slot& slot, std::string_view path) {
    if (slot.path() == path) return true;
    if (equality_ == NameEquality::exact) return false;
    fold_name(slot.path(), other_);
    return other_ == folded_;
}

NameTable::Slot* NameTable::find(std::string_view path) {
    Slot& slot = probe(path, hash_of(path));
    return slot.data == nullptr ? nullptr : &slot;
}

void NameTable::insert(std::string_view path, NameHolder holder) {
    CHECK(path.data() != nullptr && path.size() < 1U << 30);
    if ((used_ + 1) * 8 > slots_.size() * 5) grow();
    const std::uint32_t hash = hash_of(path);
    Slot& slot = probe(path, hash);
    CHECK(slot.data == nullptr);
    slot.data = path.data();
    slot.hash = hash;
    slot.size = static_cast<std::uint32_t>(path.size()) & 0x3FFFFFFF;
    slot.holder = static_cast<std::uint32_t>(holder) & 3;
    ++used_;
}

NameTable::Slot& NameTable::probe(std::string_view path, std::uint32_t hash) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
        Slot& slot = slots_[at];
        if (slot.data == nullptr || (slot.hash == hash && is_same(slot, path))) return slot;
    }
}

void NameTable::grow() {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
        if (slot.data == nullptr) continue;
        std::size_t at = slot.hash & mask;
        while (slots_[at].data != nullptr) at = (at + 1) & mask;
        slots_[at] = slot;
    }
}

}  // namespace zip
