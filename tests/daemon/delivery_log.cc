#include "delivery_log.h"

namespace s3zipd {

std::string Delivery::target() const {
    const std::size_t from = request.head.find(' ') + 1;
    return request.head.substr(from, request.head.find(' ', from) - from);
}

DeliveryLog::DeliveryLog(Options options)
    : options_(std::move(options)),
      receiver_([this](const ReceivedWebhook& request, int) { return take(request); }) {}

std::vector<Delivery> DeliveryLog::of(const std::string& job) const {
    const std::lock_guard lock(mutex_);
    const auto at = deliveries_.find(job);
    return at == deliveries_.end() ? std::vector<Delivery>() : at->second;
}

WebhookReceiver::Reply DeliveryLog::take(const ReceivedWebhook& request) {
    const std::string job = request.header("s3zipd-delivery");
    const std::string length = request.header("content-length");
    // Who dies while sending has told nothing.
    if (length.empty() || request.body.size() < std::stoul(length)) return {.reset = true};
    int answer = 204;
    {
        const std::lock_guard lock(mutex_);
        auto& of_job = deliveries_[job];
        if (of_job.size() < options_.fail_first) answer = options_.cut ? 0 : 503;
        of_job.push_back({request, answer});
    }
    if (options_.on_delivery) options_.on_delivery(job);
    if (answer == 0) return {};
    return WebhookReceiver::status(answer);
}

}  // namespace s3zipd
