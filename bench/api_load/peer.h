// One connection of a client, without blocking: TCP from an address of its own choice, or TLS over
// it. Moves bytes, knows no HTTP. Not thread-safe; closes its socket when it dies.
#pragma once

#include <openssl/ssl.h>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace api_load {

using TlsContext = std::shared_ptr<SSL_CTX>;

// Clients that trust anybody: it is the load that counts.
TlsContext client_context();

struct Target {
    std::uint16_t port = 0;  // of 127.0.0.1
    TlsContext tls;          // none: plain
};

class Peer {
  public:
    enum class State : std::uint8_t { connecting, shaking, open, closed };

    // `source`: it comes from 127.0.x.y, so that there are more ports than one address has.
    // A small receive window makes a client that does not read felt at once.
    Peer(const Target& target, std::uint32_t source, bool small_window = false);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    int fd() const { return fd_; }
    State state() const { return state_; }
    bool wants_to_write() const { return wants_to_write_; }
    // After the socket became ready, or to begin with.
    void advance();
    // How many bytes went; 0: none for now. Closed: see state().
    std::size_t send(std::string_view bytes);
    // How many bytes came; 0: none for now, or closed.
    std::size_t receive(char* into, std::size_t size);
    void close();

  private:
    std::size_t outcome(int result);

    int fd_ = -1;
    SSL* ssl_ = nullptr;
    State state_ = State::connecting;
    bool wants_to_write_ = true;
};

// Sends the request, waits for the whole answer (of a server that ends the connection). Empty: none
// within ten seconds.
std::string exchange(const Target& target, std::string_view request);

}  // namespace api_load
