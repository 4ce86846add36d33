// Entry names from S3 keys: what every reader opens, and extracts inside the target folder, on
// Linux, macOS and Windows. Pure; errors are `invalid`. docs/adr/0004-names.md says why.
//
// A key may be any 1..1024 bytes. A safe entry name is UTF-8, relative, with '/' between
// components. Cleaning rewrites and says so; it never loses an entry:
//   leading '/', empty and "." components are dropped      ".." becomes "__"      '\' becomes '/'
//   control characters, bytes that are not UTF-8 and < > : " | ? * become '_'
//   a dot or space at the end of a component becomes '_' (Windows drops it: "a." would be "a")
//   the ';' of a version at the end, as in "a;1", becomes '_' (UnZip drops it)
//   CON, NUL, COM1... get a '_' behind the stem: "nul.txt" becomes "nul_.txt"
//   a component over 255 bytes is cut, with "~" and its CRC-32 before the extension
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace zip {

enum class NamePolicy : std::uint8_t {
    safe,    // clean, and report
    strict,  // an error where safe would have rewritten
    raw,  // as asked for, whatever readers make of it; only what no ZIP can hold is rewritten: an
          // empty name, and data under a name that ends in '/'
};

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
    NamePolicy policy = NamePolicy::safe;
};

// What a safe name may have: file systems hold 255 bytes in a component, and the whole path must
// leave room in 4,096 for the target folder's.
inline constexpr std::size_t kComponentSizeMax = 255;
inline constexpr std::size_t kSafeNameSizeMax = 2048;
// What is longer is no extension, where a name has to be changed before it.
inline constexpr std::size_t kExtensionSizeMax = 32;

// A key ending in '/' is a directory when the object is empty, else a file named without the slash
// (rewritten).
base::Result<EntryName> entry_name_from_key(std::string_view key, std::uint64_t size,
                                            const NameOptions& options);
// A name the request gives: the same policy, neither stripped nor flattened.
base::Result<EntryName> entry_name_explicit(std::string_view name, std::uint64_t size,
                                            NamePolicy policy = NamePolicy::safe);

// The longest start of `text` of at most `size_max` bytes that cuts no UTF-8 sequence.
std::string_view utf8_prefix(std::string_view text, std::size_t size_max);
// Where the extension of a path's last component begins: at its last dot, if that is not its first
// character; else at the end.
std::size_t extension_begin(std::string_view path);
std::string_view last_component(std::string_view path);

}  // namespace zip
