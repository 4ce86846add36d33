// The S3 that lives in the repository, as a library: tests start one in their own process, the
// s3sim binary is a thin shell around it. The independent judge of our S3 client: no shared code.
//
// A Server owns its threads and sockets; start() returns once it listens, the destructor stops it
// and joins them. All members are thread-safe. Stored objects live in memory, or under `root` when
// that is set; sinks forget the bytes of uploads. What differs from S3: README.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "s3sim/watch.h"

namespace s3sim {

struct Options {
    std::string listen = "127.0.0.1:0";
    std::string access_key = "s3sim";  // empty: requests without a signature may do everything
    std::string secret_key = "s3simsecret";
    std::string session_token;  // when set, every request must carry it
    std::string region = "us-east-1";
    // Buckets that are elsewhere: "REGION[,301|307|400]", the answer to who signs for another.
    std::map<std::string, std::string> bucket_regions;
    std::string root;                  // empty: memory
    std::vector<std::string> buckets;  // created at start
    std::map<std::string, std::string>
        synthetic;                   // bucket -> spec: "count=10,size=1000" | "challenge,scale=100"
    std::string synthetic_cache;     // file that remembers computed keys
    std::vector<std::string> sinks;  // buckets that check uploads and keep no bytes
    std::vector<std::string> versioned;  // buckets in memory, made at start, that keep versions
    std::vector<std::string> requester_pays;           // buckets: 403 for who does not offer to
    std::map<std::string, std::string> bucket_owners;  // bucket -> account; else 123456789012
    bool record_requests = false;                      // for requests()
    Watch watch;                                       // if any, told of each request
    std::uint64_t restore_ms = 0;  // until a restored copy of an archived object is there
    int threads = 2;
    std::uint64_t max_memory_bytes = 0;           // of stored bodies in memory mode; 0: no limit
    std::string faults;                           // a fault plan, see faults.h
    std::uint32_t latency_ms = 0;                 // before the first byte of every answer
    std::string latency;                          // more of it: "30ms,jitter=20ms,tail=1%:3s"
    std::uint64_t bandwidth_per_connection = 0;   // bytes a second in each direction; 0: no limit
    std::uint64_t bandwidth_host = 0;             // so for all of them together
    std::uint32_t max_requests_per_second = 0;    // 503 SlowDown above; 0: no limit
    std::uint32_t max_reads_per_second = 0;       // so for GET and HEAD
    std::uint32_t max_writes_per_second = 0;      // so for PUT, POST and DELETE
    std::uint32_t idle_timeout_ms = 0;            // an idle connection is closed after; 0: never
    std::uint64_t min_part_size_bytes = 5 << 20;  // S3's; less: many parts cheaply
    std::string like = "aws";  // the store whose rules count, see profile.cc: "minio", "r2", ...
    bool equal_parts = false;  // all parts but the last of one size, the last no larger (as R2)
    bool close_connections = false;         // after each answer (as versitygw)
    std::vector<std::string> header_rules;  // "if-match@GetObject=ignore", see profile.h
    std::string checksums = "checked";      // or as stores without them: "ignored", "refused"
    base::Clock* clock = nullptr;           // default: the system's; must outlive the server
};

struct Stats {
    std::map<std::string, std::uint64_t> operations;  // "GetObject" -> requests answered
    std::map<std::string, std::uint64_t> answers;     // "GetObject 206" -> requests answered so
    std::uint64_t bytes_in = 0;                       // of request bodies
    std::uint64_t bytes_out = 0;                      // of response bodies
    std::uint64_t signature_failures = 0;             // requests that the signature check refused
    std::uint64_t faults_fired = 0;
    std::uint64_t open_uploads = 0;
    std::uint64_t open_connections = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t stored_bytes = 0;  // memory mode

    std::uint64_t count(const std::string& operation) const {
        const auto at = operations.find(operation);
        return at == operations.end() ? 0 : at->second;
    }
};

struct ObjectInfo {
    std::uint64_t size = 0;
    std::string etag;         // without quotes
    std::uint32_t crc32 = 0;  // of all bytes, also for sinks
    std::string content_type;
    std::string storage_class;
    std::string content_disposition;
    std::string version_id;                       // "null" where it has none
    std::string tagging;                          // as the x-amz-tagging header was: a=b&c=d
    std::map<std::string, std::string> metadata;  // x-amz-meta-* names without that prefix
    std::map<std::string, std::string> headers;   // as HEAD shows them, encryption too
};

struct OpenUpload {
    std::string bucket, key, upload_id;
};

class Server {
  public:
    static base::Result<std::unique_ptr<Server>> start(Options options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::uint16_t port() const;
    std::string endpoint() const;  // "http://127.0.0.1:PORT"

    base::Status create_bucket(std::string_view bucket);
    base::Status set_versioning(std::string_view bucket, bool enabled);  // false: suspended
    // Without a version_id these mean the current version, and remove() puts a delete marker if the
    // bucket keeps versions. put() returns the new version's id, "" if it has none.
    // `headers` as HEAD shall show them.
    base::Result<std::string> put(std::string_view bucket, std::string_view key,
                                  std::string_view bytes,
                                  std::string_view storage_class = "STANDARD",
                                  const std::map<std::string, std::string>& headers = {});
    base::Result<std::string> get(std::string_view bucket, std::string_view key,
                                  std::string_view version_id = {}) const;  // not from sinks
    base::Result<ObjectInfo> head(std::string_view bucket, std::string_view key,
                                  std::string_view version_id = {}) const;
    base::Status remove(std::string_view bucket, std::string_view key,
                        std::string_view version_id = {});
    // Moves an object in INTELLIGENT_TIERING to ARCHIVE_ACCESS or DEEP_ARCHIVE_ACCESS; "": back.
    base::Status set_archive_status(std::string_view bucket, std::string_view key,
                                    std::string_view status);
    // Makes a readable copy of an archived object, at once and for ten years.
    base::Status restore(std::string_view bucket, std::string_view key);
    std::vector<std::string> keys(std::string_view bucket, std::string_view prefix = {}) const;
    std::vector<OpenUpload> open_uploads() const;

    // From now on requests must be signed with these; with the old ones they get ExpiredToken.
    void set_credentials(std::string_view access_key, std::string_view secret_key,
                         std::string_view session_token = {});
    // These, besides; until set_credentials() says which are the only ones.
    void accept_too(std::string_view access_key, std::string_view secret_key,
                    std::string_view session_token = {});

    Stats stats() const;
    std::vector<RecordedRequest> requests() const;  // since the last reset_stats()
    void reset_stats();  // counters to zero, fault rules' too; what is stored stays
    base::Status set_faults(std::string_view plan);  // replaces the plan; "" removes it
    void stop();                                     // idempotent; closes every connection

  private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace s3sim
