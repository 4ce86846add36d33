#include "daemon/api_feed.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/limits.h"
#include "daemon/api_context.h"
#include "daemon/api_endless.h"
#include "daemon/api_events.h"
#include "daemon/api_json.h"

namespace s3zipd {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kStepsAtOnce = 200;  // of one write

std::string event_of(const JobView& job) {
    return fmt::format("event: archive\ndata: {}\n\n",
                       job_json(job, config::kObjectsShownInListsMax));
}

std::uint64_t sum(const s3client::RequestCounts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

}  // namespace

void JobFeed::start(asio::io_context& io) {
    const auto strand = asio::make_strand(io);
    auto wakeup = std::make_shared<Wakeup>(strand);
    wake_ = wakeup->notifier(gate_);
    asio::co_spawn(strand, run(std::move(wakeup)), must_go_on);
}

asio::awaitable<void> JobFeed::run(std::shared_ptr<Wakeup> wakeup) {
    using std::chrono::milliseconds;
    Clock::time_point render_at{};
    for (;;) {
        bool watched = false;
        {
            const std::lock_guard lock(mutex_);
            watched = !watchers_.empty();
        }
        const auto now = Clock::now();
        if (watched && now >= render_at) {
            render_changes();
            render_at = now + limits_.feed_interval;
        }
        if (now - sampled_at_ >= limits_.overview_interval) sample();
        const auto sample_at = sampled_at_ + limits_.overview_interval;
        const auto next = watched ? std::min(render_at, sample_at) : sample_at;
        const auto left = std::max<Clock::duration>(next - Clock::now(), milliseconds(1));
        co_await wakeup->wait(std::chrono::ceil<milliseconds>(left));
    }
}

// Those that run change all the time, and are few; the others say so.
void JobFeed::render_changes() {
    std::uint64_t before = 0;
    {
        const std::lock_guard lock(mutex_);
        before = last_number_;
    }
    auto changed = jobs_.changes().take();
    for (const JobView& job : jobs_.running()) {
        changed.ids.erase(job.id);
        add(job);
    }
    for (const std::string& id : changed.ids) {
        if (const auto job = jobs_.find(id))
            add(*job);
        else
            forget(id);
    }
    const std::lock_guard lock(mutex_);
    if (!changed.all_of_them) lost_number_ = ++last_number_;
    if (last_number_ != before) notify_all();
}

void JobFeed::add(const JobView& job) {
    auto step = std::make_shared<const Step>(job.job, event_of(job));
    const std::lock_guard lock(mutex_);
    if (watchers_.empty()) return;  // the last one has just left
    std::uint64_t& number = number_of_[job.id];
    if (const auto before = steps_.find(number); before != steps_.end()) {
        if (before->second->text == step->text) return;
        steps_bytes_ -= before->second->text.size();
        steps_.erase(before);
    }
    number = ++last_number_;
    steps_bytes_ += step->text.size();
    steps_.emplace(number, std::move(step));
    while (steps_.size() > config::kApiFeedStepsMax || steps_bytes_ > config::kApiFeedBytesMax) {
        const auto oldest = steps_.begin();
        lost_number_ = oldest->first;
        steps_bytes_ -= oldest->second->text.size();
        number_of_.erase(oldest->second->job->id());
        steps_.erase(oldest);
    }
}

void JobFeed::forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = number_of_.find(id);
    if (found == number_of_.end()) return;
    const auto step = steps_.find(found->second);
    steps_bytes_ -= step->second->text.size();
    steps_.erase(step);
    number_of_.erase(found);
}

void JobFeed::sample() {
    const auto now = Clock::now();
    const archive::EngineStats stats = engine_.stats();
    const double seconds = std::chrono::duration<double>(now - sampled_at_).count();
    const bool is_first = sampled_at_ == Clock::time_point{};
    const auto per_second = [&](std::uint64_t is, std::uint64_t was) {
        if (is_first || is < was) return std::uint64_t{0};
        return static_cast<std::uint64_t>(static_cast<double>(is - was) / seconds);
    };
    const Sample sample{.unix_ms = base::system_clock().utc_now().time_since_epoch().count(),
                        .read_bytes = per_second(stats.bytes_received, last_stats_.bytes_received),
                        .written_bytes = per_second(stats.bytes_sent, last_stats_.bytes_sent),
                        .requests = per_second(sum(stats.requests), sum(last_stats_.requests)),
                        .memory_in_use_bytes = stats.memory_in_use_bytes};
    sampled_at_ = now;
    last_stats_ = stats;
    bool watched = false;
    {
        const std::lock_guard lock(mutex_);
        samples_.push_back(sample);
        if (samples_.size() > config::kApiFeedSamples) samples_.pop_front();
        watched = !watchers_.empty();
    }
    if (!watched) return;
    auto text = std::make_shared<const std::string>(overview(sample, stats));
    const std::lock_guard lock(mutex_);
    overview_ = std::move(text);
    notify_all();
}

