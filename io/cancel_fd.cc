#include "io/cancel_fd.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace io {

CancelFd::CancelFd(CancelSource* cancel) : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (cancel == nullptr) return;
    if (cancel->cancelled())
        on_cancel();
    else
        cancel->hook(*this);
}

CancelFd::~CancelFd() {
    if (fd_ >= 0) ::close(fd_);
}

void CancelFd::on_cancel() {
    if (fd_ >= 0) ::eventfd_write(fd_, 1);
}

}  // namespace io
