// A file system for SQLite whose n-th call fails: registered as the default one, in front of the
// one that was, for the life of a FailingVfs. Not thread-safe; one at a time. It has no calls for
// shared memory or mapped files, so whoever needs those fails.
#pragma once

#include <sqlite3.h>
#include <cerrno>
#include <cstdint>
#include <string>

#include "base/check.h"

namespace s3zipd {

class FailingVfs {
  public:
    enum class Kind : std::uint8_t { read, write, sync, truncate };
    FailingVfs() {
        CHECK(current == nullptr);
        current = this;
        real_ = sqlite3_vfs_find(nullptr);
        vfs_ = *real_;
        vfs_.zName = "failing";
        vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs_.xOpen = &open;
        CHECK(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
    }
    ~FailingVfs() {
        sqlite3_vfs_unregister(&vfs_);
        sqlite3_vfs_register(real_, 1);
        current = nullptr;
    }
    FailingVfs(const FailingVfs&) = delete;
    FailingVfs& operator=(const FailingVfs&) = delete;

    // The n-th call from now (from 0) fails and, if `stays`, all after it.
    void arm(std::int64_t n, bool stays, bool full) {
        left_ = n;
        stays_ = stays;
        full_ = full;
        fired_ = false;
        failed_kind_ = {};
    }
    // Whether anything failed since.
    bool disarm() {
        left_ = -1;
        stays_ = false;
        return fired_;
    }
    Kind failed_kind() const { return failed_kind_; }  // the first

  private:
    struct File {
        sqlite3_file base;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };
    static sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real(); }

    bool fails(Kind kind) {
        if (left_ < 0) return false;
        if (left_ > 0) {
            --left_;
            return false;
        }
        if (fired_ && !stays_) return false;
        if (!fired_) failed_kind_ = kind;
        fired_ = true;
        errno = kind == Kind::write && full_ ? ENOSPC : EIO;
        return true;
    }

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
        auto* ours = reinterpret_cast<File*>(file);
        ours->base.pMethods = nullptr;
        const int code = current->real_->xOpen(current->real_, name, ours->real(), flags, out);
        if (ours->real()->pMethods != nullptr) ours->base.pMethods = &methods();
        return code;
    }
    static const sqlite3_io_methods& methods() {
        static const sqlite3_io_methods table = [] {
            sqlite3_io_methods m{};
            m.iVersion = 1;
            m.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
            m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
                if (current->fails(Kind::read)) return SQLITE_IOERR_READ;
                return real(f)->pMethods->xRead(real(f), to, size, at);
            };
            m.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
                if (current->fails(Kind::write)) {
                    // Torn: half of it is there.
                    real(f)->pMethods->xWrite(real(f), from, size / 2, at);
                    errno = current->full_ ? ENOSPC : EIO;
                    return current->full_ ? SQLITE_FULL : SQLITE_IOERR_WRITE;
                }
                return real(f)->pMethods->xWrite(real(f), from, size, at);
            };
            m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
                if (current->fails(Kind::truncate)) return SQLITE_IOERR_TRUNCATE;
                return real(f)->pMethods->xTruncate(real(f), size);
            };
            m.xSync = [](sqlite3_file* f, int flags) {
                if (current->fails(Kind::sync)) return SQLITE_IOERR_FSYNC;
                return real(f)->pMethods->xSync(real(f), flags);
            };
            m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
                return real(f)->pMethods->xFileSize(real(f), size);
            };
            m.xLock = [](sqlite3_file* f, int l) { return real(f)->pMethods->xLock(real(f), l); };
            m.xUnlock = [](sqlite3_file* f, int l) {
                return real(f)->pMethods->xUnlock(real(f), l);
            };
            m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
                return real(f)->pMethods->xCheckReservedLock(real(f), out);
            };
            m.xFileControl = [](sqlite3_file* f, int op, void* argument) {
                return real(f)->pMethods->xFileControl(real(f), op, argument);
            };
            m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
            m.xDeviceCharacteristics = [](sqlite3_file* f) {
                return real(f)->pMethods->xDeviceCharacteristics(real(f));
            };
            return m;
        }();
        return table;
    }

    static inline FailingVfs* current = nullptr;
    sqlite3_vfs* real_ = nullptr;
    sqlite3_vfs vfs_{};
    std::int64_t left_ = -1;
    bool stays_ = false;
    bool full_ = false;
    bool fired_ = false;
    Kind failed_kind_{};
};

}  // namespace s3zipd
