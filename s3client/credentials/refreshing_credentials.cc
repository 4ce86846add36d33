#include "s3client/credentials/refreshing_credentials.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace s3client {
namespace {

using base::Duration;
using base::Result;
using std::chrono::milliseconds;

constexpr std::int64_t kNever_ms = std::numeric_limits<std::int64_t>::max();
constexpr Duration kAdvisory = std::chrono::minutes(15);
constexpr Duration kMandatory = std::chrono::minutes(10);
constexpr Duration kBackoffFirst = std::chrono::seconds(1);
constexpr Duration kBackoffMax = std::chrono::minutes(1);
constexpr Duration kMandatoryBackoffMax = std::chrono::seconds(10);
constexpr unsigned kDoublingsMax = 10;

std::int64_t in_ms(Duration duration) { return std::chrono::ceil<milliseconds>(duration).count(); }
std::int64_t in_ms(base::UtcTime time) { return time.time_since_epoch().count(); }

bool are_same_keys(const Credentials& a, const Credentials& b) {
    return a.access_key_id == b.access_key_id && a.secret_access_key == b.secret_access_key &&
           a.session_token == b.session_token;
}

}  // namespace

RefreshAhead refresh_ahead(Duration lifetime) {
    lifetime = std::max(lifetime, Duration::zero());
    return {std::min(kAdvisory, lifetime / 4), std::min(kMandatory, lifetime / 6)};
}

Duration refresh_backoff(unsigned failures, bool mandatory) {
    const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0, kDoublingsMax);
    return std::min(kBackoffFirst * (std::int64_t{1} << doublings),
                    mandatory ? kMandatoryBackoffMax : kBackoffMax);
}

RefreshingCredentials::RefreshingCredentials(io::Lane& lane, io::WorkerThread& worker,
                                             ConnectionPool& connections,
                                             std::unique_ptr<CredentialSource> source,
                                             base::Clock& clock)
    : lane_(lane),
      worker_(worker),
      connections_(connections),
      source_(std::move(source)),
      clock_(clock),
      due_ms_(kNever_ms),
      ended_(lane.reactor()) {}

Result<CredentialsSnapshot> RefreshingCredentials::get() {
    CredentialsSnapshot snapshot = snapshot_.load();
    if (!snapshot) {
        return base::fail(base::ErrorKind::denied, kNoCredentials,
                          "credentials have not been fetched yet");
    }
    // Whoever takes the due time away starts the refresh; its end sets the next.
    std::int64_t due = due_ms_.load();
    if (now_ms() >= due && due_ms_.compare_exchange_strong(due, kNever_ms)) {
        lane_.spawn([this] { return refresh_if_idle(); });
    }
    return snapshot;
}

void RefreshingCredentials::prime() {
    lane_.spawn([this] { return refresh_if_idle(); });
}

void RefreshingCredentials::stop() {
    lane_.reactor().post([this] { stopped_.cancel(); });
}

io::Task<void> RefreshingCredentials::retire(std::shared_ptr<RefreshingCredentials> unused) {
    while (unused->busy_) (void)co_await unused->ended_.wait({});
}

io::Task<Result<CredentialsSnapshot>> RefreshingCredentials::renew(io::Reactor& here,
                                                                   CredentialsSnapshot refused,
                                                                   io::Bounds bounds) {
    // The caller's cancellation is told to the lane, where the wait is.
    struct Teller final : io::CancelHook {
        explicit Teller(io::Lane& to) : lane(to) {}
        void on_cancel() override {
            lane.reactor().post([told = stop] { told->cancel(); });
        }
        io::Lane& lane;
        const std::shared_ptr<io::CancelSource> stop = std::make_shared<io::CancelSource>();
    } teller(lane_);
    if (bounds.cancel != nullptr && bounds.cancel->cancelled())
        teller.on_cancel();
    else if (bounds.cancel != nullptr)
        bounds.cancel->hook(teller);
    const base::SteadyTime deadline = bounds.due(here.now());
    co_return co_await io::run_on(here, lane_, [this, refused, deadline, &teller] {
        return renew_here(refused, deadline, teller.stop);
    });
}

