// A receiver of webhooks on 127.0.0.1: a thread that accepts, one for each connection, and what a
// test says is answered. Thread-safe. It ends with the object, whatever hangs.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace s3zipd {

struct ReceivedWebhook {
    std::string head, body;                           // the request line and headers as they came
    std::string header(std::string_view name) const;  // lower case; "" if it is not there
};

class WebhookReceiver {
  public:
    struct Reply {
        std::string now = {};    // sent at once
        bool hold = false;       // until release(), then
        std::string after = {};  // this is sent
        bool reset = false;      // instead of closing
    };
    // number: of the request, from 1.
    using Answer = std::function<Reply(const ReceivedWebhook& request, int number)>;

    explicit WebhookReceiver(Answer answer);
    ~WebhookReceiver();
    WebhookReceiver(const WebhookReceiver&) = delete;
    WebhookReceiver& operator=(const WebhookReceiver&) = delete;

    static Reply status(int code, const std::string& more_headers = {});
    std::string url(const std::string& host = "127.0.0.1",
                    const std::string& target = "/hook") const;

    // Waits, at most 20 s, until so many requests have come as a whole.
    bool wait_for(std::size_t count);
    std::vector<ReceivedWebhook> requests();
    void release();     // those that are held, and those to come
    int at_once_max();  // requests being answered
    int connections();  // accepted

  private:
    void accept_all();
    void serve(int peer);
    static ReceivedWebhook read_request(int peer);

    const Answer answer_;
    int fd_ = -1;
    unsigned port_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool released_ = false, stopping_ = false;
    int at_once_ = 0, at_once_max_ = 0;
    std::vector<ReceivedWebhook> requests_;
    std::vector<int> peers_;
    std::vector<std::thread> serving_;
    std::thread accepting_;
};

}  // namespace s3zipd
