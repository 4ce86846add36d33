// A NameSet gives every entry a name of its own: it settles clashes in the order of the entries.
//
// Two files of one name clash, and so do file `a` and anything below `a/`; a directory named twice
// is one directory, the second is skipped. Names that differ only in case or Unicode form clash
// likewise (name_fold.h), unless equality is exact; folders that differ so are one folder. Under
// `rename` the later comer moves to the first free "stem (n).ext", n from 2, of the component that
// clashes; under `fail` it is an error that names it and what it clashes with. Names deeper than
// kDepthMax are refused, and so is the folder after kFoldersMax (`exhausted`), lest hostile keys
// eat all memory. About 50 bytes for each name and each parent folder, besides the pool, which must
// outlive it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "zip/name_pool.h"
#include "zip/name_table.h"
#include "zip/names.h"

namespace zip {

enum class OnDuplicate : std::uint8_t { fail, rename };

struct ClaimedName {
    NameKind kind = NameKind::file;
    bool renamed = false;   // "a.txt" became "a (2).txt"
    std::string_view name;  // in the pool, or the tail of `stored`
};

class NameSet {
  public:
    static constexpr std::size_t kDepthMax = 512;  // any S3 key fits
    static constexpr std::size_t kFoldersMax = 16'000'000;

    NameSet(NamePool& pool, OnDuplicate policy, NameEquality equality = NameEquality::folded);

    // `stored`, if not empty, is text that stays as long as the pool does (the entry's key); a name
    // that is its tail needs no copy.
    base::Result<ClaimedName> claim(NameKind kind, std::string_view name,
                                    std::string_view stored = {});
    std::size_t folders() const { return folders_; }
    // An estimate of its memory, without the pool.
    std::uint64_t bytes() const {
        constexpr std::uint64_t kSuffixBytes = 200;
        return table_.bytes() + (file_suffix_.size() + folder_suffix_.size()) * kSuffixBytes;
    }

  private:
    struct KeyedHash {
        base::SipKey key;
        std::size_t operator()(std::string_view text) const { return base::siphash13(key, text); }
    };
    // Where the search for a free "stem (n).ext" goes on, by folded "stem.ext". Names that are cut
    // to the same stem share it, or many of them would each search from 2.
    using Suffixes = std::unordered_map<std::string, std::uint32_t, KeyedHash>;

    // Each makes sure that `path` can be what it is to be, moving it aside where a clash allows;
    // false: it may not, because of clash_.
    bool settle_parents(std::string& path);
    bool settle_directory(std::string& path, std::size_t end);  // the folder path[0, end)
    bool settle_file(std::string& path);
    void hold_parents(std::string_view path);
    std::uint32_t& next_suffix(Suffixes& suffixes, std::string_view path);
    base::Error clash_error(std::string_view name) const;

    NamePool& pool_;
    const OnDuplicate policy_;
    const NameEquality equality_;
    const base::SipKey key_;
    NameTable table_;
    Suffixes file_suffix_;
    Suffixes folder_suffix_;
    std::size_t folders_ = 0;  // implied ones
    NameTable::Slot clash_;    // who held what could not be settled
};

}  // namespace zip
