// The retry loop; one attempt is in attempt.cc, the calls themselves are in operations.cc.
#include "s3client/client.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/log.h"
#include "s3client/outcome.h"
#include "s3client/traffic/turn_limit.h"

namespace s3client {
namespace {

// S3 takes signatures up to 15 minutes off; a smaller difference than this is not why it refused.
constexpr base::Duration kClockDifferenceMin = std::chrono::minutes(1);

// In one call: one server of many may be the one whose clock is wrong.
constexpr unsigned kClocksMax = 3;
// Of the keys, in one call.
constexpr unsigned kRenewalsMax = 5;

// What a body adds to a call's deadline at most.
constexpr base::Duration kTransferMax = std::chrono::hours(30 * 24);

// A broken transfer that brought this much starts counting its attempts anew.
constexpr std::uint64_t kProgressBytes = 256 << 10;

bool is_power_of_ten(std::uint64_t n) {
    while (n >= 10 && n % 10 == 0) n /= 10;
    return n == 1;
}

// At info a job's first, tenth, hundredth... retry, the others at debug.
void log_retry(const Call& call, std::uint32_t attempt, const base::Error& error) {
    std::uint64_t so_far = 0;
    if (call.context.retries != nullptr)
        so_far = call.context.retries->fetch_add(1, std::memory_order_relaxed) + 1;
    const auto level = is_power_of_ten(so_far) ? base::LogLevel::info : base::LogLevel::debug;
    if (!base::log_enabled(level)) return;
    base::log(level, "retrying",
              {{"job", call.context.job},
               {"operation", to_string(call.operation)},
               {"key", call.bucket + "/" + call.key},
               {"attempt", attempt},
               {"job_retries", so_far},
               {"error", error.to_string()}});
}

// An error without an answer, as what it is to the call: for so long nothing else has come.
base::Error with_silence(base::Error error, base::Duration silence, std::uint32_t attempts) {
    if (error.http_status != 0 || error.kind != base::ErrorKind::transient) return error;
    const auto seconds = std::chrono::duration<double>(silence).count();
    error.detail += fmt::format("; no progress for {:.{}f} s, attempt {}", seconds,
                                seconds < 10 ? 1 : 0, attempts);
    return error;
}

}  // namespace

std::uint64_t progress_bytes(base::Duration window) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(window).count();
    return kProgressBytesPerSecond * static_cast<std::uint64_t>(ms) / 1000;
}

S3Client::S3Client(io::Reactor& reactor, ClientConfig config)
    : reactor_(reactor),
      config_(std::move(config)),
      pool_(reactor, config_.tls, config_.connections_max, nullptr, std::nullopt, config_.proxies),
      admission_(reactor, config_.connections_max, config_.budgets),
      retry_(config_.retry),
      answered_(config_.answered_before) {
    if (!config_.support)
        config_.support =
            std::make_shared<StoreSupport>(config_.endpoint.host, config_.endpoint.aws);
    if (!config_.send_checksums) {
        support().forbid(Feature::write_checksums);
        support().forbid(Feature::upload_checksums);
    }
    if (!config_.ask_checksums) support().forbid(Feature::read_checksums);
}

