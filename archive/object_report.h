// What an archive's user must be told of objects that did not go in as asked: left out, or under
// another name. May be as long as the archive has entries, so it is made once and then shared, by
// the job's result and all snapshots of it. Views point into it. Immutable once shared.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "zip/name_pool.h"

namespace archive {

struct SkippedObject {
    std::string_view bucket;
    std::string_view key;
    std::string_view reason;  // "not_found", "archived", "destination"
};

struct RenamedObject {
    std::string_view bucket;
    std::string_view key;
    std::string_view name;    // in the archive
    std::string_view reason;  // "unsafe", "duplicate"
};

class ObjectReport {
  public:
    const std::vector<SkippedObject>& skipped() const { return skipped_; }
    const std::vector<RenamedObject>& renamed() const { return renamed_; }

    std::uint64_t bytes() const {  // of memory
        return sizeof *this + pool_.bytes() + skipped_.capacity() * sizeof(SkippedObject) +
               renamed_.capacity() * sizeof(RenamedObject);
    }

    // `reason` is a literal; everything else is copied.
    void skip(std::string_view bucket, std::string_view key, std::string_view reason) {
        skipped_.push_back({bucket_of(bucket), pool_.add(key), reason});
    }
    void rename(std::string_view bucket, std::string_view key, std::string_view name,
                std::string_view reason) {
        renamed_.push_back({bucket_of(bucket), pool_.add(key), pool_.add(name), reason});
    }

  private:
    std::string_view bucket_of(std::string_view bucket) {  // they come in runs
        if (bucket_ != bucket) bucket_ = pool_.add(bucket);
        return bucket_;
    }

    zip::NamePool pool_;
    std::string_view bucket_;
    std::vector<SkippedObject> skipped_;
    std::vector<RenamedObject> renamed_;
};

}  // namespace archive
