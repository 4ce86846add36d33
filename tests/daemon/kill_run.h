// A KillRun plays one scenario: it posts the jobs, kills the daemon and starts it again on the same
// state directory, as often as the scenario says, until all jobs have ended; then it says what was
// broken of the promises of a daemon that does not forget:
//   - a job that was accepted is there under its id, in every later life, and succeeds, unless it
//     was cancelled; what it says of its archive is true, and the archive is the reference's;
//   - a request that is repeated with its Idempotency-Key is the same job, with another body 422;
//   - broken_upload_promises() of request_log.h, and no upload is left open;
//   - whoever wanted to be told of a job's end is told, with a signature;
//   - SIGTERM ends it with exit code 0, and only what we send ends it at all.
//
// Used by one thread, once. S3, the TLS proxy and the receiver of notifications live in this
// process, so that they outlive the daemon's lives.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon_process.h"
#include "delivery_log.h"
#include "kill_scenario.h"
#include "plug.h"
#include "request_log.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"
#include "tls_proxy.h"

namespace s3zipd {

struct KillReport {
    std::vector<std::string> broken;  // empty: all is well
    std::string logs;                 // of the daemon, life by life, then what S3 saw
    unsigned pulls = 0, jobs = 0, cancelled = 0, deliveries = 0;
};

class KillRun {
  public:
    KillRun(KillScenario scenario, std::string io, bool tls);
    ~KillRun();
    KillReport play();

  private:
    struct Posted {
        const KillJob* job = nullptr;
        std::string id{};       // once accepted
        bool in_doubt = false;  // posted without a key, and no answer came
        bool cancel_accepted = false, cancel_in_doubt = false;
        std::size_t seen_at_cancel = 0;  // requests at S3 by then
        boost::json::value end{};        // as it was told first
        std::string request{};           // as it was told first, whole
    };
    using Clock = std::chrono::steady_clock;

    void set_up();
    bool begin_life();
    bool end_life();
    bool revive() { return end_life() && begin_life(); }
    void give_up(std::string why);
    // Nothing if the daemon died over it; then it lives again, or we have given up.
    std::optional<TestResponse> ask_once(std::string_view method, const std::string& target,
                                         const std::string& body = {},
                                         const std::string& headers = {});
    TestResponse ask(std::string_view method, const std::string& target);  // 0: given up

    void follow_timeline();
    void post(Posted& posted);
    void cancel(Posted& posted);
    void adopt_those_in_doubt();
    void wait_for_end(Posted& posted);
    void end_remaining_lives();

    void check_end(Posted& posted);
    void check_archive(const Posted& posted);
    void check_memory();  // what the last life says is what was said first
    void check_keys();
    void check_deliveries();
    void check_uploads();
    std::string notify_url(const KillJob& job) const;

    const KillScenario scenario_;
    const std::string io_;
    KillReport report_;
    const TempFolder state_;
    RequestLog log_;
    Plug plug_;
    std::unique_ptr<s3sim::Server> server_;
    std::unique_ptr<TlsProxy> proxy_;
    std::unique_ptr<DeliveryLog> receiver_;
    std::unique_ptr<DaemonProcess> process_;
    std::size_t life_ = 0;  // from 1
    std::uint16_t port_ = 0;
    Clock::time_point deadline_;
    bool given_up_ = false;
    std::vector<Posted> posted_;
};

}  // namespace s3zipd
