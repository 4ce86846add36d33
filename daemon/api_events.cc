#include "daemon/api_events.h"

#include <fmt/format.h>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "base/log.h"
#include "config/limits.h"
#include "daemon/api_context.h"
#include "daemon/api_endless.h"
#include "daemon/api_json.h"

namespace s3zipd {

namespace asio = boost::asio;

struct EventHub::Topic {
    std::string id;
    std::map<std::uint64_t, std::function<void()>> watchers;
    std::shared_ptr<const Update> latest;
    std::atomic<bool> has_ended{false};  // and nobody has looked since
    std::uint64_t end_token = 0;         // of JobService::end_listeners()
};

void EventHub::start(asio::io_context& io) {
    const auto strand = asio::make_strand(io);
    auto wakeup = std::make_shared<Wakeup>(strand);
    wake_ = wakeup->notifier(gate_);
    asio::co_spawn(strand, run(std::move(wakeup)), must_go_on);
}

// Those whose job has ended do not wait for the next look at all.
std::vector<std::shared_ptr<EventHub::Topic>> EventHub::topics_to_look_at(bool all) {
    std::vector<std::shared_ptr<Topic>> topics;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, topic] : topics_) {
        if (topic->has_ended.exchange(false) || all) topics.push_back(topic);
    }
    return topics;
}

// After so many jobs rendered and watchers told.
static asio::awaitable<void> let_others_in(std::size_t& done) {
    if (done < config::kApiEventsAtOnce) co_return;
    done = 0;
    asio::steady_timer pause(co_await asio::this_coro::executor, config::kApiEventsPause);
    co_await pause.async_wait(asio::use_awaitable);
}

asio::awaitable<void> EventHub::run(std::shared_ptr<Wakeup> wakeup) {
    constexpr auto kForLong = std::chrono::hours(1);  // watch() wakes it
    auto next_look = std::chrono::steady_clock::now();
    for (;;) {
        const auto now = std::chrono::steady_clock::now();
        const bool all = now >= next_look;
        if (all) next_look = now + limits_.event_interval;
        std::size_t done = 0;
        for (const auto& topic : topics_to_look_at(all)) {
            ++done;
            if (try_refresh(*topic)) co_await tell(*topic, done);
            co_await let_others_in(done);
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            next_look - std::chrono::steady_clock::now());
        const bool has_topics = [this] {
            const std::lock_guard lock(mutex_);
            return !topics_.empty();
        }();
        if (!has_topics)
            co_await wakeup->wait(kForLong);
        else if (left.count() > 0)
            co_await wakeup->wait(left);
    }
}

// One job that cannot be rendered must not end the streams of all.
bool EventHub::try_refresh(Topic& topic) {
    try {
        return refresh(topic);
    } catch (const std::exception& e) {
        base::log_error("job not shown", {{"job", topic.id}, {"what", e.what()}});
        return false;
    }
}

bool EventHub::refresh(Topic& topic) {
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
    if (topic.latest && (topic.latest->last || topic.latest->text == update->text)) return false;
    topic.latest = std::move(update);
    return true;
}

asio::awaitable<void> EventHub::tell(const Topic& topic, std::size_t& done) {
    std::uint64_t last = 0;  // numbers begin with 1
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            auto at = topic.watchers.upper_bound(last);
            for (; at != topic.watchers.end() && done < config::kApiEventsAtOnce; ++at, ++done) {
                at->second();
                last = at->first;
            }
            if (at == topic.watchers.end()) co_return;
        }
        co_await let_others_in(done);
    }
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
            at->end_token = jobs_.end_listeners().add(id, [weak = std::weak_ptr(at), wake = wake_] {
                if (const auto ended = weak.lock()) ended->has_ended = true;
                wake();
            });
        }
        topic = at;
        number = ++watchers_;
        topic->watchers.emplace(number, std::move(on_update));
    }
    auto watch = std::make_unique<Watch>(*this, topic, number);
    if (is_new) {
        if (refresh(*topic)) {  // somebody else may have joined meanwhile
            const std::lock_guard lock(mutex_);
            for (const auto& [other, on_update_of] : topic->watchers) on_update_of();
        }
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

asio::awaitable<void> stream_events(ApiContext& context, ApiStream& stream, std::string head,
                                    std::shared_ptr<const Caller> caller, std::string id) {
    using Clock = std::chrono::steady_clock;
    const ApiLimits& limits = context.limits;
    const auto wakeup = std::make_shared<Wakeup>(stream.get_executor());
    const auto watch = context.events.watch(id, wakeup->notifier(context.gate));
    context.state->answers[200].fetch_add(1);
    stream.expires_after(limits.write_timeout);
    if (co_await stream.write(head)) co_return;
    std::shared_ptr<const EventHub::Update> written;
    auto silent_since = Clock::now();
    CallerWatch caller_watch(context.access, std::move(caller));
    while (caller_watch.is_known()) {
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
