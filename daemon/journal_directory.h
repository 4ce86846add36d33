// The directory of the job journal: made if missing (0700), held by one process at a time, and the
// few calls on files in it that are not SQLite's.
//
// The lock is flock(2) on the file `lock`, which stays behind; it ends with the process, whatever
// ends it. Every descriptor is O_CLOEXEC, and no file is followed through a symbolic link. Owned by
// the store, destroyed after everything that is open in the directory. Not thread-safe, but for
// size_bytes().
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

inline constexpr const char* kJournalDatabase = "journal.db";
inline constexpr const char* kJournalWal = "journal.db-wal";
inline constexpr const char* kJournalMark = "journal.mark";
inline constexpr const char* kJournalLock = "lock";

// A call on `path` that failed with `error` (an errno): journal_full for no space, else
// journal_unavailable.
base::Error journal_errno(int error, std::string_view path, std::string_view doing);
// journal_corrupt: what is wrong with `path`, and what an operator can do.
base::Error journal_corrupt(std::string_view path, std::string_view wrong);

// An open file; closes it.
class JournalFile {
  public:
    JournalFile() = default;
    explicit JournalFile(int fd) : fd_(fd) {}
    JournalFile(JournalFile&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    JournalFile& operator=(JournalFile&& other) noexcept;
    ~JournalFile();
    int fd() const { return fd_; }

  private:
    int fd_ = -1;
};

class JournalDirectory {
  public:
    // Error: journal_unavailable, also if another process (or another store of this one) holds it.
    static base::Result<JournalDirectory> open(const std::string& path);

    std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }
    // The file's size; none if there is no such file. Error: it is no file, or not ours to write.
    base::Result<std::optional<std::uint64_t>> find(const char* name) const;
    std::uint64_t size_bytes(const char* name) const;  // 0 if missing

    // 0600. Error: it exists, unless `flags` say otherwise.
    base::Result<JournalFile> open_file(const char* name, int flags) const;
    base::Status remove(const char* name) const;  // or is missing already
    base::Status rename(const char* from, const char* to) const;
    base::Status sync() const;  // the names of files, not their contents

    // Remembers which file has this name now. Error: there is none.
    base::Status remember(const char* name);
    bool remembers(const char* name) const { return files_.contains(name); }
    // Looks whether the directory and the remembered files are still at their paths. A process
    // keeps what it has open when that is deleted or replaced, and the next process would not find
    // what was written since. One system call for each. Error: journal_replaced.
    base::Status check_in_place() const;

  private:
    JournalDirectory(std::string path, JournalFile directory)
        : path_(std::move(path)), directory_(std::move(directory)) {}
    base::Status lock();
    struct Identity {  // of a file, whatever its name
        dev_t device = 0;
        ino_t inode = 0;
        bool operator==(const Identity&) const = default;
    };
    base::Error replaced(std::string_view path, std::string_view how) const;

    std::string path_;
    JournalFile directory_;
    JournalFile lock_;
    std::map<std::string, Identity, std::less<>> files_;
};

}  // namespace s3zipd
