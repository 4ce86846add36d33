#include "io/backend.h"

#include <fmt/format.h>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "io/bounds.h"

namespace io {

base::Result<std::unique_ptr<IoBackend>> make_backend(BackendChoice choice) {
    if (choice == BackendChoice::epoll) return make_epoll_backend();
    auto uring = make_uring_backend();
    if (uring || choice == BackendChoice::uring) return uring;
    base::log_info("io_uring is not available, using epoll", {{"reason", uring.error().detail}});
    return make_epoll_backend();
}

base::Error io_error(int result, std::string_view what) {
    const int error = -result;
    base::Error e;
    e.kind = error == ECANCELED ? base::ErrorKind::cancelled : base::ErrorKind::transient;
    e.code = error == ECANCELED ? "cancelled" : error == ETIMEDOUT ? "timeout" : "io_error";
    e.detail = error == ETIMEDOUT ? fmt::format("{}: timed out", what)
                                  : fmt::format("{}: {}", what, std::strerror(error));
    return e;
}

}  // namespace io
