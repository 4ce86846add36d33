#include "daemon/journal_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace s3zipd {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;

std::string reason(int error) {
    char text[128];
    return strerror_r(error, text, sizeof text);
}

// The pid that the holder of the lock has written into it, for the message only.
std::string holder_of(int lock) {
    char digits[20];
    const ssize_t read = ::pread(lock, digits, sizeof digits, 0);
    std::string text(digits, static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
    text.resize(std::min(text.find_first_not_of("0123456789"), text.size()));
    return text.empty() ? "" : fmt::format(" (process {})", text);
}

}  // namespace

base::Error journal_errno(int error, std::string_view path, std::string_view doing) {
    const bool full = error == ENOSPC || error == EDQUOT;
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    base::Error made;
    made.kind = full     ? base::ErrorKind::exhausted
                : denied ? base::ErrorKind::denied
                         : base::ErrorKind::invalid;
    made.code = full ? "journal_full" : "journal_unavailable";
    made.detail = fmt::format("{}: {}: {}", path, doing, reason(error));
    return made;
}

base::Error journal_corrupt(std::string_view path, std::string_view wrong) {
    base::Error made;
    made.kind = base::ErrorKind::corrupt;
    made.code = "journal_corrupt";
    made.detail = fmt::format(
        "{}: {}. Restore journal.db, journal.db-wal and journal.mark together from one backup, or "
        "move them out of the directory to start with an empty journal, which forgets its jobs",
        path, wrong);
    return made;
}

JournalFile& JournalFile::operator=(JournalFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

JournalFile::~JournalFile() {
    if (fd_ >= 0) ::close(fd_);
}

base::Result<JournalDirectory> JournalDirectory::open(const std::string& path) {
    const bool made = ::mkdir(path.c_str(), kDirectoryMode) == 0;
    if (!made && errno != EEXIST) {
        return base::fail(journal_errno(errno, path, "cannot make the journal's directory"));
    }
    JournalFile fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.fd() < 0) {
        return base::fail(journal_errno(errno, path, "cannot open the journal's directory"));
    }
    if (made) {
        // The new name must survive a power failure as the rows in it do.
        const JournalFile parent(::openat(fd.fd(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (parent.fd() >= 0) ::fsync(parent.fd());
    }
    JournalDirectory directory(path, std::move(fd));
    if (auto locked = directory.lock(); !locked) return base::fail(locked.error());
    return directory;
}

base::Status JournalDirectory::lock() {
    auto file = open_file(kJournalLock, O_RDWR | O_CREAT);
    if (!file) return base::fail(file.error());
    if (::flock(file->fd(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return base::fail(journal_errno(errno, path_of(kJournalLock), "cannot be locked"));
        }
        return base::fail(
            base::ErrorKind::invalid, "journal_unavailable",
            fmt::format("{}: another s3zipd{} keeps its journal here; each needs its own directory",
                        path_, holder_of(file->fd())));
    }
    // The pid is a courtesy: a full disk must not keep the daemon from reading its journal.
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(file->fd(), 0) == 0) {
        [[maybe_unused]] const ssize_t written = ::pwrite(file->fd(), pid.data(), pid.size(), 0);
    }
    lock_ = std::move(*file);
    return {};
}

base::Result<std::optional<std::uint64_t>> JournalDirectory::find(const char* name) const {
    struct stat status;
    if (::fstatat(directory_.fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return std::nullopt;
        return base::fail(journal_errno(errno, path_of(name), "cannot be looked at"));
    }
    if (!S_ISREG(status.st_mode)) {
        return base::fail(base::ErrorKind::invalid, "journal_unavailable",
                          path_of(name) + ": is not a file");
    }
    if (auto file = open_file(name, O_RDWR); !file) return base::fail(file.error());
    return static_cast<std::uint64_t>(status.st_size);
}

std::uint64_t JournalDirectory::size_bytes(const char* name) const {
    struct stat status;
    if (::fstatat(directory_.fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    return static_cast<std::uint64_t>(status.st_size);
}

base::Result<JournalFile> JournalDirectory::open_file(const char* name, int flags) const {
    JournalFile file(
        ::openat(directory_.fd(), name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode));
    if (file.fd() < 0) return base::fail(journal_errno(errno, path_of(name), "cannot be opened"));
    return file;
}

base::Status JournalDirectory::remove(const char* name) const {
    if (::unlinkat(directory_.fd(), name, 0) == 0 || errno == ENOENT) return {};
    return base::fail(journal_errno(errno, path_of(name), "cannot be removed"));
}

base::Status JournalDirectory::rename(const char* from, const char* to) const {
    if (::renameat(directory_.fd(), from, directory_.fd(), to) == 0) return {};
    return base::fail(journal_errno(errno, path_of(to), "cannot be renamed to"));
}

base::Status JournalDirectory::remember(const char* name) {
    struct stat status;
    if (::fstatat(directory_.fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return base::fail(replaced(path_of(name), reason(errno)));
    files_.insert_or_assign(name, Identity{status.st_dev, status.st_ino});
    return {};
}

base::Error JournalDirectory::replaced(std::string_view path, std::string_view how) const {
    base::Error made;
    made.kind = base::ErrorKind::invalid;
    made.code = "journal_replaced";
    made.detail = fmt::format(
        "{}: was deleted or replaced while s3zipd runs ({}). Put the files of {} back as they "
        "were, or restart s3zipd, which begins with what is there now",
        path, how, path_);
    return made;
}

base::Status JournalDirectory::check_in_place() const {
    struct stat here, there;
    if (::fstat(directory_.fd(), &here) != 0)
        return base::fail(journal_errno(errno, path_, "cannot be looked at"));
    if (::stat(path_.c_str(), &there) != 0) return base::fail(replaced(path_, reason(errno)));
    if (here.st_dev != there.st_dev || here.st_ino != there.st_ino)
        return base::fail(replaced(path_, "another directory is there"));
    for (const auto& [name, identity] : files_) {
        if (::fstatat(directory_.fd(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
            return base::fail(replaced(path_of(name), reason(errno)));
        if (Identity{there.st_dev, there.st_ino} != identity)
            return base::fail(replaced(path_of(name), "another file is there"));
    }
    return {};
}

base::Status JournalDirectory::sync() const {
    if (::fsync(directory_.fd()) == 0) return {};
    return base::fail(journal_errno(errno, path_, "cannot be synced"));
}

}  // namespace s3zipd
