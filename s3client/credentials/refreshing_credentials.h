// Credentials that are fetched, and fetched again before they run out.
//
// get() may be called on any thread for every request: it hands out the newest snapshot, and if
// that is due it starts a refresh on the lane and does not wait for it. There is one refresh at a
// time; while it fails the old snapshot stays in use, and the next try waits longer each time. The
// source, its connections and the worker belong to the lane; the lane ends first, after the last
// call, and so waits for a refresh under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "io/lane.h"
#include "io/sync.h"
#include "s3client/credentials/credential_source.h"

namespace s3client {

// When a snapshot that lasts `lifetime` is due: this long before it runs out. 15 and 10 minutes as
// in the SDKs, less of what lasts less than an hour. Between the two a failure is retried rarely.
struct RefreshAhead {
    base::Duration advisory;
    base::Duration mandatory;
};
RefreshAhead refresh_ahead(base::Duration lifetime);
// How long after the `failures`-th failure in a row (from 1) comes the next try.
base::Duration refresh_backoff(unsigned failures, bool mandatory);

class RefreshingCredentials final : public CredentialsProvider {
  public:
    static constexpr base::Duration kFetchTimeout = std::chrono::seconds(60);

    // worker and connections: of the lane, kept by whoever keeps the lane.
    RefreshingCredentials(io::Lane& lane, io::WorkerThread& worker, ConnectionPool& connections,
                          std::unique_ptr<CredentialSource> source,
                          base::Clock& clock = base::system_clock());

    // Begins the first fetch; nobody waits for it. From any thread.
    void prime();
    // Fetches under way, and all later ones, end soon. From any thread, before the lane ends.
    void stop();
    // Runs on the lane: lets go of one that nobody asks any more, once its refresh has ended.
    static io::Task<void> retire(std::shared_ptr<RefreshingCredentials> unused);

    // Errors: denied "no_credentials" before the first fetch ended well.
    base::Result<CredentialsSnapshot> get() override;

    // A fetch that others wait for, too, goes on when this wait ends. Errors: those of the last
    // fetch; transient "credentials_timeout", cancelled.
    io::Task<base::Result<CredentialsSnapshot>> renew(io::Reactor& here,
                                                      CredentialsSnapshot refused,
                                                      io::Bounds bounds) override;

  private:
    io::Task<base::Result<CredentialsSnapshot>> renew_here(CredentialsSnapshot refused,
                                                           base::SteadyTime deadline,
                                                           std::shared_ptr<io::CancelSource> stop);
    io::Task<base::Status> wait_for_end(base::SteadyTime deadline, io::CancelSource& stop);
    io::Task<void> refresh_if_idle();
    io::Task<void> refresh();
    void settle(base::Result<Credentials> got);
    std::int64_t now_ms() const { return clock_.utc_now().time_since_epoch().count(); }

    io::Lane& lane_;
    io::WorkerThread& worker_;
    ConnectionPool& connections_;
    const std::unique_ptr<CredentialSource> source_;
    base::Clock& clock_;

    std::atomic<CredentialsSnapshot> snapshot_;
    std::atomic<std::int64_t> due_ms_;  // UTC; when get() starts the next refresh

    // On the lane only:
    io::Condition ended_;
    io::CancelSource stopped_;
    bool busy_ = false;
    std::uint64_t refreshes_ = 0;       // that ended
    unsigned failures_ = 0;             // in a row
    std::int64_t retry_ms_ = 0;         // not before; after a failure
    std::optional<base::Error> error_;  // of the last refresh
    base::Duration lifetime_{};         // of the snapshot when it was fetched
};

}  // namespace s3client
