#include "archive/seen_keys.h"

#include <utility>

namespace archive {

std::uint32_t* SeenKeys::find(std::string_view key) {
    const std::uint64_t hash = base::siphash13(sip_, key);
    for (std::size_t i = hash & (slots_.size() - 1); slots_[i].used;
         i = (i + 1) & (slots_.size() - 1)) {
        Slot& slot = slots_[i];
        if (slot.hash != hash) continue;
        if (slot.object == kNoObject || key_of_(slot.object) == key) return &slot.object;
    }
    return nullptr;
}

void SeenKeys::insert(std::string_view key, std::uint32_t object) {
    if ((used_ + 1) * 8 > slots_.size() * 5) grow();
    place({base::siphash13(sip_, key), object, true});
    ++used_;
}

void SeenKeys::place(const Slot& slot) {
    std::size_t i = slot.hash & (slots_.size() - 1);
    while (slots_[i].used) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
}

void SeenKeys::grow() {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : old) {
        if (slot.used) place(slot);
    }
}

}  // namespace archive
