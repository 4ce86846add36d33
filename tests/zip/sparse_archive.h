// An archive that may be larger than memory: islands of bytes among zeros. It can be damaged like a
// file, and verified as the engine does it; zeros cost next to nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "archive_builder.h"

namespace zip_test {

class SparseArchive {
  public:
    explicit SparseArchive(std::string bytes) : size_(bytes.size()) {
        islands_.emplace(0, std::move(bytes));
    }
    // The archive of these files, where a file of kZeros with a size is that many zeros.
    struct File {
        std::string name;
        std::uint64_t zeros = 0;
        std::string data;  // if there are no zeros
    };
    explicit SparseArchive(const std::vector<File>& files);

    std::uint64_t size() const { return size_; }
    std::string read(zip::ByteRange range) const;
    bool is_zero(zip::ByteRange range) const;

    void flip(std::uint64_t bit);
    void truncate(std::uint64_t size);
    void remove(zip::ByteRange range);
    void insert(std::uint64_t at, const std::string& bytes);
    void overwrite(std::uint64_t at, const std::string& bytes);

  private:
    void split(std::uint64_t at);  // no island lies across `at`
    void shift(std::uint64_t from, std::int64_t by);

    std::uint64_t size_ = 0;
    std::map<std::uint64_t, std::string> islands_;
};

Verdict verify(const SparseArchive& archive, VerifyShape shape = {.piece = 8 << 20});

}  // namespace zip_test
