// A daemon that says what a test tells it to: a tiny HTTP/1.1 server on 127.0.0.1 or a Unix socket,
// plain or with TLS, one request at a time, one connection each. The handler runs on the server's
// thread; requests() is what was asked, in order.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../io/tls_peer.h"

namespace cli_test {

struct Request {
    std::string method, target, body;
    std::string head;  // the request line and all headers

    std::string header(const std::string& name) const;  // "" if there is none
};

// A whole answer, head included, for one request. "" closes the connection without one.
using Handler = std::function<std::string(const Request&)>;

std::string answer(int status, const std::string& body,
                   const std::string& type = "application/json");
// An event stream without Content-Length, ended by closing.
std::string events(const std::string& text);

// What carries it. The identity outlives the daemon.
struct Carrier {
    const io::Identity* tls = nullptr;  // none: plain
    std::string client_ca_file = {};    // clients must show a certificate of this CA
    int tls_version_max = 0;            // 0: any
    bool cut = false;                   // ends connections without the close_notify of TLS
    std::string unix_path = {};         // instead of a port
};

class FakeDaemon {
  public:
    explicit FakeDaemon(Handler handler, Carrier carrier = {});
    ~FakeDaemon();

    std::string url() const;
    unsigned short port() const { return port_; }
    std::vector<Request> requests() const;
    // How many connections of TLS the client has ended with a close_notify, once all have ended.
    unsigned ended_in_order() const;

  private:
    class Wire;
    void serve();
    bool serve_one(int connection);
    void set_busy(bool busy, bool ended_in_order = false);
    void answer_one(Wire& wire);

    Handler handler_;
    const Carrier carrier_;
    unsigned short port_ = 0;
    std::unique_ptr<SSL_CTX, io::FreeWith<SSL_CTX_free>> context_;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    mutable std::condition_variable idle_;
    bool busy_ = false;
    unsigned ended_in_order_ = 0;
    std::thread thread_;
};

// A port of 127.0.0.1 nobody listens on.
unsigned short closed_port();

}  // namespace cli_test
