// SeenKeys is the set of keys that a listing has shown, for stores that list in no order: each with
// the number of its object, if it has one. Keys are not copied: 16 bytes a slot, at most 5/8 of the
// slots in use, so 26 to 51 bytes a key. The hash is keyed, so that keys which collide cannot
// be chosen. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/siphash.h"

namespace archive {

class SeenKeys {
  public:
    static constexpr std::uint32_t kNoObject = UINT32_MAX;

    // The key of an object that was inserted.
    using KeyOf = std::function<std::string_view(std::uint32_t object)>;
    explicit SeenKeys(KeyOf key_of) : key_of_(std::move(key_of)), slots_(kSlotsMin) {}

    // The object of the key, kNoObject if it has none; nullptr if the key was not inserted. Good
    // until the next insert(); the caller can change it. Compares keys with those of objects. A key
    // without an object is only a 64-bit hash: another key may be found for it, however rarely.
    std::uint32_t* find(std::string_view key);
    // REQUIRES: the key is not there.
    void insert(std::string_view key, std::uint32_t object);
    std::uint64_t bytes() const { return slots_.capacity() * sizeof(Slot); }

  private:
    static constexpr std::size_t kSlotsMin = 1024;
    struct Slot {
        std::uint64_t hash = 0;
        std::uint32_t object = kNoObject;
        bool used = false;
    };
    void place(const Slot& slot);
    void grow();

    const KeyOf key_of_;
    const base::SipKey sip_ = base::SipKey::from_system();
    std::vector<Slot> slots_;  // a power of two of them
    std::size_t used_ = 0;
};

}  // namespace archive
