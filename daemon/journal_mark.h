// The mark: which commit of the journal was acknowledged last, in a file beside the database.
//
// SQLite's recovery drops everything after the first bad frame of the WAL and says nothing. The
// mark says: it is written after every commit (two copies, in turn, each with a checksum; pwrite,
// no fsync) and so survives the death of the process, as the WAL does. A database that has got less
// far than its mark has lost commits.
//
// After a power failure the kernel may have written the mark and not the WAL. So the mark names the
// boot it was written in, and the last commit that an fsync covers: in another boot only that one
// is asked for. The mark may always lag. Owned by the store; not thread-safe. A write costs one
// system call.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "daemon/journal_directory.h"

namespace s3zipd {

// What /proc/sys/kernel/random/boot_id says; zeros if it says nothing, which equals no boot.
using BootId = std::array<std::byte, 16>;
BootId current_boot();

// offset size  of a copy; the second copy starts at kMarkCopyDistance, another sector
//      0    8  "s3zjmark"
//      8    8  store: a random number that the database has, too
//     16    8  generation: counts the writes; the higher copy holds
//     24    8  sequence of the last commit
//     32    8  sequence of the last commit that an fsync covers
//     40   16  boot id
//     56    8  checksum of the 56 bytes before it
inline constexpr std::size_t kMarkCopyBytes = 64;
inline constexpr std::size_t kMarkCopyDistance = 512;

class JournalMark {
  public:
    struct Commits {
        std::uint64_t store = 0;
        std::uint64_t sequence = 0;
        std::uint64_t synced = 0;  // <= sequence
    };
    // Reads what is there; nothing is no error yet. Error: journal_corrupt, both copies are bad.
    static base::Result<JournalMark> open(const JournalDirectory& directory, BootId boot);

    bool exists() const { return file_.fd() >= 0; }
    const Commits& commits() const { return commits_; }  // as last read or written
    // Is a database of this store that has got to `sequence` all that was acknowledged? A mark may
    // be missing only where there was no commit yet. Error: journal_corrupt.
    base::Status check(std::uint64_t store, std::uint64_t sequence) const;

    // Makes the file if missing, else overwrites both copies, so that nothing old is left.
    base::Status start(const JournalDirectory& directory, const Commits& commits);
    // Overwrites the older copy. REQUIRES: exists().
    base::Status write(const Commits& commits);

  private:
    JournalMark(std::string path, BootId boot) : path_(std::move(path)), boot_(boot) {}
    bool read_copy(std::size_t which);
    base::Status write_to(int fd, const Commits& commits);

    std::string path_;
    BootId boot_;          // ours
    BootId written_in_{};  // the mark's
    JournalFile file_;
    std::uint64_t generation_ = 0;
    Commits commits_;
};

}  // namespace s3zipd
