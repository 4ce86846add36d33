#include "daemon/api_events.h"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "daemon/api_context.h"
#include "daemon/api_json.h"
#include "daemon/version.h"

namespace s3zipd {

namespace asio = boost::asio;

struct EventHub::Topic {
    std::string id;
    std::map<std::uint64_t, std::function<void()>> watchers;
    std::shared_ptr<const Update> latest;
    std::uint64_t end_token = 0;  // of JobService::end_listeners()
};

void EventHub::start(asio::io_context& io) {
    const auto strand = asio::make_strand(io);
    auto wakeup = std::make_shared<Wakeup>(strand);
    wake_ = wakeup->notifier(gate_);
    asio::co_spawn(strand, run(std::move(wakeup)), asio::detached);
}

asio::awaitable<void> EventHub::run(std::shared_ptr<Wakeup> wakeup) {
    constexpr auto kForLong = std::chrono::hours(1);  // watch() wakes it
    for (;;) {
        std::vector<std::shared_ptr<Topic>> topics;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [id, topic] : topics_) topics.push_back(topic);
        }
        for (const auto& topic : topics) refresh(*topic);
        if (topics.empty())
            co_await wakeup->wait(kForLong);
        else
            co_await wakeup->wait(limits_.event_interval);
    }
}

void EventHub::refresh(Topic& topic) {
    const auto job = jobs_.find(topic.id);
    auto update = std::make_shared<Update>();
    if (!job) {
        update->last = true;  // ended and forgotten while nobody looked
    } else {
        update->last = archive::has_ended(job->snapshot.state);
        update->text = fmt::format("event: {}\ndata: {}\n\n", update->last ? "state" : "progress",
                                   job_json(*job, config::kObjectsShownInListsMax));
    }
    const std::lock_guard lock(mutex_);
    if (topic.latest && (topic.latest->last || topic.latest->text == update->text)) return;
    topic.latest = std::move(update);
    for (const auto& [number, on_update] : topic.watchers) on_update();
}

std::unique_ptr<EventHub::Watch> EventHub::watch(const std::string& id,
                                                 std::function<void()> on_update) {
    std::shared_ptr<Topic> topic;
    bool is_new = false;
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        auto& at = topics_[id];
        is_new = !at;
        if (is_new) {
            at = std::make_shared<Topic>();
            at->id = id;
            at->end_token = jobs_.end_listeners().add(id, wake_);
        }
        topic = at;
        number = ++watchers_;
        topic->watchers.emplace(number, std::move(on_update));
    }
    auto watch = std::make_unique<Watch>(*this, topic, number);
    if (is_new) {
        refresh(*topic);
        wake_();
    }
    return watch;
}

void EventHub::leave(const std::shared_ptr<Topic>& topic, std::uint64_t watcher) {
    const std::lock_guard lock(mutex_);
    topic->watchers.erase(watcher);
    if (!topic->watchers.empty()) return;
    jobs_.end_listeners().remove(topic->end_token);
    topics_.erase(topic->id);
}

std::shared_ptr<const EventHub::Update> EventHub::Watch::latest() const {
    const std::lock_guard lock(hub_.mutex_);
    return topic_->latest;
}

std::string event_stream_head() {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nServer: s3zipd/{}\r\nContent-Type: text/event-stream\r\n"
        "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n",
        kVersion);
}

asio::awaitable<void> stream_events(ApiContext& context, ApiStream& stream, std::string id) {
    using Clock = std::chrono::steady_clock;
    const ApiLimits& limits = context.limits;
    const auto wakeup = std::make_shared<Wakeup>(stream.get_executor());
    const auto watch = context.events.watch(id, wakeup->notifier(context.gate));
    context.state->answers[200].fetch_add(1);
    stream.expires_after(limits.write_timeout);
    if (co_await stream.write(event_stream_head())) co_return;
    std::shared_ptr<const EventHub::Update> written;
    auto silent_since = Clock::now();
    for (;;) {
        const auto update = watch->latest();
        const auto silence = Clock::now() - silent_since;
        const bool is_new = update != nullptr && update != written;
        if (is_new || silence >= limits.event_heartbeat) {
            stream.expires_after(limits.write_timeout);
            if (co_await stream.write(is_new ? std::string_view(update->text) : ":\n\n")) co_return;
            silent_since = Clock::now();
            if (is_new) written = update;
            if (written && written->last) co_return;
            continue;  // there may be another already
        }
        stream.expires_never();
        co_await wakeup->wait(
            std::chrono::ceil<std::chrono::milliseconds>(limits.event_heartbeat - silence));
    }
}

}  // namespace s3zipd
