// The n-th request fails, for n = 1, 2, ... until the job sends no n-th: once, which must be
// survived if the error is one that passes, and from there on for ever, which must end. What must
// hold in any case is in fault_rig.h.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <span>

#include "base/log.h"
#include "engine_fixture.h"
#include "fault_rig.h"

namespace archive {
namespace {

using test::FaultRig;
using test::FaultRun;
using test::kMiB;
using test::random_text;
using test::Scenario;

struct Fault {
    const char* action;
    std::vector<std::string_view> codes{};  // a job may fail with; none: it must survive
    bool loses_answers = false;             // of what was done
    bool wrong_etag = false;
};

// Passes by itself or by trying again. The first ones, where each run moves megabytes.
const Fault kPassing[] = {
    {"status=500"},
    {"status=503 no-body"},
    {"reset"},
    {"reset-early"},
    {"close"},
    {"lost-answer", {}, true},
    {"reset-after=7", {}, true},
    {"short=1000", {}, true},
    {"truncate-xml", {}, true},
    {"garbage-headers", {}, true},
    {"status=500 no-body"},
    {"status=503"},
    {"status=429 code=TooManyRequests"},
    {"status=502 code=BadGateway no-body"},
    {"status=504 code=GatewayTimeout"},
    {"delay=3"},
    {"drip=200000000"},
    {"garbage-headers=odd"},
    {"long-headers=30000"},
    {"continue=3"},
    {"continue=length"},
    {"reset-after=0", {}, true},
    {"short=0", {}, true},
    {"long-headers=100000", {}, true},
};
constexpr std::size_t kPassingFew = 10;

// Refusals that do not pass, and lies. Those need not be survived, but what is said must be what S3
// said, and a HEAD has no body to say it in.
const Fault kTelling[] = {
    {"status=403", {"AccessDenied", "Forbidden"}},
    {"status=404 code=NoSuchBucket", {"NoSuchBucket", "NotFound", "NoSuchKey"}},
    {"status=400 code=InvalidRequest", {"InvalidRequest", "BadRequest"}},
    {"status=400 code=RequestTimeout", {"BadRequest"}},  // passes, if one can read it
    {"status=501 code=NotImplemented", {"NotImplemented"}},
    {"expired-token", {"ExpiredToken", "Forbidden"}},
    {"expired-token=400", {"ExpiredToken", "BadRequest"}},
    {"skew=3600", {"RequestTimeTooSkewed", "Forbidden"}},
    {"changed", {"source_changed", "destination_exists", "PreconditionFailed"}},
    {"chunked", {"wrong_length"}},  // an object; XML must be read
    {"wrong-etag", {"source_changed", "InvalidPart", "PreconditionFailed"}, false, true},
    {"wrong-checksum"},
    {"redirect=eu-west-1", {"AuthorizationHeaderMalformed", "PermanentRedirect", "BadRequest"}},
    {"error200=InternalError", {"bad_answer", "wrong_range", "wrong_length"}},
};

// Answers that come twice, cut, late, or with bytes behind them: a request in doubt is asked again,
// so these are survived. But nothing in the answer to a HEAD names its object: an answer to another
// HEAD that comes instead of it shows when the object is read.
const Fault kStray[] = {
    {"double", {}, true},
    {"double=next", {"source_changed"}, true},
    {"late", {"source_changed"}, true},
    {"late=next", {"source_changed"}, true},
    {"tail=status", {}, true},
    {"cut=20", {}, true},
    {"cut=last", {}, true},
    {"double=500", {}, true},
    {"late=0", {}, true},
    {"tail", {}, true},
    {"tail=crlf", {}, true},
    {"cut=0", {}, true},
    {"cut=300", {}, true},
    {"continue=hints"},
};
constexpr std::size_t kStrayFew = 7;

// Answers that say something else than what is so: the archive is right, or the job fails.
const Fault kUntrue[] = {
    // Another object, or part, or upload.
    {"swap",
     {"source_changed", "PreconditionFailed", "InvalidPart", "NoSuchUpload", "wrong_checksum"},
     true},
    // Nothing has been stored.
    {"early", {"InvalidPart", "archive_not_there", "part_changed"}},
    {"early=close", {"InvalidPart", "archive_not_there", "part_changed"}},
    {"early=stored"},
    {"early=stored,close"},
};

std::map<std::string, std::string> objects(std::initializer_list<std::uint64_t> sizes) {
    std::map<std::string, std::string> made;
    for (const std::uint64_t size : sizes)
        made[fmt::format("{}-{}", made.size(), size)] = random_text(made.size() + 1, size);
    return made;
}

Scenario single_put() { return {.name = "one PUT", .objects = objects({0, 3000, 20'000})}; }

Scenario one_part() {
    return {.name = "one part and the directory",
            .objects = objects({10 * kMiB + 100, 500}),
            .part_size_bytes = 16 * kMiB,
            .overwrite = true};
}

Scenario many_parts() {
    return {.name = "many parts",
            .objects = objects({5 * kMiB, 2000, 5 * kMiB + 1, 5 * kMiB}),
            .reactors = 2,
            .memory_mib = 40};
}

Scenario group_of_parts() {
    return {.name = "a big entry in a group of parts", .objects = objects({700, 16 * kMiB, 9})};
}

// A manifest file names one object, the request another: two HEADs, one GET for the manifest.
Scenario manifest() {
    Scenario made{.name = "a manifest file and HEADs", .objects = objects({4000, 12})};
    made.others["list"] = R"({"bucket":"src","key":"0-4000"})"
                          "\n";
    made.sources.resize(2);
    made.sources[0].manifest = ObjectAddress{"lists", "list", ""};
    made.sources[1].bucket = "src";
    made.sources[1].objects = {{"1-12", "", ""}};
    return made;
}

class EngineNth : public testing::TestWithParam<IoChoice> {
  protected:
    void SetUp() override { base::set_log_level(base::LogLevel::error); }

    // Whether it could be hit at all.
    static bool run_one(FaultRig& rig, const std::string& plan, const Fault& fault,
                        bool refused_aborts) {
        SCOPED_TRACE(plan);
        const FaultRun run = rig.run(plan, {.lost_answers = fault.loses_answers,
                                            .refused_aborts = refused_aborts,
                                            .wrong_etag = fault.wrong_etag});
        EXPECT_EQ(fmt::format("{}", fmt::join(run.broken, "; ")), "");
        EXPECT_TRUE(!run.end.error || std::ranges::count(fault.codes, run.code()) > 0)
            << run.end.error->to_string();
        return run.faults > 0;
    }

    // For every n that the scenario has.
    static void run_each(const Scenario& scenario, std::string_view when,
                         std::span<const Fault> faults, bool refused_aborts) {
        test::side_by_side(faults.size(), [&](std::size_t i) {
            FaultRig rig(scenario, GetParam());
            SCOPED_TRACE(scenario.name);
            std::uint64_t n = 1;
            while (run_one(rig, fmt::format("{}={} {}", when, n, faults[i].action), faults[i],
                           refused_aborts))
                ++n;
            EXPECT_GT(n, 1U) << faults[i].action << " never fired";
        });
    }
    static void fail_each_once(const Scenario& scenario, std::span<const Fault> faults) {
        run_each(scenario, "* nth", faults, false);
    }
    static void fail_from_each_on(Scenario scenario, const std::string& operation,
                                  std::span<const Fault> faults) {
        scenario.attempts_max = 3;
        run_each(scenario, operation + " from", faults, operation == "*");
    }
};
ON_ENGINES(EngineNth);

TEST_P(EngineNth, OfASinglePut) {
    fail_each_once(single_put(), kPassing);
    fail_each_once(single_put(), std::span(kTelling).first(std::size(kTelling) - 1));
}
TEST_P(EngineNth, OfAManifestFile) {
    fail_each_once(manifest(), kPassing);
    fail_each_once(manifest(), std::span(kTelling).first(std::size(kTelling) - 1));
}

// S3 does so for other calls only; but an answer without an ETag is none, and believing it is an
// archive that is not there.
TEST_P(EngineNth, APutThatIsAnErrorAfter200) {
    fail_each_once(single_put(), std::span(kTelling).last(1));
}
TEST_P(EngineNth, OfOnePart) {
    fail_each_once(one_part(), std::span(kPassing).first(kPassingFew));
    fail_each_once(one_part(), kTelling);
}
TEST_P(EngineNth, OfManyParts) {
    fail_each_once(many_parts(), std::span(kPassing).first(kPassingFew));
}
TEST_P(EngineNth, OfAGroupOfParts) {
    fail_each_once(group_of_parts(), std::span(kPassing).first(kPassingFew));
}

// Objects of one size: an answer that belongs to another one has the right length and range.
Scenario alike() {
    return {.name = "objects of one size",
            .objects = objects({3000, 3000, 3000, 3000}),
            .part_size_bytes = 5 * kMiB};
}

TEST_P(EngineNth, StrayAnswersOfASinglePut) {
    fail_each_once(single_put(), kStray);
    fail_each_once(alike(), kStray);
    fail_each_once(single_put(), kUntrue);
    fail_each_once(alike(), kUntrue);
}
TEST_P(EngineNth, StrayAnswersOfAManifestFile) {
    fail_each_once(manifest(), kStray);
    fail_each_once(manifest(), kUntrue);
}
TEST_P(EngineNth, StrayAnswersOfOnePart) {
    fail_each_once(one_part(), std::span(kStray).first(kStrayFew));
    fail_each_once(one_part(), kUntrue);
}
TEST_P(EngineNth, StrayAnswersOfManyParts) {
    fail_each_once(many_parts(), std::span(kStray).first(kStrayFew));
    fail_each_once(many_parts(), kUntrue);
}
TEST_P(EngineNth, StrayAnswersOfAGroupOfParts) {
    fail_each_once(group_of_parts(), std::span(kStray).first(kStrayFew));
    fail_each_once(group_of_parts(), kUntrue);
}

const Fault kForEver[] = {
    {"status=500", {"InternalError"}},
    {"status=403", {"AccessDenied", "Forbidden"}},
    {"lost-answer", {"io_error"}, true},
    {"reset-early", {"io_error"}},
    {"garbage-headers", {"bad_http_response"}, true},
    {"status=503", {"SlowDown", "ServiceUnavailable"}},  // takes its time
};

TEST_P(EngineNth, FromThereOnForEver) {
    fail_from_each_on(single_put(), "*", kForEver);
    fail_from_each_on(manifest(), "*", std::span(kForEver).first(5));
    fail_from_each_on(group_of_parts(), "*", std::span(kForEver).first(3));
}

// S3 lets an upload be aborted: then it is.
TEST_P(EngineNth, ForEverButAbortsAreTaken) {
    for (const char* operation : {"GetObject", "UploadPart", "CompleteMultipartUpload"})
        fail_from_each_on(group_of_parts(), operation, std::span(kForEver).first(5));
}

TEST_P(EngineNth, StallsAreNoticed) {
    const Fault stalls[] = {{"stall"},
                            {"late=held", {}, true},
                            {"stall-after=0", {}, true},
                            {"stall-after=900", {}, true}};
    Scenario scenario = single_put();
    scenario.request_timeout_ms = 250;
    fail_each_once(scenario, stalls);
    scenario = group_of_parts();
    scenario.request_timeout_ms = 400;
    fail_each_once(scenario, std::span(stalls).first(2));
}

}  // namespace
}  // namespace archive