io::Task<base::Status> S3Client::run(Call call) {
    const std::uint64_t bytes = std::max<std::uint64_t>(call.body.size, call.response_size);
    io::Bounds bounds;
    bounds.idle_timeout = config_.idle_timeout;
    call.began = reactor_.now();
    // A large body may move slowly, as long as it makes progress.
    bounds.deadline = call.began + config_.call_timeout +
                      std::min<base::Duration>(
                          kTransferMax, std::chrono::seconds(bytes / kProgressBytesPerSecond));
    bounds.cancel = call.context.cancel;
    io::Pace pace(config_.stall_timeout, progress_bytes(config_.stall_timeout), call.began);
    bounds.pace = &pace;
    if (call.context.timeout > base::Duration::zero())
        bounds.deadline = reactor_.now() + call.context.timeout;

    Mended mended;
    base::SteadyTime failing_since = reactor_.now();
    std::uint32_t malformed = 0;
    call.region = region_of(call.bucket);
    if (call.context.access != nullptr)
        set_access(call.request, call.operation, *call.context.access);
    if (auto keys = co_await await_keys(call, bounds); !keys) co_return keys;
    for (std::uint32_t number = 1;;) {
        call.retry_after.reset();
        call.other_region.clear();
        call.connection_was_reused = call.crawled = false;
        const std::uint64_t progress_before = call.progress();
        const bool fresh = mended.connection || malformed > 0 || call.context.fresh_connection;
        auto done = co_await attempt(call, fresh, bounds);
        note_outcome(call, done);
        if (mended.region) confirm_region(call, done);
        if (done) co_return done;
        base::Error error = std::move(done.error());
        if (is_mismatch(error)) stats_.mismatched.fetch_add(1, std::memory_order_relaxed);
        if (bounds.cancel != nullptr && bounds.cancel->cancelled())
            co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
        if (error.code == kNoTurn) co_return std::unexpected(std::move(error));
        const auto again = co_await mend(call, error, mended, bounds);
        if (!again) co_return std::unexpected(again.error());
        if (*again) continue;
        // A transfer that moved on is not the same failure again.
        if (call.progress() >= progress_before + kProgressBytes) {
            number = 1;
            call.moves = 0;
        }
        // A body that was sent and not acknowledged is no progress when it is sent again.
        if (error.code == "timeout" && call.receiver == nullptr) pace.repeat(reactor_.now());
        if (call.crawled && !bounds.expired(reactor_.now())) {
            ++call.moves;
            log_retry(call, number, error);
            stats_.retries.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        if (advise(error).malformed) malformed = number == 1 ? 1 : malformed + 1;
        if (number == 1) failing_since = reactor_.now();
        const bool answered = error.http_status != 0;
        const base::SteadyTime last =
            answered ? bounds.deadline : std::min(bounds.deadline, pace.due());
        const auto delay =
            retry_.next_delay({.attempt = number,
                               .error = error,
                               .retry_after = call.retry_after,
                               .remaining = last - reactor_.now(),
                               .random_unit = reactor_.random().unit(),
                               .lasted = reactor_.now() - failing_since,
                               .answered_before = answered_,
                               .malformed = malformed},
                              admission_.retry_budget(call.address), call.context.retry_budget);
        if (!delay) {
            co_return std::unexpected(
                with_silence(std::move(error), reactor_.now() - pace.since(), number));
        }
        stats_.retries.fetch_add(1, std::memory_order_relaxed);
        log_retry(call, number, error);
        if (!co_await reactor_.sleep(*delay, bounds.cancel))
            co_return base::fail(base::ErrorKind::cancelled, "cancelled", "cancelled");
        if (answered) pace.pause(*delay);  // our wait, no silence of the store
        ++number;
    }
}

// Sets right what the failure points at, if it can be: then the request goes out again at once.
io::Task<base::Result<bool>> S3Client::mend(Call& call, const base::Error& error, Mended& mended,
                                            io::Bounds bounds) {
    const Advice advice = advise(error);
    // A kept connection that the peer had closed meanwhile says nothing about the peer; silence
    // does.
    const bool may_be_stale =
        call.connection_was_reused && error.kind == base::ErrorKind::transient;
    if (error.http_status == 0 && error.code != "timeout" && !mended.connection &&
        (may_be_stale || is_mismatch(error))) {
        mended.connection = true;
        co_return true;
    }
    if (advice.refresh_clock && mended.clock < kClocksMax && learn_clock(call)) {
        ++mended.clock;
        co_return true;
    }
    // Keys may be changed again while a slow request is under way. A bare 400 may mean others.
    const unsigned renewals_max = error.code == "BadRequest" ? 1 : kRenewalsMax;
    if (advice.refresh_credentials && mended.renewals < renewals_max) {
        ++mended.renewals;
        auto renewed =
            co_await provider_of(call).renew(reactor_, std::move(call.signed_with), bounds);
        if (renewed) co_return true;
        if (renewed.error().code != "credentials_unchanged")
            co_return std::unexpected(with_context(call, std::move(renewed.error())));
    }
    if (mended.region) co_return false;
    if (advice.redirect_region && call.other_region.empty()) co_await find_region(call, bounds);
    mended.region = follow_region(call, error);
    co_return mended.region;
}

// S3's time, from a refusal that says ours is wrong. Calls side by side are all refused; the first
// to hear of it tells the others.
bool S3Client::learn_clock(const Call& call) {
    if (!call.clock_offset ||
        std::chrono::abs(*call.clock_offset - call.signed_offset) < kClockDifferenceMin)
        return false;
    if (clock_offset_ != call.signed_offset) return true;
    clock_offset_ = *call.clock_offset;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_offset_);
    base::log_warn("this machine's clock differs from S3's; signing with S3's time",
                   {{"offset_s", seconds.count()}});
    return true;
}

void S3Client::note_outcome(const Call& call, const base::Status& done) {
    if (done) {
        admission_.retry_budget(call.address).on_success();
        if (call.context.retry_budget != nullptr) call.context.retry_budget->on_success();
    } else if (done.error().http_status == 0) {
        return;
    }
    answered_ = true;
    if (!done && advise(done.error()).throttle) {
        stats_.throttled.fetch_add(1, std::memory_order_relaxed);
        admission_.on_throttled(call.address, rate_class(call.operation));
    } else {
        admission_.on_answered(call.address, rate_class(call.operation));
    }
}

