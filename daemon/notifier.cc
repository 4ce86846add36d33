#include "daemon/notifier.h"

#include <fmt/format.h>
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "daemon/notify_delivery.h"
#include "io/resolver.h"
#include "io/sync.h"
#include "io/tls.h"

namespace s3zipd {
namespace {

using base::ErrorKind;
using base::Status;

std::size_t bytes_of(const Notification& notification) {
    return notification.url.size() + notification.body.size() + notification.job_id.size();
}

std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
}

void log_outcome(const Outcome& outcome, const std::string& to, base::Duration delay) {
    if (outcome.delivered) {
        base::log_info("webhook delivered",
                       {{"job", outcome.job_id}, {"to", to}, {"attempts", outcome.attempts}});
        return;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(delay).count();
    base::log_warn(outcome.given_up ? "webhook given up" : "webhook failed",
                   {{"job", outcome.job_id},
                    {"to", to},
                    {"attempts", outcome.attempts},
                    {"error", outcome.last.error().to_string()},
                    {"next_in_s", outcome.given_up ? 0 : seconds}});
}

}  // namespace

// Not thread-safe: the lane's own.
struct Notifier::OnLane {
    struct Host {
        explicit Host(io::Reactor& reactor) : places(reactor, kUnderWayPerHostMax) {}
        io::Semaphore places;
        std::size_t users = 0;  // it is forgotten with the last
    };

    OnLane(io::Reactor& reactor_, std::shared_ptr<io::TlsContext> tls, const Notifier& owner)
        : reactor(reactor_),
          // Connections are not kept: who reuses none meets no dead ones.
          connections(reactor, std::move(tls), /*idle_max=*/0, owner.config_.resolver,
                      owner.filter_),
          places(reactor, kUnderWayMax) {}

    io::Reactor& reactor;
    s3client::ConnectionPool connections;
    io::Semaphore places;
    std::map<std::string, Host> hosts;
    std::set<std::string> jobs;  // pending
    io::CancelSource stop;
};

// A place among those under way, first at its host, then in all: who waits for a slow host keeps
// nobody else from sending.
class Notifier::Place {
  public:
    Place(OnLane& lane, const std::string& host)
        : lane_(lane), host_(lane.hosts.try_emplace(host, lane.reactor).first) {
        ++host_->second.users;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        if (taken_ > 1) lane_.places.release(1);
        if (taken_ > 0) host_->second.places.release(1);
        if (--host_->second.users == 0) lane_.hosts.erase(host_);
    }
    // False if it is to stop.
    io::Task<bool> take() {
        for (io::Semaphore* places : {&host_->second.places, &lane_.places}) {
            const Status got = co_await places->acquire(1, {.cancel = &lane_.stop});
            if (!got) co_return false;
            ++taken_;
        }
        co_return !lane_.stop.cancelled();
    }

  private:
    OnLane& lane_;
    std::map<std::string, OnLane::Host>::iterator host_;
    int taken_ = 0;
};

Notifier::Notifier(NotifierConfig config, std::function<void(const Outcome&)> on_outcome)
    : config_(std::move(config)), on_outcome_(std::move(on_outcome)), filter_(config_.allowed) {}

io::AddressFilter Notifier::filter() const {
    const std::lock_guard lock(mutex_);
    return filter_;
}

void Notifier::set_allowed(std::vector<base::IpNetwork> allowed) {
    const io::AddressFilter filter(std::move(allowed));
    {
        const std::lock_guard lock(mutex_);
        filter_ = filter;
    }
    lane_->reactor().post([this, filter] { on_lane_->connections.set_filter(filter); });
}

base::Result<std::unique_ptr<Notifier>> Notifier::start(
    NotifierConfig config, std::function<void(const Outcome&)> on_outcome) {
    std::unique_ptr<Notifier> made(new Notifier(std::move(config), std::move(on_outcome)));
    if (auto started = made->start_lane(); !started) return std::unexpected(started.error());
    return made;
}

Status Notifier::start_lane() {
    auto tls = io::TlsContext::create(config_.ca_bundle);
    // The system's CAs need not be there for receivers without TLS.
    if (!tls && !config_.ca_bundle.empty()) return std::unexpected(tls.error());
    // A ring would be wasted on it.
    auto started = io::Lane::start(
        io::BackendChoice::epoll,
        [&](io::Lane& self) -> Status {
            on_lane_ =
                std::make_unique<OnLane>(self.reactor(), tls ? std::move(*tls) : nullptr, *this);
            return {};
        },
        [this] { on_lane_.reset(); });
    if (!started) return std::unexpected(started.error());
    lane_ = std::move(*started);
    return {};
}

Notifier::~Notifier() {
    if (lane_) stop(base::Duration::zero());
}

Status Notifier::check(const std::string& url) const {
    const auto parsed = s3client::parse_http_url(url);
    const io::AddressFilter now_allowed = filter();
    base::Error wrong;
    if (!parsed) {
        wrong = parsed.error();
    } else {
        std::string_view why;
        for (const io::SocketAddress& address : io::fixed_addresses(parsed->endpoint.host)) {
            why = now_allowed.refusal(address);
            if (why.empty()) return {};
        }
        if (why.empty()) return {};
        wrong.kind = ErrorKind::invalid;
        wrong.code = "bad_url";
        wrong.detail = fmt::format("webhooks do not go to such an address: {}", why);
    }
    wrong.key = "/notify/url";
    return std::unexpected(std::move(wrong));
}

bool Notifier::take_room(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (pending_ == kPendingMax || bytes > kPendingMax_bytes - pending_bytes_) return false;
    ++pending_;
    pending_bytes_ += bytes;
    return true;
}

void Notifier::give_room(std::size_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        --pending_;
        pending_bytes_ -= bytes;
    }
    changed_.notify_all();
}

