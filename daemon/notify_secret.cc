#include "daemon/notify_secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "base/encoding.h"

namespace s3zipd {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;

constexpr std::size_t kLineMax_bytes = 4096;
constexpr std::size_t kRandomBytes = 32;

std::unexpected<base::Error> wrong(ErrorKind kind, const std::string& file, std::string_view what) {
    return base::fail(kind, "notify_secret", fmt::format("{}: {}", file, what));
}
std::unexpected<base::Error> failed(ErrorKind kind, const std::string& file, int error) {
    return wrong(kind, file, std::generic_category().message(error));
}

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const { return fd_; }

  private:
    const int fd_;
};

Status check_mode(const std::string& path, const File& file) {
    struct stat status{};
    if (::fstat(file.fd(), &status) != 0) return failed(ErrorKind::invalid, path, errno);
    if (!S_ISREG(status.st_mode)) return wrong(ErrorKind::invalid, path, "is no regular file");
    if ((status.st_mode & S_IRWXO) != 0) {
        return wrong(ErrorKind::invalid, path,
                     "holds a secret that all users of this machine may use; chmod o= it");
    }
    return {};
}

// Empty if `may_be_missing`, and it is.
Result<std::string> read_first_line(const std::string& path, bool may_be_missing) {
    // A pipe that nobody writes to must not keep us.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.fd() < 0 && errno == ENOENT && may_be_missing) return std::string();
    if (file.fd() < 0) return failed(ErrorKind::invalid, path, errno);
    if (auto ok = check_mode(path, file); !ok) return std::unexpected(ok.error());
    std::string text(kLineMax_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(file.fd(), text.data() + size, text.size() - size);
        if (n < 0) return failed(ErrorKind::invalid, path, errno);
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    text.resize(std::min(text.find('\n'), text.size()));
    if (text.ends_with('\r')) text.pop_back();
    if (text.size() < kNotifySecretMin_bytes || text.size() > kLineMax_bytes) {
        return wrong(ErrorKind::invalid, path,
                     fmt::format("the secret, its first line, must have {} to {} bytes",
                                 kNotifySecretMin_bytes, kLineMax_bytes));
    }
    return text;
}

Result<std::string> random_secret(const std::string& path) {
    std::array<std::byte, kRandomBytes> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return failed(ErrorKind::exhausted, path, errno);
    return base::hex(bytes);
}

Status write_out(const std::string& path, const File& file, const std::string& text) {
    const ssize_t n = ::write(file.fd(), text.data(), text.size());
    if (n < 0 || ::fsync(file.fd()) != 0) return failed(ErrorKind::exhausted, path, errno);
    if (n != static_cast<ssize_t>(text.size())) return failed(ErrorKind::exhausted, path, ENOSPC);
    return {};
}

// Written beside and linked to its name, so that it is there as a whole or not at all. Who finds
// the name taken was slower, and reads the other's.
Status make(const std::string& path) {
    const auto secret = random_secret(path);
    if (!secret) return std::unexpected(secret.error());
    std::string beside = path + ".XXXXXX";
    const File file(::mkostemp(beside.data(), O_CLOEXEC));  // 0600
    if (file.fd() < 0) return failed(ErrorKind::exhausted, path, errno);
    Status done = write_out(path, file, *secret + "\n");
    if (done && ::link(beside.c_str(), path.c_str()) != 0 && errno != EEXIST)
        done = failed(ErrorKind::exhausted, path, errno);
    ::unlink(beside.c_str());
    if (!done) return done;
    const File directory(
        ::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.fd() < 0 || ::fsync(directory.fd()) != 0)
        return failed(ErrorKind::exhausted, path, errno);
    return {};
}

}  // namespace

Result<std::string> notify_secret(const std::string& file, const std::string& state_dir) {
    if (!file.empty()) return read_first_line(file, false);
    const std::string path = state_dir + "/notify.secret";
    auto found = read_first_line(path, true);
    if (!found || !found->empty()) return found;
    if (auto made = make(path); !made) return std::unexpected(made.error());
    return read_first_line(path, false);
}

}  // namespace s3zipd
