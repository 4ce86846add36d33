#include "zip_reading.h"

#include <array>
#include <optional>

#include "base/random.h"

namespace archive::test {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
        table[n] = c;
    }
    return table;
}

// Little-endian fields; reading past the end gives zeros and remembers it.
class Fields {
  public:
    Fields(std::string_view bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}
    std::uint64_t number(int size) {
        std::uint64_t value = 0;
        for (int i = 0; i < size; ++i) {
            if (at_ >= bytes_.size()) {
                broken_ = true;
                return 0;
            }
            value |= std::uint64_t{static_cast<unsigned char>(bytes_[at_++])} << (8 * i);
        }
        return value;
    }
    std::string_view text(std::uint64_t size) {
        if (at_ > bytes_.size() || size > bytes_.size() - at_) {
            broken_ = true;
            return {};
        }
        at_ += size;
        return bytes_.substr(at_ - size, size);
    }
    void skip(std::uint64_t size) { text(size); }
    std::uint64_t at() const { return at_; }
    bool broken() const { return broken_; }

  private:
    std::string_view bytes_;
    std::uint64_t at_;
    bool broken_ = false;
};

struct End {
    std::uint64_t entries = 0, cd_size = 0, cd_offset = 0, begin = 0;
    std::string comment;
};

std::optional<End> read_end(std::string_view bytes) {
    const std::size_t at = bytes.rfind(std::string_view("PK\5\6", 4));
    if (at == std::string_view::npos) return std::nullopt;
    End end;
    Fields f(bytes, at + 8);
    f.skip(2);
    end.entries = f.number(2);
    end.cd_size = f.number(4);
    end.cd_offset = f.number(4);
    end.comment = std::string(f.text(f.number(2)));
    end.begin = at;
    if (f.broken() || f.at() != bytes.size()) return std::nullopt;
    if (end.entries != 0xFFFF && end.cd_size != 0xFFFFFFFF && end.cd_offset != 0xFFFFFFFF)
        return end;
    if (at < 20 + 56) return std::nullopt;
    Fields locator(bytes, at - 20);
    if (locator.number(4) != 0x07064b50) return std::nullopt;
    locator.skip(4);
    end.begin = locator.number(8);
    Fields wide(bytes, end.begin);
    if (wide.number(4) != 0x06064b50) return std::nullopt;
    wide.skip(8 + 2 + 2 + 4 + 4 + 8);
    end.entries = wide.number(8);
    end.cd_size = wide.number(8);
    end.cd_offset = wide.number(8);
    return end;
}

// The Zip64 extra holds, in this order, those of the fields that are all ones.
void widen(std::string_view extra, std::initializer_list<std::uint64_t*> values) {
    Fields f(extra, 0);
    while (f.at() + 4 <= extra.size()) {
        const auto id = f.number(2);
        const auto size = f.number(2);
        if (id != 1) {
            f.skip(size);
            continue;
        }
        for (std::uint64_t* value : values) {
            if (*value == 0xFFFFFFFF) *value = f.number(8);
        }
        return;
    }
}

struct Local {
    std::uint64_t crc = 0, stored = 0, size = 0, data = 0;
    std::string_view name;
};

std::optional<Local> read_local(std::string_view bytes, std::uint64_t offset) {
    Fields f(bytes, offset);
    if (f.number(4) != 0x04034b50) return std::nullopt;
    f.skip(2);
    if ((f.number(2) & 0x08) != 0) return std::nullopt;  // a data descriptor
    if (f.number(2) != 0) return std::nullopt;           // not stored
    f.skip(4);
    Local local;
    local.crc = f.number(4);
    local.stored = f.number(4);
    local.size = f.number(4);
    const auto name_size = f.number(2);
    const auto extra_size = f.number(2);
    local.name = f.text(name_size);
    widen(f.text(extra_size), {&local.size, &local.stored});
    local.data = f.at();
    if (f.broken()) return std::nullopt;
    return local;
}

}  // namespace

std::string random_text(std::uint64_t seed, std::uint64_t size) {
    base::Random random(seed);
    std::string text(size, '\0');
    for (std::uint64_t i = 0; i < size; i += 8) {
        const std::uint64_t word = random.next();
        text.replace(i, 8, reinterpret_cast<const char*>(&word),
                     std::min<std::uint64_t>(8, size - i));
    }
    return text.substr(0, size);
}

std::uint32_t plain_crc32(std::string_view bytes) {
    static constexpr auto kTable = make_table();
    std::uint32_t c = 0xFFFFFFFF;
    for (const char byte : bytes)
        c = kTable[(c ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (c >> 8);
    return ~c;
}

ReadArchive read_archive(std::string_view bytes) {
    ReadArchive archive;
    const auto broken = [&archive](std::string what) {
        archive.problem = std::move(what);
        return archive;
    };
    const auto end = read_end(bytes);
    if (!end) return broken("no end records");
    if (end->cd_offset + end->cd_size != end->begin) return broken("the directory does not join");
    archive.comment = end->comment;
    std::uint64_t at = 0;  // where the next local header must be
    Fields f(bytes, end->cd_offset);
    for (std::uint64_t i = 0; i < end->entries; ++i) {
        if (f.number(4) != 0x02014b50) return broken("no directory header");
        f.skip(12);
        const auto crc = static_cast<std::uint32_t>(f.number(4));
        std::uint64_t stored = f.number(4), size = f.number(4);
        const auto name_size = f.number(2), extra_size = f.number(2), comment_size = f.number(2);
        f.skip(8);
        std::uint64_t offset = f.number(4);
        const std::string name(f.text(name_size));
        widen(f.text(extra_size), {&size, &stored, &offset});
        f.skip(comment_size);
        if (f.broken()) return broken("the directory is cut");
        if (offset != at) return broken(name + ": a gap before its local header");
        const auto local = read_local(bytes, offset);
        if (!local) return broken(name + ": no local header");
        if (local->name != name || local->crc != crc || local->size != size ||
            local->stored != size || stored != size) {
            return broken(name + ": local header and directory differ");
        }
        if (size > bytes.size() - local->data) return broken(name + ": its data is cut");
        const std::string_view data = bytes.substr(local->data, size);
        if (plain_crc32(data) != crc) return broken(name + ": wrong CRC");
        archive.entries.push_back({name, crc, data});
        at = local->data + size;
    }
    if (at != end->cd_offset) return broken("a gap before the directory");
    if (f.at() != end->begin) return broken("bytes after the directory");
    return archive;
}

}  // namespace archive::test
