// A FuzzInput takes apart the bytes that libFuzzer gives to a target: text from the front, numbers
// from the back. So what a target parses stands in a corpus file as it is, and what drives the
// target follows it. It never fails: what is used up gives 0 and empty text. A view, for one call;
// views into it live as long as the call.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fuzz {

class FuzzInput {
  public:
    FuzzInput(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return rest_.empty(); }

    // From the front.
    std::string_view text(std::size_t size_max) {
        const std::string_view taken = rest_.substr(0, size_max);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view line() {  // up to a '\n', which is not part of it
        const std::string_view taken = text(rest_.find('\n'));
        text(1);
        return taken;
    }
    std::string_view rest() { return text(rest_.size()); }

    // From the back.
    std::uint8_t byte() {
        if (rest_.empty()) return 0;
        const char last = rest_.back();
        rest_.remove_suffix(1);
        return static_cast<std::uint8_t>(last);
    }
    bool flag() { return (byte() & 1) != 0; }
    template <typename UInt>
    UInt number() {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(UInt); ++i) value = value << 8 | byte();
        return static_cast<UInt>(value);
    }
    // 0..bound - 1, or 0; takes no more bytes than the bound has.
    std::uint64_t below(std::uint64_t bound) {
        if (bound <= 1) return 0;
        std::uint64_t value = 0;
        for (int bits = std::bit_width(bound - 1); bits > 0; bits -= 8) value = value << 8 | byte();
        return value % bound;
    }

  private:
    std::string_view rest_;
};

}  // namespace fuzz
