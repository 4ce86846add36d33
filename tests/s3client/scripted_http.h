// An HTTP server on 127.0.0.1 that keeps its connections and sends what a test gives it, when the
// test wants it: also bytes that belong to no request. A thread for each connection; all end with
// the object.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace s3client {

struct ScriptedRequest {
    int connection = 0;  // from 0, in the order in which they came
    int nth = 0;         // on all connections, from 0
    std::string head;

    bool is(std::string_view method) const { return head.starts_with(std::string(method) + " "); }
};

struct ScriptedReply {
    std::string bytes{};       // sent at once: after the body of the request,
    bool before_body = false;  // or before it is read
    std::string then{};        // sent after that, in a segment of its own
    std::string with_next{};   // sent when the head of the next request has come
    bool close = false;        // then the connection ends
};

class ScriptedHttp {
  public:
    // Called for one request at a time.
    using Script = std::function<ScriptedReply(const ScriptedRequest& request)>;

    explicit ScriptedHttp(Script script)
        : script_(std::move(script)), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        CHECK(fd_ >= 0);
        const int small = 64 << 10;  // so that a large body is not sent before it is read
        CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
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
    ScriptedHttp(const ScriptedHttp&) = delete;
    ScriptedHttp& operator=(const ScriptedHttp&) = delete;
    ~ScriptedHttp() {
        ::shutdown(fd_, SHUT_RDWR);  // ends accept()
        acceptor_.join();
        for (const int peer : peers_) ::shutdown(peer, SHUT_RDWR);
        threads_.clear();
        for (const int peer : peers_) ::close(peer);
        ::close(fd_);
    }

    const std::string& url() const { return url_; }
    std::vector<ScriptedRequest> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    int count(std::string_view method) const {
        const std::lock_guard lock(mutex_);
        return static_cast<int>(std::ranges::count_if(
            requests_, [&](const ScriptedRequest& request) { return request.is(method); }));
    }
    int connections() const {
        const std::lock_guard lock(mutex_);
        return static_cast<int>(peers_.size());
    }
    // Waits until all `then` and `bytes` of the requests so far have been sent.
    void wait_until_sent() {
        std::unique_lock lock(mutex_);
        CHECK(sent_.wait_for(lock, std::chrono::seconds(20), [this] { return sending_ == 0; }));
    }

    static std::string answer(std::string_view status, std::string_view headers,
                              std::string_view body) {
        return "HTTP/1.1 " + std::string(status) +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
               std::string(headers) + "\r\n" + std::string(body);
    }

  private:
    void accept_all() {
        for (;;) {
            const int peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) return;
            const int one = 1;
            ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            const std::lock_guard lock(mutex_);
            peers_.push_back(peer);
            threads_.emplace_back([this, peer, number = static_cast<int>(peers_.size()) - 1] {
                serve(peer, number);
            });
        }
    }

    void serve(int peer, int connection) {
        std::string inbox, with_next;
        for (;;) {
            std::size_t end = 0;
            while ((end = inbox.find("\r\n\r\n")) == std::string::npos) {
                if (!receive(peer, inbox)) return;
            }
            send(peer, std::exchange(with_next, {}));
            ScriptedReply reply;
            {
                const std::lock_guard lock(mutex_);
                ++sending_;
                requests_.push_back(
                    {connection, static_cast<int>(requests_.size()), inbox.substr(0, end + 2)});
                reply = script_(requests_.back());
            }
            const auto at = inbox.find("content-length: ");
            std::size_t body = at < end ? std::stoul(inbox.substr(at + 16)) : 0;
            inbox.erase(0, end + 4);
            if (reply.before_body) send(peer, reply.bytes);
            while (inbox.size() < body) {
                body -= inbox.size();
                inbox.clear();
                if (!receive(peer, inbox)) break;
            }
            inbox.erase(0, body);
            if (!reply.before_body) send(peer, reply.bytes);
            send(peer, reply.then);
            with_next = reply.with_next;
            if (reply.close) ::shutdown(peer, SHUT_RDWR);
            const std::lock_guard lock(mutex_);
            --sending_;
            sent_.notify_all();
        }
    }
    static bool receive(int peer, std::string& inbox) {
        char some[65536];
        const ssize_t n = ::recv(peer, some, sizeof some, 0);
        if (n > 0) inbox.append(some, static_cast<std::size_t>(n));
        return n > 0;
    }
    static void send(int peer, const std::string& bytes) {
        if (!bytes.empty()) (void)::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    const Script script_;
    const int fd_;
    std::string url_;
    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable sent_;
    int sending_ = 0;
    std::vector<ScriptedRequest> requests_;
    std::vector<int> peers_;
    std::list<std::jthread> threads_;
    std::thread acceptor_;
};

}  // namespace s3client