std::string JobFeed::overview(const Sample& sample, const archive::EngineStats& stats) {
    // Counting a million jobs takes a while, and they cannot change meanwhile.
    if (const auto now = Clock::now(); now >= count_at_) {
        counts_ = jobs_.counts();
        count_at_ = now + 100 * (Clock::now() - now);
    }
    std::string by_state;
    for (std::size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = archive::to_string(static_cast<archive::JobState>(i));
        by_state += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", state, counts_.by_state[i]);
    }
    std::uint64_t bytes_per_second = 0;
    for (const JobView& job : jobs_.running()) bytes_per_second += job.bytes_per_second;
    return fmt::format(
        "event: overview\ndata: {{\"time_ms\":{},\"jobs\":{{{}}},\"bytes_per_second\":{},"
        "\"read_bytes_per_second\":{},\"written_bytes_per_second\":{},\"requests_per_second\":{},"
        "\"memory_in_use\":{},\"memory\":{},\"connections\":{},\"retries_total\":{},"
        "\"throttled_total\":{},\"cost_usd_total\":{:.6f}}}\n\n",
        sample.unix_ms, by_state, bytes_per_second, sample.read_bytes, sample.written_bytes,
        sample.requests, sample.memory_in_use_bytes, stats.memory_bytes, stats.connections_open,
        stats.retries, stats.throttled, s3client::cost_usd(stats.requests));
}

std::string JobFeed::history() const {
    std::string text = "event: history\ndata: {\"samples\":[";
    const std::lock_guard lock(mutex_);
    for (const Sample& s : samples_) {
        fmt::format_to(std::back_inserter(text), "{}[{},{},{},{},{}]",
                       &s == &samples_.front() ? "" : ",", s.unix_ms, s.read_bytes, s.written_bytes,
                       s.requests, s.memory_in_use_bytes);
    }
    return text + "]}\n\n";
}

std::string JobFeed::newest(const Caller& caller) const {
    ListQuery query;
    query.limit = config::kApiFeedJobsAtStart;
    query.may_see = [&](const archive::ArchiveRequest& request) { return caller.may_see(request); };
    std::string text;
    for (const JobView& job : jobs_.list(query).jobs) text += event_of(job);
    return text;
}

// REQUIRES mutex_.
void JobFeed::notify_all() {
    for (const auto& [number, on_update] : watchers_) on_update();
}

void JobFeed::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    notify_all();
}

std::unique_ptr<JobFeed::Watch> JobFeed::watch(std::shared_ptr<const Caller> caller,
                                               std::function<void()> on_update) {
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        if (watchers_.empty()) jobs_.changes().listen(true);
        number = ++last_watcher_;
        watchers_.emplace(number, std::move(on_update));
    }
    wake_();
    return std::make_unique<Watch>(*this, std::move(caller), number);
}

void JobFeed::leave(std::uint64_t watcher) {
    const std::lock_guard lock(mutex_);
    watchers_.erase(watcher);
    if (!watchers_.empty()) return;
    jobs_.changes().listen(false);
    steps_.clear();
    number_of_.clear();
    steps_bytes_ = 0;
    overview_ = nullptr;
}

std::string JobFeed::Watch::next() {
    std::vector<std::shared_ptr<const Step>> steps;
    std::string text;
    bool is_behind = false;
    {
        const std::lock_guard lock(feed_.mutex_);
        is_behind = !begun_ || written_ < feed_.lost_number_;
        if (is_behind) {
            written_ = feed_.last_number_;  // the list below is as new, or newer
        } else {
            auto at = feed_.steps_.upper_bound(written_);
            for (; at != feed_.steps_.end() && steps.size() < kStepsAtOnce; ++at) {
                steps.push_back(at->second);
                written_ = at->first;
            }
            if (feed_.overview_ && feed_.overview_ != overview_) {
                overview_ = feed_.overview_;
                text = *overview_;
            }
        }
    }
    if (is_behind) {
        if (!begun_) text += feed_.history();
        begun_ = true;
        return text + feed_.newest(*caller_);
    }
    for (const auto& step : steps) {
        if (caller_->may_see(step->job->request())) text += step->text;
    }
    return text;
}

bool JobFeed::Watch::ended() const {
    const std::lock_guard lock(feed_.mutex_);
    return feed_.closed_;
}

asio::awaitable<void> stream_feed(ApiContext& context, ApiStream& stream, std::string head,
                                  std::shared_ptr<const Caller> caller,
                                  std::chrono::milliseconds time) {
    using Clock = std::chrono::steady_clock;
    using std::chrono::ceil;
    using std::chrono::milliseconds;
    const ApiLimits& limits = context.limits;
    const auto wakeup = std::make_shared<Wakeup>(stream.get_executor());
    CallerWatch caller_watch(context.access, caller);
    const auto watch = context.feed.watch(std::move(caller), wakeup->notifier(context.gate));
    context.state->answers[200].fetch_add(1);
    stream.expires_after(limits.write_timeout);
    if (co_await stream.write(head)) co_return;
    const auto end = Clock::now() + std::min(time, limits.feed_time);
    auto silent_since = Clock::now();
    while (!watch->ended() && caller_watch.is_known()) {
        const std::string text = watch->next();
        const auto now = Clock::now();
        const auto silence = now - silent_since;
        if (now >= end) co_return;
        if (!text.empty() || silence >= limits.event_heartbeat) {
            stream.expires_after(limits.write_timeout);
            if (co_await stream.write(text.empty() ? std::string_view(":\n\n") : text)) co_return;
            silent_since = Clock::now();
            continue;  // there may be more already
        }
        stream.expires_never();
        const auto left = std::min<Clock::duration>(limits.event_heartbeat - silence, end - now);
        co_await wakeup->wait(ceil<milliseconds>(left));
    }
}

}  // namespace s3zipd
