// Entry names from S3 keys: what every reader opens and extracts inside the target folder, and no
// name twice. Pure; errors are `invalid`.
//
// A key may be any 1..1024 bytes; an entry name is UTF-8, relative, with '/' between components,
// none of them empty, "." or "..", without backslash, drive letter or control characters. Cleaning
// rewrites and says so, it never loses an entry:
//   leading '/', empty and "." components are dropped      ".." becomes "__"      '\' becomes '/'
//   bytes 0..31 and 127 become '_'                         "C:" at the start becomes "C_"
//   bytes that are not UTF-8 become '_' (Java's ZipFile refuses a whole archive for one such name)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "zip/name_table.h"

namespace zip {

enum class NameKind : std::uint8_t {
    file,
    directory,  // the name ends in '/'
    skip,       // a marker that needs no entry: the stripped prefix itself, or any marker when
                // flattening
};

struct EntryName {
    NameKind kind = NameKind::file;
    bool rewritten = false;  // differs from what key and options ask for literally: to be reported
    std::string name;
};

struct NameOptions {
    std::string_view strip_prefix;  // removed from keys that start with it
    bool flatten = false;           // only the last component is kept
};

// A key ending in '/' is a directory when the object is empty, else a file named without the slash
// (rewritten).
base::Result<EntryName> entry_name_from_key(std::string_view key, std::uint64_t size,
                                            const NameOptions& options);
// A name the request gives: cleaned the same way, neither stripped nor flattened.
base::Result<EntryName> entry_name_explicit(std::string_view name, std::uint64_t size);

// The bytes of names, packed; views into it stay good as long as it lives. Costs the bytes
// themselves.
class NamePool {
  public:
    std::string_view add(std::string_view text);

  private:
    std::vector<std::unique_ptr<char[]>> chunks_;
    std::size_t free_ = 0;  // bytes left in the last chunk
    std::size_t chunk_size_ = 0;
};

enum class OnDuplicate : std::uint8_t { fail, rename };

struct ClaimedName {
    NameKind kind = NameKind::file;
    bool renamed = false;   // "a.txt" became "a (2).txt"
    std::string_view name;  // in the pool
};

// A NameSet settles clashes in the order of the entries. Two files of one name clash, and so do
// file `a` and anything below `a/`; a directory named twice is one directory, the second is
// skipped. Under `rename` the later comer moves to the first free "stem (n).ext", n from 2, of the
// component that clashes; under `fail` it is an error that names it. Names deeper than kDepthMax
// are refused, and so is the folder after kFoldersMax (`exhausted`), lest hostile keys eat all
// memory. About 70 bytes for each name and each parent folder, besides the pool, which must outlive
// it. Not thread-safe.
class NameSet {
  public:
    static constexpr std::size_t kDepthMax = 512;  // any S3 key fits
    static constexpr std::size_t kFoldersMax = 16'000'000;

    NameSet(NamePool& pool, OnDuplicate policy) : pool_(pool), policy_(policy) {}
    base::Result<ClaimedName> claim(NameKind kind, std::string_view name);

  private:
    // Where the search for a free suffix goes on; only for names that have clashed.
    using Suffixes = std::unordered_map<std::string_view, std::uint32_t>;

    // Each makes sure that `path` can be what it is to be, moving it aside where a clash allows;
    // false: it may not.
    bool settle_parents(std::string& path);
    bool settle_directory(std::string& path, std::size_t end);  // the folder path[0, end)
    bool settle_file(std::string& path);
    void hold_parents(std::string_view path);

    NamePool& pool_;
    OnDuplicate policy_;
    std::size_t folders_ = 0;  // implied ones
    NameTable table_;
    Suffixes file_suffix_;
    Suffixes folder_suffix_;
};

}  // namespace zip