void Notifier::post(Notification notification) {
    const bool has_room = take_room(bytes_of(notification));
    lane_->spawn([this, has_room, notification = std::move(notification)]() mutable {
        return run(std::move(notification), has_room);
    });
}

bool Notifier::stop(base::Duration timeout) {
    lane_->reactor().post([this] { on_lane_->stop.cancel(); });
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return pending_ == 0; });
}

io::Task<void> Notifier::run(Notification notification, bool has_room) {
    const std::size_t bytes = bytes_of(notification);
    const bool stopping = on_lane_->stop.cancelled();
    if (!has_room) {
        Outcome outcome{.job_id = notification.job_id, .attempts = notification.attempts};
        outcome.last = base::fail(ErrorKind::exhausted, "too_many_notifications",
                                  "too many webhooks are pending");
        if (!stopping) on_outcome_(outcome);
        co_return;
    }
    if (!stopping && on_lane_->jobs.insert(notification.job_id).second) {
        co_await deliver(notification);
        on_lane_->jobs.erase(notification.job_id);
    }
    give_room(bytes);
}

io::Task<void> Notifier::deliver(Notification& notification) {
    const auto url = s3client::parse_http_url(notification.url);
    if (!url) {  // not as archive::validate() left it
        Outcome outcome{.job_id = notification.job_id,
                        .attempts = notification.attempts,
                        .given_up = true,
                        .last = std::unexpected(url.error())};
        log_outcome(outcome, "?", {});
        on_outcome_(outcome);
        co_return;
    }
    unsigned refusals = 0;
    base::Duration delay{};
    while (co_await attempt(notification, *url, refusals, delay)) {
        if (!co_await on_lane_->reactor.sleep(delay, &on_lane_->stop)) co_return;
    }
}

// True if there is to be another, after `delay`.
io::Task<bool> Notifier::attempt(Notification& notification, const s3client::HttpUrl& url,
                                 unsigned& refusals, base::Duration& delay) {
    Outcome outcome{.job_id = notification.job_id};
    {
        Place place(*on_lane_, lower(url.endpoint.host));
        if (!co_await place.take()) co_return false;
        const io::Bounds bounds{.deadline = on_lane_->reactor.now() + config_.attempt_timeout,
                                .cancel = &on_lane_->stop};
        NotifyAttempt made = co_await attempt_delivery(
            on_lane_->reactor, on_lane_->connections,
            {url, notification.job_id, notification.body, config_.secret}, bounds);
        if (made.error && on_lane_->stop.cancelled()) co_return false;
        outcome.attempts = ++notification.attempts;
        outcome.delivered = !made.error;
        refusals = made.refused ? refusals + 1 : 0;
        delay = delay_after(notification.attempts);
        if (made.retry_after)
            delay = std::max(delay, std::min(*made.retry_after, config_.retry_after_max));
        if (made.error) outcome.last = std::unexpected(std::move(*made.error));
    }
    outcome.given_up = !outcome.delivered && (notification.attempts >= config_.attempts_max ||
                                              refusals >= config_.refusals_max);
    outcome.pending = !outcome.delivered && !outcome.given_up;
    log_outcome(outcome, url.endpoint.url(), delay);
    on_outcome_(outcome);
    co_return outcome.pending;
}

base::Duration Notifier::delay_after(unsigned attempts) {
    base::Duration limit = std::min(config_.delay_first, config_.delay_max);
    for (unsigned i = 1; i < attempts && limit < config_.delay_max; ++i)
        limit = std::min(limit * 2, config_.delay_max);
    const double share = on_lane_->reactor.random().unit();
    return base::Duration(static_cast<std::int64_t>(static_cast<double>(limit.count()) * share));
}

}  // namespace s3zipd
