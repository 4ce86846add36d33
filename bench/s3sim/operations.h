// The S3 operations. A request is served in two steps: begin() once its head is there (who asks,
// for what, where its body goes) and finish() once its body is. A Service is shared by all threads;
// an Exchange is one request in flight and belongs to its connection. finish() may block when
// blocks() says so: such exchanges run on the server's slow thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "s3sim/auth.h"
#include "s3sim/exchange.h"
#include "s3sim/exchanges.h"
#include "s3sim/faults.h"
#include "s3sim/profile.h"
#include "s3sim/server.h"
#include "s3sim/store.h"
#include "s3sim/timing.h"

namespace s3sim {

class Counters;
class Recorder;

class Service {
  public:
    Service(const Options& options, Store& store, FaultPlan& faults, Counters& counters);
    ~Service();

    base::Status prepare();  // takes what the options say in text; before all else
    void begin(Exchange& exchange);
    bool blocks(const Exchange& exchange) const;
    Response finish(Exchange& exchange);
    void abandon(const Exchange& exchange);  // its connection ended in the middle of the body
    // A success for a request whose body is still to come.
    Response early_answer(Exchange& exchange);
    std::optional<Response> stale_answer(const Exchange& exchange) const;  // to another request
    Stats stats() const;
    // For an object in INTELLIGENT_TIERING: its archive tier, "" for none.
    Answered<void> set_archive_status(std::string_view bucket, std::string_view key,
                                      std::string_view status);
    // A readable copy of an archived object, at once and for ten years.
    Answered<void> restore_now(std::string_view bucket, std::string_view key);
    // From now on; who signs with the old ones gets ExpiredToken.
    void set_credentials(std::string_view access_key, std::string_view secret_key,
                         std::string_view session_token);
    std::vector<RecordedRequest> requests() const;
    void reset_requests();
    void accept_too(std::string_view access_key, std::string_view secret_key,
                    std::string_view session_token);
    base::UtcTime now() const { return clock_.utc_now(); }
    HostTiming& timing() { return timing_; }

  private:
    Answered<void> admit(Exchange& exchange);
    Answered<void> prepare_body(Exchange& exchange);
    Answered<void> check_body(Exchange& exchange);
    Response answer(Exchange& exchange);
    Answered<Response> execute(Exchange& exchange);
    Answered<Signed> authenticate(const Request& request, Operation operation);
    void swap(const Exchange& exchange, Response& response);
    const std::string& region_of(std::string_view bucket) const;
    bool over_rate(std::string_view method);
    // store_rules.cc: rules of the profile.
    Answered<void> expect_chunks(Exchange& exchange, Signed signed_as);
    Answered<void> check_store_rules(const Exchange& exchange);
    Answered<void> check_write(const Exchange& exchange);
    Refusal gone_upload(std::string_view id, Operation operation) const;
    std::shared_ptr<void> mark_writing(const Exchange& exchange);
    void tell_watch(const Exchange& exchange, WatchedRequest::Moment moment, int status) const;

    Response control(Exchange& exchange);
    Answered<Response> list_buckets(Exchange& exchange);
    Answered<Response> create_bucket(Exchange& exchange);
    Answered<Response> delete_bucket(Exchange& exchange);
    Answered<Response> bucket_location(Exchange& exchange);
    Answered<Response> delete_objects(Exchange& exchange);
    Answered<Response> list_objects(Exchange& exchange);
    Answered<Response> list_versions(Exchange& exchange);
    Answered<Response> put_versioning(Exchange& exchange);
    Answered<Response> get_versioning(Exchange& exchange);
    Answered<Response> list_uploads(Exchange& exchange);
    Answered<Response> list_parts(Exchange& exchange);
    Answered<Response> put_object(Exchange& exchange);
    Answered<Response> copy_object(Exchange& exchange);
    Answered<Response> get_object(Exchange& exchange);
    Answered<Response> get_tagging(Exchange& exchange);
    Answered<Response> restore_object(Exchange& exchange);
    Answered<Response> delete_object(Exchange& exchange);
    Answered<Response> create_upload(Exchange& exchange);
    Answered<Response> upload_part(Exchange& exchange);
    Answered<Response> upload_part_copy(Exchange& exchange);
    Answered<Response> complete_upload(Exchange& exchange);
    Answered<Response> abort_upload(Exchange& exchange);

    const Options& options_;
    Profile profile_;  // set by prepare()
    Store& store_;
    FaultPlan& faults_;
    Counters& counters_;
    base::Clock& clock_;
    struct BucketRegion {
        std::string region;
        int status;
    };
    std::map<std::string, BucketRegion, std::less<>> regions_;
    std::mutex credentials_mutex_;  // guards the three below
    Credentials credentials_;
    std::vector<Credentials> accepted_too_;
    std::vector<Credentials> retired_;
    const std::unique_ptr<Recorder> recorder_;
    HostTiming timing_;
    TokenBucket requests_, reads_, writes_;
    std::atomic<std::uint64_t> data_writes_{0};                // PutObject and UploadPart
    std::mutex writing_mutex_;                                 // guards the one below
    std::map<std::string, std::vector<std::string>> writing_;  // bucket/key -> writers under way
    EarlierAnswers earlier_answers_;
};

// conditions.cc: what several operations share.
Answered<void> check_read_conditions(const Request& request, const Object& object,
                                     bool copy_source);
Answered<PutCondition> put_condition(const Request& request);
Answered<Object> object_from_headers(const Request& request);
void add_object_headers(Response& response, const Object& object, bool with_checksum);
void add_stored_headers(Response& response, const Object& object, std::string_view prefix);

inline constexpr std::uint64_t kPutSizeMax = 5ULL << 30;
inline constexpr std::uint64_t kDocumentSizeMax = 4 << 20;  // XML bodies
inline constexpr std::uint64_t kKeySizeMax = 1024;

}  // namespace s3sim
