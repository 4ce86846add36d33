// S3Client: the S3 calls of one reactor. Each call signs, sends, checks and, where the outcome
// table says so, retries with full jitter until its deadline; what it returns is final.
//
// Not thread-safe: one per reactor, destroyed after every call has ended. Memory passed in (bodies,
// receivers) belongs to the caller and must stay until the call returns. Cancelling a call's
// CancelSource ends it soon with `cancelled`. API:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/reactor.h"
#include "s3client/access_point.h"
#include "s3client/call.h"
#include "s3client/client_config.h"
#include "s3client/client_stats.h"
#include "s3client/connection_pool.h"
#include "s3client/endpoint.h"
#include "s3client/object.h"
#include "s3client/operation.h"
#include "s3client/retry.h"
#include "s3client/sigv4.h"
#include "s3client/store_support.h"
#include "s3client/traffic/admission.h"
#include "s3client/traffic/stragglers.h"
#include "s3client/xml.h"

namespace s3client {

class S3Client {
  public:
    S3Client(io::Reactor& reactor, ClientConfig config);

    io::Task<base::Result<ListObjectsPage>> list_objects(std::string bucket, std::string prefix,
                                                         std::string continuation_token,
                                                         CallContext context);
    io::Task<base::Result<ObjectHead>> head_object(ObjectVersion object, WithChecksum checksum,
                                                   CallContext context);

    // Receives exactly `range`, pinned to `etag` (If-Match; precondition if the object changed) and
    // checked against `object_size`. A broken transfer goes on where it stopped, so the receiver
    // sees each byte once. Of a whole object it also gives the CRC-32 that S3 has stored, if any.
    using StoredCrc32 = std::optional<std::uint32_t>;
    io::Task<base::Result<StoredCrc32>> get_object(GetObject get, BodyReceiver& receiver,
                                                   CallContext context);

    // `headers` carry the object's content type, metadata, tags, encryption, and If-None-Match.
    io::Task<base::Result<WrittenObject>> put_object(std::string bucket, std::string key,
                                                     std::vector<NameValue> headers, Body body,
                                                     CallContext context);
    // With CRC-32 checksums: FULL_OBJECT where the store has them, else COMPOSITE, else none.
    io::Task<base::Result<UploadTarget>> create_multipart_upload(std::string bucket,
                                                                 std::string key,
                                                                 std::vector<NameValue> headers,
                                                                 CallContext context);
    // Gives the part's ETag. `part_number` from 1.
    io::Task<base::Result<std::string>> upload_part(UploadTarget upload, std::uint32_t part_number,
                                                    Body body, CallContext context);
    // With the checksums that the upload has, in the form that the store takes. A store that
    // verifies checksums completes nothing that differs from them.
    io::Task<base::Result<WrittenObject>> complete_multipart_upload(CompleteUpload complete,
                                                                    CallContext context);
    // Errors: not_found "NoSuchUpload", if it is gone already.
    io::Task<base::Status> abort_multipart_upload(UploadTarget upload, CallContext context);
    // The parts that S3 has, after part number `after`.
    io::Task<base::Result<ListPartsPage>> list_parts(UploadTarget upload, std::uint32_t after,
                                                     CallContext context);
    // Open uploads, those to other keys with this prefix too; both markers are empty for page one.
    io::Task<base::Result<ListUploadsPage>> list_multipart_uploads(std::string bucket,
                                                                   std::string prefix,
                                                                   std::string key_marker,
                                                                   std::string upload_id_marker,
                                                                   CallContext context);

    StoreSupport& support() const { return *config_.support; }
    bool is_aws() const { return config_.endpoint.aws; }
    io::Reactor& reactor() const { return reactor_; }
    // A bucket that is not in the configured region: by a redirect, or heard from others.
    void learn_region(const std::string& bucket, const std::string& region);
    static constexpr std::size_t kRegionsMax = 10'000;  // that are remembered

    using Stats = ClientStats;
    const Stats& stats() const { return stats_; }
    Admission& admission() { return admission_; }

  private:
    struct Mended {  // by one call
        bool connection = false, region = false;
        unsigned clock = 0, renewals = 0;  // times; renewals of the keys
    };
    struct Attempt;
    class Race;
    io::Task<base::Status> run(Call call);
    // run(), without the features that the store refuses; finds out which those are.
    io::Task<base::Status> run_adapting(Call call, std::vector<Feature> features);
    io::Task<base::Status> run_without(const Call& call, std::span<const Feature> features);
    io::Task<base::Result<UploadTarget>> create_upload_with(Call call, ChecksumMode mode);
    io::Task<base::Result<WrittenObject>> complete_in(const CompleteUpload& complete,
                                                      CompleteForm form, CallContext context);
    // Moves the bounds on by the time it stood in line, which is bounded as well (turn_limit.h).
    io::Task<base::Status> attempt(Call& call, bool fresh_connection, io::Bounds& bounds);
    io::Task<void> begin(Call& call, const Target& target, Attempt& attempt, bool fresh_connection,
                         io::Bounds bounds);
    base::Status check_repeated(Attempt& attempt);
    base::Result<std::string> sign(Call& call, const Target& target, Attempt& attempt);
    io::Task<base::Status> receive(Call& call, Attempt& attempt, io::Bounds bounds);
    io::Task<base::Status> receive_object(Call& call, Attempt& attempt, io::Bounds bounds);
    io::Task<base::Result<bool>> mend(Call& call, const base::Error& error, Mended& mended,
                                      io::Bounds bounds);
    bool learn_clock(const Call& call);
    void note_outcome(const Call& call, const base::Status& done);
    io::Task<void> find_region(Call& call, io::Bounds bounds);
    base::Error answer_error(Call& call, const ResponseHead& head, std::string body);
    base::Error with_context(const Call& call, base::Error error) const;
    void count(const Call& call);
    CredentialsProvider& provider_of(const Call& call) const;
    io::Task<base::Status> await_keys(const Call& call, io::Bounds bounds);
    base::Result<Target> target_of(const Call& call) const;
    bool follow_region(Call& call, const base::Error& error);
    void confirm_region(Call& call, const base::Status& done);
    std::string region_of(const std::string& bucket) const;

    io::Reactor& reactor_;
    ClientConfig config_;
    ConnectionPool pool_;
    Admission admission_;
    std::array<Stragglers, kOperationCount> stragglers_;
    HedgeBudget hedge_budget_;
    Signer signer_;
    RetryPolicy retry_;
    bool request_ids_differ_ = true;   // no store gives all answers the same x-amz-request-id...
    std::string repeated_request_id_;  // ... unless a fresh connection has it again
    bool repeats_tokens_ = false;      // listings have the <ContinuationToken> that was asked for
    bool answered_ = false;            // some endpoint has, once
    std::map<std::string, std::string> regions_;  // of buckets elsewhere, at most kRegionsMax
    base::Duration clock_offset_{0};  // learnt from S3's Date when it says that ours is wrong
    Stats stats_;
};

}  // namespace s3client
