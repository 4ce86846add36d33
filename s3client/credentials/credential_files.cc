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
        const bool denied = errno == EACCES || errno == EPERM;
        return unreadable(path, std::strerror(errno),
                          missing  ? base::ErrorKind::not_found
                          : denied ? base::ErrorKind::denied
                                   : base::ErrorKind::invalid);
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

// A file that nobody named and that is not ours to read (HOME is often another user's in a service)
// is as good as none.
base::Result<ProfileMap> read_profile_file(const std::string& path, bool is_named,
                                           ProfileFileKind kind) {
    if (path.empty()) return ProfileMap{};
    const auto text = read_now(path, kProfileFileMax_bytes);
    if (text) return parse_profiles(*text, kind, path);
    const base::ErrorKind why = text.error().kind;
    if (why == base::ErrorKind::not_found || (why == base::ErrorKind::denied && !is_named))
        return ProfileMap{};
    return std::unexpected(text.error());
}

}  // namespace

base::Result<Profiles> read_profiles(const ProfileLocation& location) {
    auto config = read_profile_file(location.config_file, location.config_file_is_named,
                                    ProfileFileKind::config);
    if (!config) return std::unexpected(config.error());
    auto keys = read_profile_file(location.credentials_file, location.credentials_file_is_named,
                                  ProfileFileKind::credentials);
    if (!keys) return std::unexpected(keys.error());
    Profiles profiles(std::move(*config), std::move(*keys));
    if (location.profile_is_named && !profiles.has(location.profile)) {
        const auto shown = [](const std::string& file) { return file.empty() ? "(none)" : file; };
        return base::fail(
            base::ErrorKind::invalid, "bad_profile",
            fmt::format("profile {} of {} and {} does not exist", location.profile,
                        shown(location.config_file), shown(location.credentials_file)));
    }
    return profiles;
}

io::Task<base::Result<std::string>> read_text_file(FetchContext context, std::string path,
                                                   std::size_t size_max) {
    co_return co_await context.worker.run(
        context.reactor, [path = std::move(path), size_max] { return read_now(path, size_max); });
}

}  // namespace s3client
