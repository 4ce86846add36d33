// A DeliveryLog is an HTTP server on the loopback that takes notifications of jobs: it remembers
// each, by the job that its S3zipd-Delivery header names, and answers 204, or 503 to the first few of
// every job.
//
// One thread, one request at a time, each on a connection of its own. All members are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace s3zipd {

struct Delivery {
    std::string target;
    std::map<std::string, std::string> headers;  // lower-case names
    std::string body;
    int answer = 0;  // 0: the connection was cut instead

    std::string header(const std::string& name) const {
        const auto at = headers.find(name);
        return at == headers.end() ? "" : at->second;
    }
};

class DeliveryLog {
  public:
    struct Options {
        unsigned fail_first = 0;  // of each job
        bool cut = false;         // fail by closing the connection, not by a 503
        // Called on the receiver's thread once one is remembered, and before it is answered.
        std::function<void(const std::string& job)> on_delivery{};
    };
    explicit DeliveryLog(Options options);
    DeliveryLog() : DeliveryLog(Options{}) {}
    ~DeliveryLog();
    DeliveryLog(const DeliveryLog&) = delete;
    DeliveryLog& operator=(const DeliveryLog&) = delete;

    std::string url(std::string_view path = "/hook") const;
    std::vector<Delivery> deliveries(const std::string& job) const;
    std::map<std::string, std::vector<Delivery>> all() const;

  private:
    void serve();
    void take(int fd);

    const Options options_;
    int listen_fd_ = -1;
    int stop_fd_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<Delivery>> deliveries_;
    std::thread thread_;
};

}  // namespace s3zipd
