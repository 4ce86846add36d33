// The supervisor's end of sd_notify: a datagram socket of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>

namespace s3zipd {

class NotifyListener {
  public:
    // `name` as in $NOTIFY_SOCKET: "/path" or "@abstract"; "@" alone takes a free abstract name.
    explicit NotifyListener(const std::string& name) {
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name.data(), name.size());
        if (name[0] == '@') address.sun_path[0] = '\0';
        // No name at all: the kernel chooses one (autobind).
        const std::size_t bytes = offsetof(sockaddr_un, sun_path) + (name == "@" ? 0 : name.size());
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(bytes)),
                  0);
        socklen_t length = sizeof(address);
        EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
        name_.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
        if (name_[0] == '\0') {
            name_[0] = '@';
        } else {
            name_.resize(std::strlen(name_.c_str()));
        }
    }
    ~NotifyListener() { close(fd_); }
    const std::string& name() const { return name_; }

    // The next message; "" if there is none for so long.
    std::string next(std::chrono::milliseconds timeout = std::chrono::seconds(20)) const {
        pollfd readable{fd_, POLLIN, 0};
        if (poll(&readable, 1, static_cast<int>(timeout.count())) != 1) return {};
        char text[4096];
        const ssize_t bytes = recv(fd_, text, sizeof(text), 0);
        return {text, static_cast<std::size_t>(bytes < 0 ? 0 : bytes)};
    }

  private:
    int fd_ = -1;
    std::string name_;
};

}  // namespace s3zipd
