// engine_storm: jobs in storms of faults. A seed draws a job and a storm; what must hold after it
// is in fault_rig.h. Run by ctest with some seeds and by ./dev storm with 2,000.
//
//   engine_storm [--seeds FIRST-LAST] [--io uring|epoll|both] [--rate PERCENT] [--kinds LIST]
//
// Says what of the promises was broken, with the line that repeats it, and exits 1; in the end, how
// many jobs succeeded and why the others failed. --rate and --kinds (words of s3sim's fault plans)
// replace what the seed draws. If all kinds are faults of exchanges (double, early, ...: answers
// that do not belong to their requests), the jobs are small and many of a size, so that 10,000
// seeds take minutes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "fault_rig.h"
#include "zip_reading.h"

namespace archive::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
#if __has_feature(address_sanitizer)
constexpr std::string_view kSanitized = " --asan";
#else
constexpr std::string_view kSanitized;
#endif

// What a client survives by asking again: jobs under these alone succeed. Without drip, which moves
// on, if only for hours.
constexpr std::string_view kPassing =
    "status,status,reset,reset-early,reset-after,lost-answer,short,close,delay,error200,"
    "truncate-xml,garbage-headers,long-headers,continue";
// What says something else, true or not.
constexpr std::string_view kTelling =
    "wrong-etag,wrong-checksum,expired-token,skew,changed,chunked";

// Faults of exchanges.
constexpr std::array<std::string_view, 6> kExchangeKinds = {"double", "early", "late",
                                                            "swap",   "tail",  "cut"};
// So many seeds in a row share a scenario, and so its s3sim and its reference archive.
constexpr std::uint64_t kExchangeBatch = 25;

bool is_exchange_only(std::string_view kinds) {
    while (!kinds.empty()) {
        const auto comma = std::min(kinds.find(','), kinds.size());
        if (std::ranges::count(kExchangeKinds, kinds.substr(0, comma)) == 0) return false;
        kinds.remove_prefix(std::min(comma + 1, kinds.size()));
    }
    return true;
}

struct Storm {
    std::uint64_t seed = 0;
    Scenario scenario;
    std::string kinds;
    double rate = 0;

    bool has(std::string_view kind) const {
        return ("," + kinds + ",").contains(fmt::format(",{},", kind));
    }
    bool may_refuse() const { return has("expired-token") || has("skew"); }  // an abort
    std::string plan() const { return fmt::format("seed={} rate={} kinds={}", seed, rate, kinds); }
};

// Which faults may make a job fail, and as what. Nothing else may.
struct Reason {
    std::string_view kind;
    std::vector<std::string_view> codes;
};
const std::array<Reason, 10> kReasons = {{
    {"wrong-etag", {"source_changed", "InvalidPart", "PreconditionFailed"}},
    {"expired-token", {"ExpiredToken", "Forbidden", "BadRequest"}},
    {"skew", {"RequestTimeTooSkewed", "Forbidden"}},
    {"changed", {"source_changed", "destination_exists", "PreconditionFailed"}},
    {"chunked", {"wrong_length"}},
    {"stall", {"idle_timeout"}},
    // Another object's answer has another ETag; of an upload or a part, what cannot be completed.
    // A HEAD of a manifest file that is answered so gives an ETag that the GET then does not find.
    {"swap",
     {"source_changed", "PreconditionFailed", "InvalidPart", "NoSuchUpload", "wrong_checksum",
      "wrong_answer"}},
    {"late", {"source_changed", "PreconditionFailed"}},
    // Not stored, though S3 said it was.
    {"early", {"InvalidPart", "archive_not_there", "part_changed"}},
    // Every attempt of one request.
    {"double", {"doubtful_answer"}},
}};

bool is_plausible(const Storm& storm, std::string_view code) {
    return std::ranges::any_of(kReasons, [&](const Reason& reason) {
        return storm.has(reason.kind) &&
               std::ranges::find(reason.codes, code) != reason.codes.end();
    });
}

std::uint64_t between(base::Random& random, std::uint64_t low, std::uint64_t high) {
    return low + random.next() % (high - low + 1);
}

