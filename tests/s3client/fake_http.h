// A small HTTP server on 127.0.0.1 for sources of credentials: a thread that answers each request,
// one connection each, as the test says, and keeps what was asked. It ends with the object.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace s3client {

class FakeHttp {
  public:
    // From the whole request to the whole answer; "" closes without a word.
    using Reply = std::function<std::string(const std::string& request)>;

    explicit FakeHttp(Reply reply) : reply_(std::move(reply)) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(fd_ >= 0);
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
        CHECK(::listen(fd_, 64) == 0);
        CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
        port_ = ntohs(in.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    FakeHttp(const FakeHttp&) = delete;
    FakeHttp& operator=(const FakeHttp&) = delete;
    ~FakeHttp() {
        ::shutdown(fd_, SHUT_RDWR);  // ends accept()
        thread_.join();
        ::close(fd_);
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    static std::string answer(int status, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) +
               " X\r\ncontent-length: " + std::to_string(body.size()) +
               "\r\nconnection: close\r\n\r\n" + body;
    }

  private:
    void serve() {
        for (;;) {
            const int peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) return;
            const std::string request = read_request(peer);
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            const std::string reply = reply_(request);
            if (!reply.empty()) (void)::send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
            ::close(peer);
        }
    }
    // The head, and as much body as it announces.
    static std::string read_request(int peer) {
        std::string text;
        char some[4096];
        for (;;) {
            const auto end = text.find("\r\n\r\n");
            if (end != std::string::npos) {
                const auto at = text.find("content-length: ");
                const std::size_t body = at < end ? std::stoul(text.substr(at + 16)) : 0;
                if (text.size() >= end + 4 + body) return text;
            }
            const ssize_t n = ::recv(peer, some, sizeof some, 0);
            if (n <= 0) return text;
            text.append(some, static_cast<std::size_t>(n));
        }
    }

    const Reply reply_;
    int fd_ = -1;
    unsigned port_ = 0;
    std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace s3client
