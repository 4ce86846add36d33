// Every bound of the control plane that is not a setting, in one place, each with the reason for
// its value. The bounds of S3 itself are in archive/ and s3client/; the bounds people may change
// are settings (config/settings.h).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace config {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// S3's bounds of a part: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
inline constexpr std::uint64_t kPartSizeMin = 5 * kMiB;
inline constexpr std::uint64_t kPartSizeMax = 5 * kGiB;

// --- connections of the REST API
// -------------------------------------------------------------------------------
inline constexpr std::size_t kApiThreads =
    2;  // one may parse 16 MiB of JSON while the other answers /healthz
inline constexpr std::size_t kApiConnectionsMax = 256;  // the next one is told 503 and closed
inline constexpr std::size_t kApiEventStreamsMax =
    64;  // so that streams never take every connection
inline constexpr std::size_t kApiHeaderBytesMax =
    16 * kKiB;                                               // request line and headers; above: 431
inline constexpr std::size_t kApiTargetBytesMax = 4 * kKiB;  // path and query; above: 414
inline constexpr std::uint64_t kApiBodyBytesMax =
    16 * kMiB;  // some 200,000 named objects; above: 413
// Bodies being received, all connections together; bodies up to the free size are not counted (256
// x 64 KiB = 16 MiB).
inline constexpr std::uint64_t kApiBodiesBytesMax = 64 * kMiB;
inline constexpr std::uint64_t kApiBodyBytesFree = 64 * kKiB;
inline constexpr auto kApiIdleTimeout = std::chrono::seconds(60);    // between requests
inline constexpr auto kApiHeaderTimeout = std::chrono::seconds(10);  // first byte to end of headers
inline constexpr auto kApiBodyTimeout = std::chrono::seconds(60);   // end of headers to end of body
inline constexpr auto kApiWriteTimeout = std::chrono::seconds(30);  // a response, or one event
inline constexpr auto kApiLingerTimeout =
    std::chrono::seconds(2);  // a refused body is read on, so that the
                              // answer is seen before the reset
inline constexpr auto kApiEventInterval =
    std::chrono::milliseconds(200);  // at most 5 `progress` a second
inline constexpr auto kApiEventHeartbeat =
    std::chrono::seconds(15);  // a comment line, against idle proxies

// --- request bodies
// --------------------------------------------------------------------------------------------
inline constexpr std::size_t kJsonDepthMax = 16;        // the deepest valid request is 5 deep
inline constexpr std::size_t kSourcesMax = 1'000;       // of one request
inline constexpr std::size_t kPatternsMax = 100;        // include or exclude, of one source
inline constexpr std::size_t kPatternBytesMax = 1'024;  // S3's longest key
inline constexpr int kPriorityMax = 100;                // and -100

// --- jobs
// --------------------------------------------------------------------------------------------------------
// Requests of jobs that have not ended, in memory; above: 429, unless it would be the only one. A
// 16 MiB body of the shortest objects ({"key":"a"}) takes some 140 MiB.
inline constexpr std::uint64_t kJobsLiveBytesMax = 256 * kMiB;
inline constexpr std::uint64_t kJobsEndedBytesMax =
    64 * kMiB;  // requests and results of ended ones; oldest go first
inline constexpr std::size_t kIdempotencyKeysMax = 10'000;  // oldest go first
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;
inline constexpr std::size_t kListLimitDefault = 100;
inline constexpr std::size_t kListLimitMax = 1'000;
inline constexpr std::size_t kObjectsShownMax =
    1'000;  // of a request or `skipped`, in GET /archives/{id}
inline constexpr std::size_t kObjectsShownInListsMax = 10;    // likewise in lists and events
inline constexpr auto kRetryAfter = std::chrono::seconds(5);  // told with 429 and 503
inline constexpr auto kRateSampleInterval = std::chrono::milliseconds(500);
inline constexpr std::size_t kRateSamples = 11;  // bytes_per_second is measured over the last 5 s

// --- plans, downloads
// ----------------------------------------------------------------------------------------------
inline constexpr std::size_t kPlansMax = 4;  // at once; each may hold a listing of millions
inline constexpr auto kPlanTimeout = std::chrono::seconds(300);
inline constexpr std::uint64_t kDownloadExpiresS = 3'600;

// --- stopping
// --------------------------------------------------------------------------------------------------
inline constexpr auto kStopJobsTimeout = std::chrono::seconds(20);  // uploads being aborted
inline constexpr auto kStopApiTimeout = std::chrono::seconds(2);    // answers being written
inline constexpr auto kStopTimeout =
    std::chrono::seconds(35);  // then the process ends, whatever hangs

}  // namespace config