void draw_objects(base::Random& random, Scenario& scenario) {
    const auto add = [&](std::uint64_t size) {
        const std::string key = fmt::format("{:x}/{}", random.next() % 8, scenario.objects.size());
        scenario.objects[key] = random_text(random.next() % 100'000, size);
    };
    for (std::uint64_t n = between(random, 1, 30); n > 0; --n) add(between(random, 0, 20'000));
    for (std::uint64_t n = between(random, 0, 3); n > 0; --n) add(between(random, 1, kMiB));
    switch (random.next() % 4) {
        case 0: break;  // mostly one PUT
        case 1: add(between(random, 5 * kMiB, 9 * kMiB)); [[fallthrough]];
        case 2: add(between(random, 5 * kMiB, 9 * kMiB)); break;
        default: add(between(random, 11 * kMiB, 18 * kMiB)); break;  // a group of parts
    }
}

// Everything of a bucket; or some objects by name and the others by a manifest file.
void draw_sources(base::Random& random, Scenario& scenario) {
    if (random.next() % 3 != 0) return;
    std::vector<ObjectChoice> named;
    std::string& list = scenario.others["list"];
    for (const auto& [key, bytes] : scenario.objects) {
        if (named.empty() || random.next() % 2 == 0) {
            named.push_back({key, "", ""});
        } else {
            list += fmt::format("{{\"bucket\":\"src\",\"key\":\"{}\"}}\n", key);
        }
    }
    scenario.sources.emplace_back().bucket = "src";
    scenario.sources.back().objects = std::move(named);
    if (!list.empty())
        scenario.sources.emplace_back().manifest = ObjectAddress{"lists", "list", ""};
}

Storm draw(std::uint64_t seed) {
    base::Random random(seed);
    Storm storm;
    storm.seed = seed;
    draw_objects(random, storm.scenario);
    draw_sources(random, storm.scenario);
    storm.scenario.reactors = static_cast<unsigned>(between(random, 1, 2));
    storm.scenario.memory_mib = storm.scenario.reactors * 20;
    storm.scenario.overwrite = random.next() % 2 == 0;
    constexpr std::array<std::uint64_t, 3> kPartSizes = {0, 10 * kMiB, 13 * kMiB};
    storm.scenario.part_size_bytes = kPartSizes[random.next() % kPartSizes.size()];
    storm.rate = static_cast<double>(between(random, 1, 10)) / 100;
    storm.kinds = kPassing;
    switch (random.next() % 8) {
        case 0:  // slow: each one costs its time-out
            storm.kinds += ",stall,stall-after";
            storm.scenario.request_timeout_ms = 300;
            storm.rate = std::min(storm.rate, 0.03);
            break;
        case 1:
        case 2: storm.kinds = fmt::format("{},{}", kPassing, kTelling); break;
        default: break;
    }
    return storm;
}

// Some sixty objects, most of them of a size with others: an answer to another request can only be
// told apart by what it says of itself.
void draw_small_objects(base::Random& random, Scenario& scenario) {
    constexpr std::array<std::uint64_t, 4> kSizes = {0, 90, 1000, 3000};
    for (std::uint64_t n = between(random, 40, 80); n > 0; --n) {
        const std::string key = fmt::format("{:x}/{}", random.next() % 8, n);
        const std::uint64_t size = kSizes[random.next() % kSizes.size()];
        scenario.objects[key] = random_text(random.next() % 100'000, size);
    }
    if (random.next() % 8 == 0) {  // parts
        scenario.objects["big"] = random_text(random.next() % 100'000, 5 * kMiB + 1000);
        scenario.part_size_bytes = 5 * kMiB;
    }
}

Storm draw_exchanges(std::uint64_t seed, const std::string& kinds) {
    base::Random of_batch((seed - 1) / kExchangeBatch);
    Storm storm;
    storm.seed = seed;
    storm.kinds = kinds;
    draw_small_objects(of_batch, storm.scenario);
    draw_sources(of_batch, storm.scenario);
    storm.scenario.reactors = static_cast<unsigned>(between(of_batch, 1, 2));
    storm.scenario.memory_mib = storm.scenario.reactors * 20;
    storm.scenario.overwrite = of_batch.next() % 2 == 0;
    base::Random random(seed);
    storm.rate = static_cast<double>(between(random, 1, 25)) / 100;
    return storm;
}

struct Tally {
    std::uint64_t passed = 0, failed = 0, succeeded = 0, faults = 0, retries = 0;
    std::map<std::string, std::uint64_t> codes;
};

struct Choice {
    std::uint64_t first = 1, last = 40;
    std::vector<IoChoice> io = {IoChoice::uring, IoChoice::epoll};
    std::optional<double> rate;
    std::string kinds;

    bool exchanges() const { return !kinds.empty() && is_exchange_only(kinds); }
    // Seeds with the same quotient have the same scenario.
    std::uint64_t batch() const { return exchanges() ? kExchangeBatch : 1; }
    Storm storm(std::uint64_t seed) const;
    std::string repeat(const Storm& storm, IoChoice on) const {
        std::string line = fmt::format("./dev storm{0} --seeds {1}-{1} --io {2}", kSanitized,
                                       storm.seed, on == IoChoice::uring ? "uring" : "epoll");
        if (rate) line += fmt::format(" --rate {}", *rate * 100);
        if (!kinds.empty()) line += " --kinds " + kinds;
        return line;
    }
};

Storm Choice::storm(std::uint64_t seed) const {
    Storm storm = exchanges() ? draw_exchanges(seed, kinds) : draw(seed);
    if (rate) storm.rate = *rate;
    if (!kinds.empty()) {
        storm.kinds = kinds;
        if (storm.has("stall") || storm.has("stall-after")) storm.scenario.request_timeout_ms = 300;
    }
    return storm;
}

void run_storm(const Choice& choice, const Storm& storm, IoChoice io, FaultRig& rig, Tally& tally,
               std::mutex& mutex) {
    FaultRun run = rig.run(storm.plan(), {.lost_answers = true,
                                          .refused_aborts = storm.may_refuse(),
                                          .wrong_etag = storm.has("wrong-etag")});
    if (run.end.error && !is_plausible(storm, run.code()))
        run.broken.push_back("nothing in this storm explains " + run.end.error->to_string());
    const std::lock_guard lock(mutex);
    tally.faults += run.faults;
    tally.retries += run.retries;
    if (run.end.error) ++tally.codes[run.code()];
    tally.succeeded += run.end.error ? 0 : 1;
    if (run.broken.empty()) {
        ++tally.passed;
        return;
    }
    ++tally.failed;
    fmt::print("seed {}: {}\n  {}\n  repeat: {}\n", storm.seed, storm.plan(),
               fmt::join(run.broken, "\n  "), choice.repeat(storm, io));
    std::fflush(stdout);
}

// Seeds first to last, which share a scenario.
void run_batch(const Choice& choice, std::uint64_t first, std::uint64_t last, IoChoice io,
               Tally& tally, std::mutex& mutex) {
    FaultRig rig(choice.storm(first).scenario, io);
    for (std::uint64_t seed = first; seed <= last; ++seed)
        run_storm(choice, choice.storm(seed), io, rig, tally, mutex);
}

bool parse_number(std::string_view text, auto& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

bool parse_io(std::string_view text, std::vector<IoChoice>& io) {
    if (text == "uring") io = {IoChoice::uring};
    if (text == "epoll") io = {IoChoice::epoll};
    return text == "uring" || text == "epoll" || text == "both";
}

std::optional<Choice> parse(int argc, char** argv) {
    Choice choice;
    if (const char* only = std::getenv("S3ZIPD_TEST_IO")) (void)parse_io(only, choice.io);
    for (int i = 1; i < argc; i += 2) {
        const std::string_view option = argv[i];
        if (i + 1 == argc) return std::nullopt;
        const std::string_view value = argv[i + 1];
        bool good = true;
        if (option == "--seeds") {
            const auto dash = value.find('-');
            good = dash != std::string_view::npos &&
                   parse_number(value.substr(0, dash), choice.first) &&
                   parse_number(value.substr(dash + 1), choice.last) && choice.first > 0 &&
                   choice.first <= choice.last;
        } else if (option == "--io") {
            good = parse_io(value, choice.io);
        } else if (option == "--rate") {
            double percent = 0;
            good = parse_number(value, percent);
            choice.rate = percent / 100;
        } else if (option == "--kinds") {
            choice.kinds = value;
        } else {
            good = false;
        }
        if (!good) return std::nullopt;
    }
    return choice;
}

int run_all(const Choice& choice) {
    base::set_log_level(base::LogLevel::error);
    Tally tally;
    const auto begin = std::chrono::steady_clock::now();
    std::mutex mutex;
    const std::size_t backends = choice.io.size();
    const std::uint64_t batch = choice.batch();
    const std::uint64_t before = (choice.first - 1) / batch;
    const std::uint64_t batches = (choice.last - 1) / batch - before + 1;
    side_by_side(batches * backends, [&](std::size_t i) {
        const std::uint64_t begin = (before + i / backends) * batch + 1;
        run_batch(choice, std::max(begin, choice.first), std::min(begin + batch - 1, choice.last),
                  choice.io[i % backends], tally, mutex);
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{} passed, {} failed; {} jobs succeeded; {} faults, {} retries; {:.1f} s\n",
               tally.passed, tally.failed, tally.succeeded, tally.faults, tally.retries,
               took.count());
    for (const auto& [code, count] : tally.codes) fmt::print("  {:6} ended as {}\n", count, code);
    return tally.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace archive::test

int main(int argc, char** argv) {
    const auto choice = archive::test::parse(argc, argv);
    if (!choice) {
        fmt::print(stderr,
                   "usage: engine_storm [--seeds FIRST-LAST] [--io uring|epoll|both] "
                   "[--rate PERCENT] [--kinds LIST]\n");
        return 2;
    }
    return archive::test::run_all(*choice);
}