io::Task<Result<CredentialsSnapshot>> RefreshingCredentials::renew_here(
    CredentialsSnapshot refused, base::SteadyTime deadline,
    std::shared_ptr<io::CancelSource> stop) {
    CredentialsSnapshot current = snapshot_.load();
    if (current && current != refused) co_return current;
    // A refresh that had begun before may bring what was refused meanwhile: then one of our own.
    for (bool joined = busy_;; joined = false) {
        if (!busy_ && error_ && now_ms() < retry_ms_) co_return std::unexpected(*error_);
        if (!busy_) {
            busy_ = true;  // from here, so that those behind us wait for it
            lane_.spawn([this] { return refresh(); });
        }
        if (auto ended = co_await wait_for_end(deadline, *stop); !ended)
            co_return std::unexpected(ended.error());
        current = snapshot_.load();
        if (current && current != refused) co_return current;
        if (!joined) break;
    }
    if (error_) co_return std::unexpected(*error_);
    co_return base::fail(base::ErrorKind::denied, "credentials_unchanged",
                         source_->name() + ": the refused credentials are given again");
}

// Of the refresh under way, or of the one just asked for.
io::Task<base::Status> RefreshingCredentials::wait_for_end(base::SteadyTime deadline,
                                                           io::CancelSource& stop) {
    const std::uint64_t before = refreshes_;
    while (refreshes_ == before) {
        const auto woken = co_await ended_.wait({.deadline = deadline, .cancel = &stop});
        if (woken) continue;
        if (stop.cancelled())
            co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
        co_return base::fail(base::ErrorKind::transient, "credentials_timeout",
                             source_->name() + ": no credentials within the time for them");
    }
    co_return base::Status{};
}

io::Task<void> RefreshingCredentials::refresh_if_idle() {
    if (busy_) co_return;
    busy_ = true;
    co_await refresh();
}

// REQUIRES busy_, set by the one who asked.
io::Task<void> RefreshingCredentials::refresh() {
    io::Reactor& reactor = lane_.reactor();
    auto got =
        co_await source_->fetch({reactor,
                                 worker_,
                                 connections_,
                                 {.deadline = reactor.now() + kFetchTimeout, .cancel = &stopped_}});
    settle(std::move(got));
    busy_ = false;
    ++refreshes_;
    ended_.notify_all();
}

void RefreshingCredentials::settle(Result<Credentials> got) {
    const std::int64_t now = now_ms();
    const CredentialsSnapshot old = snapshot_.load();
    if (!got) {
        error_ = std::move(got.error());
        ++failures_;
        const bool expires = old && old->expires_at;
        const bool mandatory =
            !old ||
            (expires && now >= in_ms(*old->expires_at) - in_ms(refresh_ahead(lifetime_).mandatory));
        retry_ms_ = now + in_ms(refresh_backoff(failures_, mandatory));
        due_ms_.store(retry_ms_);
        return;
    }
    error_.reset();
    failures_ = 0;
    const auto expires_at = got->expires_at;
    const bool same = old && are_same_keys(*old, *got);
    if (!same) {
        // Of the same ones that are met again later, the first sight counts.
        lifetime_ = expires_at ? Duration(*expires_at - clock_.utc_now()) : Duration::zero();
    }
    if (!same || old->expires_at != expires_at) {
        snapshot_.store(std::make_shared<const Credentials>(std::move(*got)));
    }
    if (!expires_at) {
        due_ms_.store(kNever_ms);
        return;
    }
    // A source may give the same ones until shortly before their end: ask now and then.
    const Duration pause = std::clamp(lifetime_ / 20, kBackoffFirst, kBackoffMax);
    due_ms_.store(std::max(in_ms(*expires_at) - in_ms(refresh_ahead(lifetime_).advisory),
                           now + in_ms(pause)));
}

}  // namespace s3client
