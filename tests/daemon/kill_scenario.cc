#include "kill_scenario.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "../archive/zip_reading.h"
#include "../zip/reference_writer.h"
#include "base/random.h"

namespace s3zipd {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMiB = 1 << 20;
constexpr std::size_t kPoolBytes = 24 * kMiB;
constexpr std::int64_t kFixedTimeUnixS = 315'532'800;  // 1980-01-01, where DOS time begins

std::uint64_t between(base::Random& random, std::uint64_t low, std::uint64_t high) {
    return low + random.below(high - low + 1);
}
bool one_in(base::Random& random, std::uint64_t n) { return random.below(n) == 0; }

void draw_objects(base::Random& random, KillJob& job) {
    const auto add = [&](std::size_t size) {
        job.objects.push_back({fmt::format("{}{:04}.bin", job.prefix, job.objects.size()),
                               static_cast<std::size_t>(random.below(kPoolBytes - size)), size});
    };
    const auto add_some = [&](std::uint64_t count, std::size_t low, std::size_t high) {
        for (; count > 0; --count) add(between(random, low, high));
    };
    switch (random.below(5)) {
        case 0:  // one PUT
            add_some(between(random, 1, 30), 0, 20'000);
            break;
        case 1:  // many small entries in a part
            add_some(between(random, 200, 500), 100, 70'000);
            break;
        case 2:  // a group of parts among others
            add_some(between(random, 1, 20), 0, 100'000);
            add(between(random, 11 * kMiB, 23 * kMiB));
            add_some(between(random, 1, 4), kMiB, 6 * kMiB);
            break;
        case 3:  // two groups
            add(between(random, 11 * kMiB, 16 * kMiB));
            add_some(between(random, 0, 3), 1, 50'000);
            add(between(random, 11 * kMiB, 16 * kMiB));
            break;
        default:  // many parts
            add_some(between(random, 10, 40), 500'000, 2'000'000);
            break;
    }
}

KillJob draw_job(base::Random& random, std::uint64_t seed, std::size_t number) {
    KillJob job;
    job.key = fmt::format("zips/{}.zip", number);
    job.prefix = fmt::format("job{}/", number);
    draw_objects(random, job);
    job.named = one_in(random, 4) && job.objects.size() < 60;  // a HEAD each
    if (!one_in(random, 4)) job.idempotency_key = fmt::format("run-{}-job-{}", seed, number);
    job.notify = one_in(random, 2);
    job.overwrite = one_in(random, 3);
    if (one_in(random, 3)) job.priority = static_cast<int>(random.below(21)) - 10;
    if (!one_in(random, 3)) job.part_size = "5MiB";
    if (number > 0 && !one_in(random, 3)) job.post_after = milliseconds(random.below(300));
    if (one_in(random, 10)) job.cancel_after = milliseconds(random.below(600));
    return job;
}

// The edges: where what S3 knows and what the journal knows may differ.
Pull draw_pull(base::Random& random) {
    struct Edge {
        const char* operation;
        unsigned nth_max;
    };
    static constexpr std::array<Edge, 10> kEdges = {{{"CreateMultipartUpload", 3},
                                                     {"CreateMultipartUpload", 3},
                                                     {"UploadPart", 12},
                                                     {"UploadPart", 12},
                                                     {"CompleteMultipartUpload", 2},
                                                     {"CompleteMultipartUpload", 2},
                                                     {"PutObject", 2},
                                                     {"ListParts", 3},
                                                     {"AbortMultipartUpload", 1},
                                                     {"GetObject", 40}}};
    Pull pull;
    pull.kill = !one_in(random, 5);
    switch (random.below(10)) {
        case 0:
        case 1: pull.after = milliseconds(random.below(1'500)); break;
        case 2: pull.after = milliseconds(random.below(120)); break;  // while it starts
        case 3:
            pull.when = Pull::When::accepted;
            pull.nth = static_cast<unsigned>(between(random, 1, 3));
            break;
        case 4:
            pull.when = Pull::When::delivery;
            pull.nth = static_cast<unsigned>(between(random, 1, 2));
            break;
        default: {
            const Edge& edge = kEdges[random.below(kEdges.size())];
            pull.when = Pull::When::request;
            pull.operation = edge.operation;
            pull.executed = !one_in(random, 3);
            pull.nth = static_cast<unsigned>(between(random, 1, edge.nth_max));
            break;
        }
    }
    return pull;
}

void draw_lives(base::Random& random, KillScenario& scenario) {
    Life life;
    life.reactors = static_cast<unsigned>(between(random, 1, 2));
    life.memory_mib = 32 * life.reactors;
    life.running_max = static_cast<unsigned>(between(random, 1, 4));
    for (std::uint64_t pulls = between(random, 1, 3); pulls > 0; --pulls) {
        life.pull = draw_pull(random);
        life.drain_seconds = static_cast<unsigned>(random.below(2));
        life.quiet_first = !one_in(random, 3);
        scenario.lives.push_back(life);
        if (one_in(random, 4)) {  // it comes back as another one
            life.reactors = 3 - life.reactors;
            life.memory_mib = one_in(random, 2) ? 32 * life.reactors : 96;
            life.running_max = static_cast<unsigned>(between(random, 1, 4));
        }
    }
    life.pull = Pull{.when = Pull::When::end, .kill = one_in(random, 2)};
    scenario.lives.push_back(life);
    life.pull.reset();
    scenario.lives.push_back(life);
}

}  // namespace

std::string KillJob::body(const std::string& notify_url) const {
    std::string source = fmt::format(R"("bucket":"src","prefix":"{}")", prefix);
    if (named) {
        source = R"("bucket":"src","objects":[)";
        for (const KillObject& object : objects) {
            source += fmt::format(R"({}{{"key":"{}"}})", &object == objects.data() ? "" : ",",
                                  object.key);
        }
        source += "]";
    }
    std::string options = R"("timestamps":"fixed","order":"key")";
    if (priority != 0) options += fmt::format(R"(,"priority":{})", priority);
    if (!part_size.empty()) options += fmt::format(R"(,"part_size":"{}")", part_size);
    return fmt::format(
        R"({{"source":{{{}}},"destination":{{"bucket":"out","key":"{}","overwrite":{}}},)"
        R"("options":{{{}}}{}}})",
        source, key, overwrite, options,
        notify ? fmt::format(R"(,"notify":{{"url":"{}"}})", notify_url) : "");
}

std::string Pull::to_string() const {
    const char* signal = kill ? "SIGKILL" : "SIGTERM";
    switch (when) {
        case When::time: return fmt::format("{} after {} ms", signal, after.count());
        case When::delivery: return fmt::format("{} at notification {}", signal, nth);
        case When::accepted: return fmt::format("{} after acceptance {}", signal, nth);
        case When::end: return fmt::format("{} in the end", signal);
        case When::request: break;
    }
    return fmt::format("{} at {} {}, {}", signal, operation, nth,
                       executed ? "executed" : "arrived");
}

KillScenario draw_scenario(std::uint64_t seed) {
    base::Random random(seed);
    KillScenario scenario;
    scenario.seed = seed;
    for (std::uint64_t left = between(random, 2, 6), n = 0; left > 0; --left, ++n)
        scenario.jobs.push_back(draw_job(random, seed, n));
    draw_lives(random, scenario);
    if (!one_in(random, 4)) scenario.faults = fmt::format("seed={} rate=0.02", seed);
    if (!one_in(random, 3))
        scenario.latency = fmt::format("{}ms,jitter={}ms", random.below(15), 1 + random.below(30));
    if (one_in(random, 2)) scenario.bandwidth_per_connection = between(random, 8, 40) * kMiB;
    if (one_in(random, 3)) scenario.fail_deliveries = static_cast<unsigned>(random.below(3));
    scenario.cut_deliveries = one_in(random, 2);
    return scenario;
}

const std::string& kill_pool() {
    static const std::string kPool = archive::test::random_text(20'261'120, kPoolBytes);
    return kPool;
}

std::string reference_of(const KillJob& job) {
    std::vector<zip_test::ReferenceFile> files;
    const std::string_view pool = kill_pool();
    for (const KillObject& object : job.objects) {
        files.push_back({object.key, object.size,
                         archive::test::plain_crc32(pool.substr(object.offset, object.size)),
                         kFixedTimeUnixS});
    }
    const zip_test::ReferenceArchive reference = zip_test::reference_archive(files, "");
    std::string archive;
    archive.reserve(reference.size);
    for (std::size_t i = 0; i < files.size(); ++i) {
        archive += reference.headers[i];
        archive += pool.substr(job.objects[i].offset, job.objects[i].size);
    }
    return archive + reference.end;
}

}  // namespace s3zipd
