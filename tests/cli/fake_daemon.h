// A daemon that says what a test tells it to: a tiny HTTP/1.1 server on 127.0.0.1, one request at a
// time, one connection each. The handler runs on the server's thread; requests() is what was asked,
// in order.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cli_test {

struct Request {
    std::string method, target, body;
};

// A whole answer, head included, for one request. "" closes the connection without one.
using Handler = std::function<std::string(const Request&)>;

std::string answer(int status, const std::string& body,
                   const std::string& type = "application/json");
// An event stream without Content-Length, ended by closing.
std::string events(const std::string& text);

class FakeDaemon {
  public:
    explicit FakeDaemon(Handler handler);
    ~FakeDaemon();

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::vector<Request> requests() const;

  private:
    void serve();
    void answer_one(int connection);

    Handler handler_;
    unsigned short port_ = 0;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::thread thread_;
};

// A port of 127.0.0.1 nobody listens on.
unsigned short closed_port();

}  // namespace cli_test
