// Values packed into bytes and read back, for what we write for ourselves (the journal, manifests):
// varints (LEB128), 32-bit words little-endian, texts with their length before them.
//
// A reader never reads beyond its bytes: once something is wrong, ok() is false and all that
// follows is empty or zero, so a decoder checks once, at its end, and bounds its loops by left().
// Pure; a view that is read points into the bytes read from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace base {

class PackedWriter {
  public:
    void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
    void number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
        byte(static_cast<std::uint8_t>(value));
    }
    // Small ones of either sign stay short.
    void signed_number(std::int64_t value) {
        number((static_cast<std::uint64_t>(value) << 1) ^
               static_cast<std::uint64_t>(value < 0 ? -1 : 0));
    }
    void word(std::uint32_t value) {
        for (int shift = 0; shift < 32; shift += 8) byte(static_cast<std::uint8_t>(value >> shift));
    }
    void text(std::string_view value) {
        number(value.size());
        out_ += value;
    }
    std::size_t size() const { return out_.size(); }
    std::string take() { return std::exchange(out_, {}); }

  private:
    std::string out_;
};

class PackedReader {
  public:
    explicit PackedReader(std::string_view bytes) : left_(bytes) {}

    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && left_.empty(); }
    std::size_t left() const { return left_.size(); }

    std::uint8_t byte() {
        const std::string_view one = bytes(1);
        return one.empty() ? 0 : static_cast<std::uint8_t>(one.front());
    }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 70; shift += 7) {
            const std::uint8_t next = byte();
            if (shift == 63 && next > 1) break;  // does not fit 64 bits
            value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
            if (next < 0x80) return ok_ ? value : 0;
        }
        fail();
        return 0;
    }
    std::int64_t signed_number() {
        const std::uint64_t value = number();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    std::uint32_t word() {
        const std::string_view four = bytes(4);
        return four.empty() ? 0 : load_le<std::uint32_t>(as_bytes(four).data());
    }
    std::string_view text() { return bytes(number()); }
    std::string_view bytes(std::uint64_t count) {
        if (!ok_ || count > left_.size()) {
            fail();
            return {};
        }
        const std::string_view read = left_.substr(0, count);
        left_.remove_prefix(count);
        return read;
    }
    void fail() {
        ok_ = false;
        left_ = {};
    }

  private:
    std::string_view left_;
    bool ok_ = true;
};

}  // namespace base
