// The bucket that is a folder: ROOT/BUCKET/a/b.txt is the object a/b.txt, whoever put it there.
// Keys that cannot be paths live in ROOT/.s3sim/escaped/BUCKET under the SHA-256 of the key. Bytes
// arrive in ROOT/.s3sim/tmp and are renamed to their place; an object is the new or the old one at
// any time.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>

#include "s3sim/bucket.h"
#include "s3sim/checksum.h"
#include "s3sim/sidecar.h"

namespace s3sim {
namespace {

namespace fs = std::filesystem;

bool is_path(std::string_view key) {
    if (key.empty() || key.size() > 1024 || key.find('\0') != std::string_view::npos) return false;
    while (true) {
        const auto slash = std::min(key.find('/'), key.size());
        const std::string_view name = key.substr(0, slash);
        if (name.empty() || name == "." || name == ".." || name.size() > 255) return false;
        if (slash == key.size()) return true;
        key.remove_prefix(slash + 1);
    }
}

class DirectoryBucket final : public Bucket {
  public:
    DirectoryBucket(const std::string& root, const std::string& name)
        : folder_(root + "/" + name),
          escaped_(root + "/.s3sim/escaped/" + name),
          meta_(root + "/.s3sim/meta/" + name),
          temp_(root + "/.s3sim/tmp") {}

    base::Status open() {
        std::error_code error;
        fs::create_directories(escaped_, error);
        if (!error) fs::create_directories(meta_, error);
        if (error) return base::fail(base::ErrorKind::exhausted, "io_error", error.message());
        begin_listing();
        return {};
    }

    ObjectRef find(std::string_view key) override {
        if (is_path(key) && stays_inside(key)) {
            if (auto object = open_object(key, folder_ + "/" + std::string(key))) return object;
        }
        return open_object(key, escaped_path(key));
    }

    Answered<std::string> put(std::string_view key, Object object,
                              const PutCondition& condition) override {
        const std::scoped_lock lock(mutex_);
        const ObjectRef existing = find(key);
        if (auto ok = check_put(condition, existing.get()); !ok)
            return std::unexpected(std::move(ok.error()));
        std::string path = escaped_path(key);
        if (is_path(key) && make_way(key) &&
            object.file->move_to(folder_ + "/" + std::string(key))) {
            ::unlink(path.c_str());
            path = folder_ + "/" + std::string(key);
        } else if (auto moved = object.file->move_to(path); !moved) {
            return std::unexpected(refusal_of(moved.error()));
        }
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) return refuse("InternalError");
        if (auto ok = write_sidecar(sidecar_path(key), temp_, key, stamp_of(info), object); !ok) {
            return std::unexpected(refusal_of(ok.error()));
        }
        object.last_modified = time_of(info);
        index_[std::string(key)] = {stamp_of(info), entry_of(key, object)};
        return std::string();
    }

    Answered<Removed> remove(std::string_view key, std::string_view version_id,
                             base::UtcTime) override {
        const Removed removed{version_id.empty() || version_id == kNullVersion,
                              std::string(version_id), false};
        if (!removed.found) return removed;
        const std::scoped_lock lock(mutex_);
        if (is_path(key) && stays_inside(key)) {
            fs::path path = folder_ + "/" + std::string(key);
            struct stat info{};
            if (::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) ::unlink(path.c_str());
            for (path = path.parent_path(); path != fs::path(folder_); path = path.parent_path()) {
                if (::rmdir(path.c_str()) != 0)
                    break;  // folders are not objects: an empty one has no reason to be
            }
        }
        ::unlink(escaped_path(key).c_str());
        ::unlink(sidecar_path(key).c_str());
        if (const auto at = index_.find(key); at != index_.end()) index_.erase(at);
        return removed;
    }

    void amend(std::string_view key, std::string_view,
               const std::function<void(Object&)>& change) override {
        const std::scoped_lock lock(mutex_);
        const ObjectRef found = find(key);
        struct stat info{};
        if (!found || ::fstat(found->body->fd(), &info) != 0) return;
        Object changed = *found;
        change(changed);
        const FileStamp stamp = stamp_of(info);
        if (write_sidecar(sidecar_path(key), temp_, key, stamp, changed))
            index_[std::string(key)] = {stamp, entry_of(key, changed)};
    }

    // Folders that hold no object may remain; they go with the bucket.
    void discard() override {
        std::error_code ignored;
        for (const std::string& folder : {folder_, escaped_, meta_})
            fs::remove_all(folder, ignored);
    }

    bool is_empty() override {
        begin_listing();
        const std::scoped_lock lock(mutex_);
        return index_.empty();
    }

    bool next(std::string_view from, bool inclusive, Entry& entry) override {
        const std::scoped_lock lock(mutex_);
        const auto at = inclusive ? index_.lower_bound(from) : index_.upper_bound(from);
        if (at == index_.end()) return false;
        entry = at->second.entry;
        return true;
    }

    // Files may have come and gone behind our back: the first page of a listing looks. What has not
    // changed since the last look is not opened again.
    void begin_listing() override {
        const std::scoped_lock lock(mutex_);
        Index fresh;
        std::vector<std::string> folders = {
            folder_};  // one is open at a time, however deep it goes
        while (!folders.empty()) {
            const std::string folder = std::move(folders.back());
            folders.pop_back();
            for_each_name(folder, [&](const std::string& path) {
                if (!index_file(path, path.substr(folder_.size() + 1), fresh))
                    folders.push_back(path);
            });
        }
        for_each_name(escaped_, [&](const std::string& path) { index_file(path, "", fresh); });
        index_.swap(fresh);
    }

