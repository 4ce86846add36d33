// A forward proxy in the test's process, on 127.0.0.1: CONNECT, and plain requests in absolute
// form. Whatever host is asked for, it connects to the named port of 127.0.0.1, so that a test can
// use names which only the proxy knows. Threads of its own, which end with the object; all members
// are thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace s3client {

class HttpProxy {
  public:
    // authorization: what Proxy-Authorization must be, else 407; empty: anything.
    explicit HttpProxy(std::string authorization = {});
    ~HttpProxy();
    HttpProxy(const HttpProxy&) = delete;
    HttpProxy& operator=(const HttpProxy&) = delete;

    std::uint16_t port() const { return port_; }
    // "host:port" of each CONNECT; "GET http://host:port/path" of each other request.
    std::vector<std::string> requests() const;
    std::uint64_t connections() const { return connections_.load(); }
    // From now on the byte behind each `needle` in what origins send is changed, `times` times at
    // most. A needle begins with a byte that it has once. Empty: nothing is changed.
    void corrupt(std::string needle, std::uint64_t times = UINT64_MAX);

  private:
    // Finds the needle in a stream that comes in pieces.
    struct Search {
        std::size_t matched = 0;
    };
    struct Line {
        int client = -1, origin = -1;
        std::thread thread;
    };
    void accept_all();
    void serve(Line& line);
    bool pass_on(Line& line, std::string& inbox, std::thread& answers);
    void pass_answers(Line& line);
    void damage(std::string& bytes, Search& search);
    bool dial(Line& line, const std::string& authority);

    const std::string authorization_;
    int listen_fd_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<std::uint64_t> connections_{0};
    mutable std::mutex mutex_;  // guards all below
    std::vector<std::string> requests_;
    std::list<Line> lines_;
    std::string needle_;  // of corrupt()
    std::uint64_t damages_left_ = 0;
    bool stopping_ = false;
    std::thread acceptor_;
};

}  // namespace s3client
