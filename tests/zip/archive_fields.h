// Where every field of a good archive stands, for tests that damage them: a walk of its own over
// the records, from APPNOTE 4.3 and 4.5.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sparse_archive.h"

namespace zip_test {

struct ArchiveMap {
    std::map<std::string, std::vector<zip::ByteRange>> fields;  // by kind: "central: method"...
    std::vector<zip::ByteRange> entries;                        // local header and data
    std::vector<zip::ByteRange> directory;                      // central headers
    zip::ByteRange end;                                         // the EOCD with its comment
};

ArchiveMap map_archive(const SparseArchive& archive);

}  // namespace zip_test
