// Reading the small files that credentials come from.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <utility>

#include "s3client/credentials/credential_source.h"

namespace s3client {
namespace {

std::unexpected<base::Error> unreadable(const std::string& path, std::string_view why,
                                        base::ErrorKind kind = base::ErrorKind::invalid) {
    return base::fail(kind, "unreadable_file", fmt::format("{}: {}", path, why));
}

base::Result<std::string> read_now(const std::string& path, std::size_t size_max) {
    // O_NONBLOCK: a FIFO without a writer does not hold the thread.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        return unreadable(path, std::strerror(errno),
                          missing ? base::ErrorKind::not_found : base::ErrorKind::invalid);
    }
    std::string text(size_max + 1, '\0');
    std::size_t size = 0;
    ssize_t n = 0;
    do {
        n = ::read(fd, text.data() + size, text.size() - size);
        if (n > 0) size += static_cast<std::size_t>(n);
    } while ((n > 0 && size < text.size()) || (n < 0 && errno == EINTR));
    const int error = errno;
    ::close(fd);
    if (n < 0) return unreadable(path, std::strerror(error));
    if (size > size_max) return unreadable(path, fmt::format("larger than {} bytes", size_max));
    text.resize(size);
    return text;
}

}  // namespace

io::Task<base::Result<std::string>> read_text_file(FetchContext context, std::string path,
                                                   std::size_t size_max) {
    co_return co_await context.worker.run(
        context.reactor, [path = std::move(path), size_max] { return read_now(path, size_max); });
}

}  // namespace s3client