base::Error S3Client::answer_error(Call& call, const ResponseHead& head, std::string body) {
    call.retry_after = retry_after(head);
    if (const auto date = base::parse_http_date(head.get("date"))) {
        call.clock_offset = *date - reactor_.utc_now();
    }
    const ErrorBody document = parse_error_body(std::move(body));
    call.other_region = redirect_region(head, document);
    if (call.other_region == call.region) call.other_region.clear();
    base::Error error = to_error({call.operation, call.bucket, call.key}, head, document);
    error.key = call.bucket + "/" + call.key;
    return error;
}

base::Error S3Client::with_context(const Call& call, base::Error error) const {
    if (error.key.empty()) {
        error.key = call.bucket + "/" + call.key;
        error.detail = std::string(to_string(call.operation)) + " of " + error.key + " at " +
                       config_.endpoint.url() + ": " + error.detail;
    }
    return error;
}

CredentialsProvider& S3Client::provider_of(const Call& call) const {
    return call.context.credentials != nullptr ? *call.context.credentials : *config_.credentials;
}

// Keys that are still on their first way here, or have ended while nobody asked for them, are
// waited for. S3's clock says whether they have.
io::Task<base::Status> S3Client::await_keys(const Call& call, io::Bounds bounds) {
    CredentialsProvider& provider = provider_of(call);
    const auto keys = provider.get();
    const auto now =
        reactor_.utc_now() + std::chrono::duration_cast<std::chrono::milliseconds>(clock_offset_);
    if (keys && (!(*keys)->expires_at || now < *(*keys)->expires_at)) co_return base::Status{};
    const auto newer = co_await provider.renew(reactor_, keys ? *keys : nullptr, bounds);
    if (!newer && !keys) co_return std::unexpected(newer.error());
    co_return base::Status{};  // S3 has the last word on the old ones
}

base::Result<Target> S3Client::target_of(const Call& call) const {
    if (call.region == config_.region)
        return resolve(config_.endpoint, config_.addressing, call.bucket, call.key);
    auto endpoint = endpoint_in_region(config_.endpoint, config_.region, call.region);
    if (!endpoint) return std::unexpected(with_context(call, endpoint.error()));
    return resolve(*endpoint, config_.addressing, call.bucket, call.key);
}

// A redirect that does not say where to: whatever HEAD of the bucket answers has its region.
io::Task<void> S3Client::find_region(Call& call, io::Bounds bounds) {
    Call head;
    head.operation = Operation::head_object;
    head.request.method = "HEAD";
    head.bucket = call.bucket;
    head.context = call.context;
    head.region = call.region;
    auto answered = co_await attempt(head, false, bounds);
    if (!answered) call.other_region = std::move(head.other_region);
}

// A redirect, or a bare 400 to a HEAD (newer regions do not redirect), and S3 says where to go.
bool S3Client::follow_region(Call& call, const base::Error& error) {
    const bool elsewhere = advise(error).redirect_region || error.http_status == 400;
    if (!elsewhere || call.other_region.empty() || !endpoint_of_region(call.other_region))
        return false;
    call.region = std::exchange(call.other_region, {});
    // A 307 is of a new bucket, while the world is being told of it: not for later calls.
    call.region_lasts = error.http_status != 307;
    return true;
}

// What was followed is remembered once it has answered and did not send us on.
void S3Client::confirm_region(Call& call, const base::Status& done) {
    const bool answered = done || done.error().http_status != 0;
    if (!answered || !call.other_region.empty() || !call.region_lasts) return;
    if (region_of(call.bucket) == call.region) return;
    base::log_info("a bucket is in another region",
                   {{"bucket", call.bucket}, {"region", call.region}});
    learn_region(call.bucket, call.region);
    if (config_.on_region) config_.on_region(call.bucket, call.region);
}

void S3Client::learn_region(const std::string& bucket, const std::string& region) {
    if (regions_.size() >= kRegionsMax) regions_.clear();  // they are found out again
    regions_[bucket] = region;
}

std::string S3Client::region_of(const std::string& bucket) const {
    if (auto region = region_of_access_point(bucket)) return std::move(*region);
    const auto found = regions_.find(bucket);
    return found == regions_.end() ? config_.region : found->second;
}

void S3Client::count(const Call& call) {
    const auto i = static_cast<std::size_t>(call.operation);
    stats_.requests[i].fetch_add(1, std::memory_order_relaxed);
    if (call.context.requests != nullptr)
        (*call.context.requests)[i].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace s3client