    base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t) override {
        return make_file_writer(temp_);
    }
    bool blocks() const override { return true; }

    base::Result<Stored> join(std::span<const Stored> parts) override {
        if (parts.size() == 1) return parts[0];
        int out = -1;
        auto file = TempFile::create(temp_, out);
        if (!file) return std::unexpected(file.error());
        base::Status done;
        for (const Stored& part : parts) {
            if (done) done = append(part.file->path(), out);
        }
        ::close(out);
        if (!done) return std::unexpected(done.error());
        return Stored{nullptr, *file};
    }

  private:
    struct Indexed {
        FileStamp stamp;
        Entry entry;
    };
    using Index = std::map<std::string, Indexed, std::less<>>;

    static base::UtcTime time_of(const struct stat& info) {
        return base::UtcTime(std::chrono::milliseconds(stamp_of(info).changed_ns / 1'000'000));
    }
    std::string escaped_path(std::string_view key) const {
        return escaped_ + "/" + hex(sha256(key));
    }
    std::string sidecar_path(std::string_view key) const { return meta_ + "/" + hex(sha256(key)); }

    // Keys are paths without ".." (is_path), so only a link that somebody put here can lead out of
    // the folder: nothing is looked for behind one.
    bool stays_inside(std::string_view key) const {
        struct stat info{};
        for (auto slash = key.find('/'); slash != std::string_view::npos;
             slash = key.find('/', slash + 1)) {
            const std::string above = folder_ + "/" + std::string(key.substr(0, slash));
            if (::lstat(above.c_str(), &info) != 0) return true;
            if (S_ISLNK(info.st_mode)) return false;
        }
        return true;
    }

    // The folders above a key. False where a file is in the way.
    bool make_way(std::string_view key) const {
        if (!stays_inside(key)) return false;
        const auto slash = key.rfind('/');
        const std::string path = folder_ + "/" + std::string(key);
        struct stat info{};
        if (::lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) return false;
        if (slash == std::string_view::npos) return true;
        std::error_code error;
        fs::create_directories(folder_ + "/" + std::string(key.substr(0, slash)), error);
        return !error;
    }

    // From the sidecar, or for a file put there by hand, from what stat says.
    Object describe(std::string_view key, const struct stat& info) const {
        const FileStamp stamp = stamp_of(info);
        Object object;
        if (auto known = read_sidecar(sidecar_path(key), stamp)) {
            object = std::move(known->second);
        } else {
            object.etag =
                hex(sha256(fmt::format("{} {} {}", stamp.size, stamp.changed_ns, info.st_ino)))
                    .substr(0, 32);
        }
        object.size = stamp.size;
        object.last_modified = time_of(info);
        object.generation = static_cast<std::uint64_t>(stamp.changed_ns) ^ (info.st_ino << 40);
        return object;
    }

    ObjectRef open_object(std::string_view key, const std::string& path) const {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat info{};
        if (fd < 0) return nullptr;
        if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
            ::close(fd);
            return nullptr;
        }
        auto object = std::make_shared<Object>(describe(key, info));
        object->body = std::make_shared<FileBody>(fd, object->size);
        return object;
    }

    static void for_each_name(const std::string& folder,
                              const std::function<void(const std::string&)>& take) {
        std::error_code error;
        fs::directory_iterator names(folder, error);
        for (; !error && names != fs::directory_iterator(); names.increment(error))
            take(names->path().string());
    }

    // `key` is empty for a file under escaped_: its sidecar, found by the same hash, knows the key.
    // False: it is a folder.
    bool index_file(const std::string& path, std::string key, Index& fresh) const {
        struct stat info{};
        if (::lstat(path.c_str(), &info) != 0) return true;
        if (!S_ISREG(info.st_mode)) return !S_ISDIR(info.st_mode);
        const FileStamp stamp = stamp_of(info);
        if (key.empty()) {
            const auto known = read_sidecar(meta_ + "/" + path.substr(escaped_.size() + 1), stamp);
            if (!known) return true;
            key = known->first;
            if (fresh.contains(key)) return true;  // find() takes the file of that name, too
        }
        if (const auto at = index_.find(key); at != index_.end() && at->second.stamp == stamp) {
            fresh.insert(*at);
            return true;
        }
        fresh.insert_or_assign(key, Indexed{stamp, entry_of(key, describe(key, info))});
        return true;
    }

    static base::Status append(const std::string& path, int out) {
        const int in = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        ssize_t n = in < 0 ? -1 : 1;
        while (n > 0) {
            n = ::copy_file_range(in, nullptr, out, nullptr, 1 << 30, 0);
            if (n < 0 && errno == EINTR) n = 1;
        }
        const int error = errno;
        if (in >= 0) ::close(in);
        if (n == 0) return {};
        return base::fail(base::ErrorKind::exhausted, "io_error",
                          path + ": " + std::strerror(error));
    }

    const std::string folder_, escaped_, meta_, temp_;
    std::mutex mutex_;
    Index index_;
};

}  // namespace

base::Result<std::shared_ptr<Bucket>> make_directory_bucket(const std::string& root,
                                                            const std::string& name) {
    auto bucket = std::make_shared<DirectoryBucket>(root, name);
    if (auto ok = bucket->open(); !ok) return std::unexpected(ok.error());
    return bucket;
}

}  // namespace s3sim
