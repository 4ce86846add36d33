// Tells receivers that jobs have ended (webhooks): queues, sends, tries again, gives up.
//
// One for the daemon, thread-safe, with a lane of its own: slow receivers hold up nobody else. It
// remembers nothing beyond its life; who posts keeps what is not settled yet and posts it again,
// also later in the same life (what is pending already is not taken twice). So a delivery may come
// more than once, and a job's always with the same id. Each pending one costs its body and some
// 2 KiB.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ip_network.h"
#include "io/address_filter.h"
#include "io/lane.h"
#include "io/resolver_thread.h"
#include "s3client/http_url.h"

namespace s3zipd {

struct Notification {
    std::string job_id;
    std::string url;
    std::string body;       // JSON
    unsigned attempts = 0;  // made before, also by earlier processes
};

// What became of an attempt. Settled if delivered or given up.
struct Outcome {
    std::string job_id;
    unsigned attempts = 0;  // all that were made, this one included
    bool delivered = false;
    bool given_up = false;
    bool pending = false;  // tried again in time. If none of the three: post it again later
    base::Status last{};
};

struct NotifierConfig {
    std::string secret;                    // see notify_secret.h
    std::string ca_bundle;                 // PEM file; empty: the system's
    std::vector<base::IpNetwork> allowed;  // may be connected to whatever they are
    // Full jitter: a wait is random * min(delay_max, delay_first * 2^(attempts - 1)). With these,
    // 24 attempts go on for 11 hours on average, 22 at most.
    base::Duration delay_first = std::chrono::seconds(1);
    base::Duration delay_max = std::chrono::hours(2);
    base::Duration retry_after_max = std::chrono::hours(1);
    base::Duration attempt_timeout = std::chrono::seconds(10);  // from the look-up to the answer
    unsigned attempts_max = 24;
    unsigned refusals_max = 5;  // in a row, by receivers that will hardly change their minds
    std::shared_ptr<io::ResolverThread> resolver = nullptr;  // null: the process's own
};

class Notifier {
  public:
    static constexpr std::size_t kPendingMax = 10'000;
    static constexpr std::size_t kPendingMax_bytes = 64 << 20;  // URLs and bodies
    static constexpr unsigned kUnderWayMax = 16;
    static constexpr unsigned kUnderWayPerHostMax = 2;

    // on_outcome is called on the notifier's thread after each attempt and must be quick.
    // Errors: those of io::TlsContext (if there is a ca_bundle) and io::Lane.
    static base::Result<std::unique_ptr<Notifier>> start(
        NotifierConfig config, std::function<void(const Outcome&)> on_outcome);
    // As stop(); then waits for the thread.
    ~Notifier();
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    // Whether a URL can be called at all, as far as can be said without a name server. Errors:
    // invalid, of "/notify/url".
    base::Status check(const std::string& url) const;

    // NotifierConfig::allowed, for attempts from now on.
    void set_allowed(std::vector<base::IpNetwork> allowed);

    // The first attempt is made at once. Where no more fit, the outcome is none of the three
    // (exhausted "too_many_notifications").
    void post(Notification notification);

    // Gives up what is under way and pending, without outcomes. False if not all of it has ended
    // in time; if it has, on_outcome is not called any more.
    bool stop(base::Duration timeout);

  private:
    struct OnLane;
    class Place;

    Notifier(NotifierConfig config, std::function<void(const Outcome&)> on_outcome);
    base::Status start_lane();
    io::AddressFilter filter() const;
    bool take_room(std::size_t bytes);
    void give_room(std::size_t bytes);
    io::Task<void> run(Notification notification, bool has_room);
    io::Task<void> deliver(Notification& notification);
    io::Task<bool> attempt(Notification& notification, const s3client::HttpUrl& url,
                           unsigned& refusals, base::Duration& delay);
    base::Duration delay_after(unsigned attempts);

    const NotifierConfig config_;
    const std::function<void(const Outcome&)> on_outcome_;
    std::unique_ptr<OnLane> on_lane_;  // made, used and destroyed on the lane's thread

    mutable std::mutex mutex_;  // guards what follows
    io::AddressFilter filter_;
    std::condition_variable changed_;
    std::size_t pending_ = 0, pending_bytes_ = 0;

    std::unique_ptr<io::Lane> lane_;  // ends before what it works for
};

}  // namespace s3zipd
