#include "archive_fields.h"

namespace zip_test {
namespace {

struct Field {
    const char* name;
    std::uint64_t size;
};

class Walk {
  public:
    explicit Walk(const SparseArchive& archive) : archive_(archive) {}

    ArchiveMap run() {
        read_end();
        at_ = directory_;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> locals;  // offset, data size
        for (std::uint64_t i = 0; i < count_; ++i) locals.push_back(read_central());
        for (const auto& [offset, size] : locals) read_local(offset, size);
        return std::move(map_);
    }

  private:
    std::uint64_t number(std::uint64_t at, std::uint64_t size) const {
        const std::string bytes = archive_.read({at, size});
        std::uint64_t value = 0;
        for (std::size_t i = size; i-- > 0;)
            value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
        return value;
    }
    void note(const std::string& kind, std::uint64_t size) {
        if (size > 0) map_.fields[kind].push_back({at_, size});
        at_ += size;
    }
    void note_all(const std::string& record, std::initializer_list<Field> fields) {
        for (const Field& field : fields) note(record + ": " + field.name, field.size);
    }
    void read_end() {
        const std::uint64_t tail = std::min<std::uint64_t>(archive_.size(), 70'000);
        const std::uint64_t tail_at = archive_.size() - tail;
        const std::uint64_t end_at = tail_at + archive_.read({tail_at, tail}).rfind("PK\5\6");
        count_ = number(end_at + 10, 2);
        directory_ = number(end_at + 16, 4);
        if (end_at >= 76 && archive_.read({end_at - 20, 4}) == "PK\6\7") {
            at_ = end_at - 76;
            count_ = number(at_ + 32, 8);
            directory_ = number(at_ + 48, 8);
            note_all("zip64 end", {{"signature", 4},
                                   {"record size", 8},
                                   {"made by", 2},
                                   {"needed", 2},
                                   {"disk", 4},
                                   {"directory's disk", 4},
                                   {"entries on disk", 8},
                                   {"entries", 8},
                                   {"directory size", 8},
                                   {"directory offset", 8}});
            note_all("locator", {{"signature", 4}, {"disk", 4}, {"offset", 8}, {"disks", 4}});
        }
        at_ = end_at;
        note_all("end", {{"signature", 4},
                         {"disk", 2},
                         {"directory's disk", 2},
                         {"entries on disk", 2},
                         {"entries", 2},
                         {"directory size", 4},
                         {"directory offset", 4},
                         {"comment length", 2}});
        note("comment", archive_.size() - at_);
        map_.end = {end_at, archive_.size() - end_at};
    }
    void read_common(const std::string& record) {
        note_all(record, {{"needed", 2},
                          {"flags", 2},
                          {"method", 2},
                          {"time", 2},
                          {"date", 2},
                          {"crc", 4},
                          {"compressed size", 4},
                          {"size", 4},
                          {"name length", 2},
                          {"extra length", 2}});
    }
    void read_extras(const std::string& record, std::uint64_t end) {
        while (at_ < end) {
            const bool zip64 = number(at_, 2) == 1;
            const std::uint64_t size = number(at_ + 2, 2);
            const std::string extra = record + (zip64 ? ", zip64 extra" : ", time extra");
            note_all(extra, {{"id", 2}, {"length", 2}});
            if (zip64) {
                // Sizes come first; a block of 8 bytes is the offset alone.
                if (size >= 16) note_all(extra, {{"size", 8}, {"compressed size", 8}});
                if (size % 16 == 8) note(extra + ": offset", 8);
            } else {
                note_all(extra, {{"flags", 1}, {"time", 4}});
            }
        }
    }
    std::pair<std::uint64_t, std::uint64_t> read_central() {
        const std::uint64_t begin = at_;
        const std::uint64_t name = number(at_ + 28, 2), extra = number(at_ + 30, 2);
        std::uint64_t size = number(at_ + 24, 4), offset = number(at_ + 42, 4);
        std::uint64_t zip64 = at_ + 46 + name + 4;
        if (size == 0xFFFFFFFF) {
            size = number(zip64, 8);
            zip64 += 16;
        }
        if (offset == 0xFFFFFFFF) offset = number(zip64, 8);
        note_all("central", {{"signature", 4}, {"made by", 2}});
        read_common("central");
        note_all("central", {{"comment length", 2},
                             {"disk", 2},
                             {"internal attributes", 2},
                             {"external attributes", 4},
                             {"offset", 4},
                             {"name", name}});
        read_extras("central", at_ + extra);
        map_.directory.push_back({begin, at_ - begin});
        return {offset, size};
    }
    void read_local(std::uint64_t offset, std::uint64_t size) {
        at_ = offset;
        const std::uint64_t name = number(at_ + 26, 2), extra = number(at_ + 28, 2);
        note("local: signature", 4);
        read_common("local");
        note("local: name", name);
        read_extras("local", at_ + extra);
        note("data", size);
        map_.entries.push_back({offset, at_ - offset});
    }

    const SparseArchive& archive_;
    ArchiveMap map_;
    std::uint64_t at_ = 0;
    std::uint64_t count_ = 0, directory_ = 0;
};

}  // namespace

ArchiveMap map_archive(const SparseArchive& archive) { return Walk(archive).run(); }

}  // namespace zip_test
