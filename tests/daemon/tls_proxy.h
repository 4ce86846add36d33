// A TlsProxy ends TLS in front of a server on the loopback that speaks plain TCP: what comes in is
// passed on, what comes back is encrypted. Its certificate is for localhost and 127.0.0.1 and
// signed by a CA made here, whose own is in pem_file() for as long as the proxy lives.
//
// A thread for each connection, joined by the destructor at the latest; stop() cuts all of them. A
// reset on one side becomes one on the other, an end in good order an end. All members are
// thread-safe.
#pragma once

#include <openssl/ssl.h>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace s3zipd {

class TlsProxy {
  public:
    explicit TlsProxy(std::uint16_t to_port);
    ~TlsProxy();
    TlsProxy(const TlsProxy&) = delete;
    TlsProxy& operator=(const TlsProxy&) = delete;

    std::string endpoint() const;  // "https://127.0.0.1:PORT"
    const std::string& pem_file() const { return pem_file_; }
    std::uint64_t open_connections() const { return open_.load(); }
    void stop();  // idempotent

  private:
    struct Line {
        std::atomic<bool> done{false};
        std::thread thread;
    };
    void accept_all();
    void serve(int client_fd);

    const std::uint16_t to_port_;
    std::string pem_file_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    int listen_fd_ = -1;
    int stop_fd_ = -1;  // readable once all is to end
    std::uint16_t port_ = 0;
    std::atomic<std::uint64_t> open_{0};
    std::list<Line> lines_;  // of the accepting thread
    std::mutex stop_mutex_;
    std::thread acceptor_;
};

}  // namespace s3zipd
