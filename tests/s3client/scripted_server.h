// A TCP server on 127.0.0.1 that behaves as the test writes it, for each connection in a thread of
// its own: it answers slowly, in part, or not at all. It ends with the object.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"

namespace s3client::test {

class ScriptedServer {
  public:
    // One connection, used by the script on its own thread.
    class Peer {
      public:
        Peer(int fd, unsigned number, const std::atomic<bool>& stop)
            : number(number), fd_(fd), stop_(stop) {}
        const unsigned number;  // of the connection, from 0

        // The head of a request; its body stays unread. Empty: the client has closed.
        std::string read_head() {
            std::string head;
            char byte = 0;
            while (!head.ends_with("\r\n\r\n")) {
                if (!wait(POLLIN, kPatience) || ::recv(fd_, &byte, 1, 0) != 1) return {};
                head += byte;
            }
            return head;
        }
        // So much of a body, a piece each `pause`. False: the client has closed.
        bool read_body(std::size_t bytes, std::size_t piece = 1 << 20,
                       std::chrono::milliseconds pause = {}) {
            std::string some(std::min(piece, std::size_t{1} << 20), '\0');
            while (bytes > 0) {
                if (!wait(POLLIN, kPatience)) return false;
                const auto n = ::recv(fd_, some.data(), std::min(bytes, some.size()), 0);
                if (n <= 0) return false;
                bytes -= static_cast<std::size_t>(n);
                if (!rest(pause)) return false;
            }
            return true;
        }
        // A piece each `pause`. False: the client has closed.
        bool write(std::string_view text, std::size_t piece = 1 << 20,
                   std::chrono::milliseconds pause = {}) {
            while (!text.empty()) {
                const auto n = ::send(fd_, text.data(), std::min(piece, text.size()), MSG_NOSIGNAL);
                if (n <= 0) return false;
                text.remove_prefix(static_cast<std::size_t>(n));
                if (!text.empty() && !rest(pause)) return false;
            }
            return true;
        }
        // Does nothing until the client closes, or the server ends.
        void hang() { static_cast<void>(wait(POLLRDHUP, std::chrono::minutes(10))); }

      private:
        static constexpr std::chrono::seconds kPatience{60};
        // Passes the time; false once the client has closed or the server ends.
        bool rest(std::chrono::milliseconds time) {
            return time.count() == 0 || !wait(POLLRDHUP, time);
        }
        bool wait(short events, std::chrono::milliseconds time) {
            const auto until = std::chrono::steady_clock::now() + time;
            while (!stop_) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(
                    until - std::chrono::steady_clock::now());
                if (left.count() <= 0) return false;
                pollfd poll{.fd = fd_, .events = events, .revents = 0};
                const int step = static_cast<int>(std::min<std::int64_t>(left.count(), 50));
                if (::poll(&poll, 1, step) > 0) return true;
            }
            return events == POLLRDHUP;
        }
        const int fd_;
        const std::atomic<bool>& stop_;
    };
    using Script = std::function<void(Peer& peer)>;

    // receive_bytes: of its sockets' buffers; 0: as the system has it.
    explicit ScriptedServer(Script script, int receive_bytes = 0) : script_(std::move(script)) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(fd_ >= 0);
        if (receive_bytes > 0) {
            CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes) ==
                  0);
        }
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
        CHECK(::listen(fd_, 64) == 0);
        CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(in.sin_port));
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer() {
        stop_ = true;
        ::shutdown(fd_, SHUT_RDWR);  // ends accept()
        acceptor_.join();
        for (std::thread& peer : peers_) peer.join();
        ::close(fd_);
    }

    const std::string& url() const { return url_; }
    unsigned connections() const { return connections_; }

  private:
    void accept_all() {
        for (int fd = 0; (fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            peers_.emplace_back([this, fd, number = connections_++] {
                Peer peer(fd, number, stop_);
                script_(peer);
                ::close(fd);
            });
        }
    }

    const Script script_;
    int fd_ = -1;
    std::string url_;
    std::atomic<bool> stop_{false};
    std::atomic<unsigned> connections_{0};
    std::vector<std::thread> peers_;  // of the acceptor, then of the destructor
    std::thread acceptor_;
};

}  // namespace s3client::test
