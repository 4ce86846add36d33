// A DeliveryLog is a receiver of webhooks that remembers, for each job, what it was told of it and
// what it answered: 204, or 503 to the first few of every job. All members are thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "webhook_receiver.h"

namespace s3zipd {

struct Delivery {
    ReceivedWebhook request;
    int answer = 0;  // 0: the connection was cut instead

    std::string target() const;  // of "POST /x HTTP/1.1": "/x"
};

class DeliveryLog {
  public:
    struct Options {
        unsigned fail_first = 0;  // of each job
        bool cut = false;         // fail by closing the connection, not by a 503
        // Called on a thread of the receiver once one is remembered, and before it is answered.
        std::function<void(const std::string& job)> on_delivery{};
    };
    explicit DeliveryLog(Options options);

    std::string url(const std::string& target) const { return receiver_.url("127.0.0.1", target); }
    std::vector<Delivery> of(const std::string& job) const;

  private:
    WebhookReceiver::Reply take(const ReceivedWebhook& request);

    const Options options_;
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<Delivery>> deliveries_;
    WebhookReceiver receiver_;  // ends first
};

}  // namespace s3zipd
