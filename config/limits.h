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

// Connections of the REST API.

// One thread may parse 16 MiB of JSON while the other answers /healthz.
inline constexpr std::size_t kApiThreads = 2;
// Of those whose first request has not been taken yet; the next puts out the one that has waited
// longest. Over TLS one takes some 100 KiB, so together 50 MiB.
inline constexpr std::size_t kApiStrangersMax = 512;
// Beyond, so many more are still told 503; the next are closed without a word.
inline constexpr std::size_t kApiRefusalsMax = 64;
// Connections taken from the system at once, before others have their turn.
inline constexpr std::size_t kApiAcceptsAtOnce = 16;
// Of answers in the kernel, for one connection. By itself it would let a client that asks and does
// not read have megabytes made, and kept; thousands of them, gigabytes.
inline constexpr int kApiSendBufferBytes = 64 * 1024;
// Request line and headers; above: 431. Path and query; above: 414.
inline constexpr std::size_t kApiHeaderBytesMax = 16 * kKiB;
inline constexpr std::size_t kApiTargetBytesMax = 4 * kKiB;
// Some 200,000 named objects; above: 413.
inline constexpr std::uint64_t kApiBodyBytesMax = 16 * kMiB;
// Bodies being received, all connections together; above: 503. Those up to the free size are not
// counted.
inline constexpr std::uint64_t kApiBodiesBytesMax = 64 * kMiB;
inline constexpr std::uint64_t kApiBodyBytesFree = 64 * kKiB;
// Between requests; first byte to end of headers; to the end of the body; one answer or event.
inline constexpr auto kApiIdleTimeout = std::chrono::seconds(60);
inline constexpr auto kApiHeaderTimeout = std::chrono::seconds(10);
inline constexpr auto kApiBodyTimeout = std::chrono::seconds(60);
inline constexpr auto kApiWriteTimeout = std::chrono::seconds(30);
// A refused body is read on for so long, that the answer is seen before the reset.
inline constexpr auto kApiLingerTimeout = std::chrono::seconds(2);
// At most 5 `progress` a second; and a comment line now and then, against idle proxies.
inline constexpr auto kApiEventInterval = std::chrono::milliseconds(200);
inline constexpr auto kApiEventHeartbeat = std::chrono::seconds(15);
// Of the stream of all jobs: at most 2 events a second of each, its overview, its time until it is
// to be asked for again, and the overviews it begins with (5 minutes of them).
inline constexpr auto kApiFeedInterval = std::chrono::milliseconds(500);
inline constexpr auto kApiOverviewInterval = std::chrono::seconds(1);
inline constexpr auto kApiFeedTime = std::chrono::minutes(15);
inline constexpr std::size_t kApiFeedSamples = 300;
// The jobs it begins with; those that have changed and are kept, rendered, for slow streams.
inline constexpr std::size_t kApiFeedJobsAtStart = 100;
inline constexpr std::size_t kApiFeedStepsMax = 1'000;
inline constexpr std::uint64_t kApiFeedBytesMax = 16 * kMiB;
// Jobs that change between two looks; after more, its streams begin anew.
inline constexpr std::size_t kJobChangesMax = 10'000;
// Streams that are told at once, and the pause before the next: thousands of writes in one go would
// hold up everybody's answers. 3,072 streams are told within 50 to 100 ms.
inline constexpr std::size_t kApiEventsAtOnce = 64;
inline constexpr auto kApiEventsPause = std::chrono::milliseconds(1);

// Request bodies.

inline constexpr std::size_t kJsonDepthMax = 16;        // the deepest valid request is 5 deep
inline constexpr std::size_t kJsonNamesMax = 1'000;     // in an object; S3 has 2 KB of metadata
inline constexpr std::size_t kSourcesMax = 1'000;       // of one request
inline constexpr std::size_t kPatternsMax = 100;        // include or exclude, of one source
inline constexpr std::size_t kPatternBytesMax = 1'024;  // S3's longest key
inline constexpr int kPriorityMax = 100;                // and -100

// Jobs.

// Memory of requests of jobs that have not ended; above: 429, unless it would be the only one. A
// 16 MiB body of the shortest objects ({"key":"a"}) takes some 140 MiB.
inline constexpr std::uint64_t kJobsLiveBytesMax = 256 * kMiB;
// Requests and results of ended ones; oldest go first. A million renamed entries take some 200 MiB,
// and should not push all others out.
inline constexpr std::uint64_t kJobsEndedBytesMax = 256 * kMiB;
// Jobs being planned at once: a listing of millions takes some 100 bytes an object while it grows.
inline constexpr std::size_t kJobsPlanningMax = 8;
// Plans of jobs that run; from here on no other starts. One more may be as long as it likes.
inline constexpr std::uint64_t kJobsPlanBytesMax = 512 * kMiB;
// What the journal could not take is offered again; clocks are looked at.
inline constexpr auto kJournalRetryInterval = std::chrono::seconds(5);
// The log names jumps of the wall clock that are larger.
inline constexpr auto kClockJump = std::chrono::minutes(1);
// How often the time in service is written to the journal; a kill loses no more of it.
inline constexpr auto kServiceTimeStep = std::chrono::minutes(10);
// An answer that waits for the journal; then 503. A disk takes milliseconds.
inline constexpr auto kJournalTimeout = std::chrono::seconds(10);
// Oldest go first.
inline constexpr std::size_t kIdempotencyKeysMax = 10'000;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;
// Jobs on a page.
inline constexpr std::size_t kListLimitDefault = 100;
inline constexpr std::size_t kListLimitMax = 1'000;
// Objects of a request, skipped, or renamed, in GET /archives/{id}; and in lists and events.
inline constexpr std::size_t kObjectsShownMax = 1'000;
inline constexpr std::size_t kObjectsShownInListsMax = 10;
// Objects on a page of those skipped or renamed; and bytes of their keys and names, which JSON may
// write six times as long.
inline constexpr std::size_t kReportLimitDefault = 1'000;
inline constexpr std::size_t kReportLimitMax = 10'000;
inline constexpr std::size_t kReportPageBytesMax = 4 * kMiB;
// Told with 429 and 503.
inline constexpr auto kRetryAfter = std::chrono::seconds(5);
// bytes_per_second is measured over the last 5 s: the first sample and ten more.
inline constexpr auto kRateSampleInterval = std::chrono::milliseconds(500);
inline constexpr std::size_t kRateSamples = 11;

// Plans and downloads.

// Plans at once: each may hold a listing of millions.
inline constexpr std::size_t kPlansMax = 4;
inline constexpr auto kPlanTimeout = std::chrono::seconds(300);
inline constexpr std::uint64_t kDownloadExpiresS = 3'600;
// Of keys to be fetched for its URL, which takes 10 s at most.
inline constexpr auto kDownloadTimeout = std::chrono::seconds(15);

// Told to the supervisor as alive: only who comes round to something new within this time.
inline constexpr auto kAliveTimeout = std::chrono::seconds(5);

// Stopping.

// After drain_seconds: for jobs to let go, then for answers being written, then for the journal to
// be closed; then the process ends, whatever hangs.
inline constexpr auto kStopJobsTimeout = std::chrono::seconds(5);
inline constexpr auto kStopApiTimeout = std::chrono::seconds(2);
// Before that: for the first request of connections that have just been accepted.
inline constexpr auto kStopFreshTimeout = std::chrono::seconds(1);
inline constexpr auto kStopTimeout = std::chrono::seconds(30);

}  // namespace config
