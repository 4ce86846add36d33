// One attempt of a call: its place, its connection, its signature, and the answer; and a second
// request beside it when the first is late.
#include <fmt/format.h>

#include "io/task_scope.h"
#include "s3client/client.h"
#include "s3client/clip.h"
#include "s3client/outcome.h"

namespace s3client {
namespace {

// Error documents and results of calls; listings of 1,000 keys of 1,024 escaped bytes fit.
constexpr std::size_t kTextMaxBytes = 16 << 20;
// How long to look for an early answer after sending failed.
constexpr base::Duration kEarlyAnswerTimeout = std::chrono::seconds(1);
// How often to look whether a request is late, where that may change meanwhile.
constexpr base::Duration kLookInterval = std::chrono::milliseconds(100);
// A connection that takes so long is tried beside.
constexpr base::Duration kConnectLate = std::chrono::seconds(1);

// A connection is left when its answer crawls for this share of idle_timeout (15 s of 60), and an
// object's when the head of the answer has not come after half of it. S3 answers within seconds.
constexpr int kCrawlShare = 4;
constexpr int kObjectHeadShare = 2;

bool is_timeout(const base::Status& status) {
    return !status && status.error().http_status == 0 && status.error().code == "timeout";
}

bool is_success(int status) { return status >= 200 && status < 300; }

// What does no harm when it is done twice. A second CreateMultipartUpload would leave an upload
// behind; a second Complete finds none.
bool may_race(Operation operation) {
    switch (operation) {
        case Operation::list_objects:
        case Operation::head_object:
        case Operation::get_object:
        case Operation::list_parts:
        case Operation::list_multipart_uploads:
        case Operation::upload_part: return true;
        default: return false;
    }
}

}  // namespace

// One request under way. Its connection goes back before its place does.
struct S3Client::Attempt {
    Attempt(io::CancelSource* parent, Permit place) : cancel(parent), permit(std::move(place)) {}

    // An answer that decides; a store in trouble may say better to the other one.
    bool won() {
        if (!status || !has_head) return false;
        const int answer = (*lease)->head().status;
        return answer < 500 && answer != 429;
    }

    io::LinkedCancel cancel;
    Permit permit;
    std::optional<ConnectionLease> lease;
    base::Status status;
    bool is_hedge = false;
    bool sent = false;
    bool has_head = false;
    bool crawled = false;
    base::SteadyTime begun{}, sent_at{};  // once they are
    base::Duration signed_offset{};
    CredentialsSnapshot signed_with;
};

// Runs an attempt up to the head of its answer, and another one beside it if the first is late. The
// first runs in the caller's own coroutine, so that a race which does not happen costs a timer.
class S3Client::Race final : io::Timer {
  public:
    Race(S3Client& client, Call& call, const Target& target, io::Bounds bounds)
        : client_(client),
          call_(call),
          target_(target),
          bounds_(bounds),
          began_(client.reactor_.now()),
          scope_(client.reactor_) {}
    ~Race() { client_.reactor_.timers().disarm(*this); }

    // The one whose answer counts.
    io::Task<Attempt*> run(Permit permit, bool fresh_connection);

  private:
    void on_timer() override;
    base::SteadyTime late_at() const;
    io::Task<void> run_second();
    void note_loser(const Attempt& loser);

    S3Client& client_;
    Call& call_;
    const Target& target_;
    const io::Bounds bounds_;
    const base::SteadyTime began_;
    std::optional<Attempt> first_, second_;
    bool fresh_connection_ = false;  // of both
    io::TaskScope scope_;
};

io::Task<S3Client::Attempt*> S3Client::Race::run(Permit permit, bool fresh_connection) {
    first_.emplace(bounds_.cancel, std::move(permit));
    fresh_connection_ = fresh_connection;
    const bool hedges = call_.operation != Operation::upload_part || client_.config_.hedge_uploads;
    if (may_race(call_.operation) && hedges)
        client_.reactor_.timers().arm(*this, began_ + kLookInterval);
    co_await client_.begin(call_, target_, *first_, fresh_connection, bounds_);
    client_.reactor_.timers().disarm(*this);
    if (!second_) co_return &*first_;
    if (first_->won()) second_->cancel.cancel();
    co_await scope_.join();
    const bool second_won = !first_->won() && second_->won();
    note_loser(second_won ? *first_ : *second_);
    if (second_won) client_.stats_.hedges_won.fetch_add(1, std::memory_order_relaxed);
    (second_won ? first_ : second_).reset();  // its connection and its place
    co_return second_won ? &*second_ : &*first_;
}

io::Task<void> S3Client::Race::run_second() {
    co_await client_.begin(call_, target_, *second_, fresh_connection_, bounds_);
    if (second_->won()) first_->cancel.cancel();
}

// As long as this it took at least.
void S3Client::Race::note_loser(const Attempt& loser) {
    if (loser.sent && !loser.has_head) {
        client_.stragglers_[static_cast<std::size_t>(call_.operation)].answered_after(
            client_.reactor_.now() - loser.sent_at);
    }
}

base::SteadyTime S3Client::Race::late_at() const {
    const Stragglers& known = client_.stragglers_[static_cast<std::size_t>(call_.operation)];
    if (first_->sent) return first_->sent_at + known.late_after();
    if (first_->begun == base::SteadyTime{}) return began_ + kConnectLate;
    const auto slow = known.slow_after(call_.body.size);
    return slow ? first_->begun + *slow : base::SteadyTime::max();
}

void S3Client::Race::on_timer() {
    const base::SteadyTime now = client_.reactor_.now();
    const base::SteadyTime late = late_at();
    if (now >= late) {
        if (!client_.hedge_budget_.has_one()) return;
        auto permit = client_.admission_.try_enter(call_.address, rate_class(call_.operation),
                                                   call_.context.flow);
        if (permit) {
            client_.hedge_budget_.take();
            second_.emplace(bounds_.cancel, std::move(*permit));
            second_->is_hedge = true;
            scope_.spawn(run_second());
            return;
        }
    }
    client_.reactor_.timers().arm(*this,
                                  std::clamp(late, now + kLookInterval / 4, now + kLookInterval));
}

io::Task<base::Status> S3Client::attempt(Call& call, bool fresh_connection, io::Bounds& bounds) {
    auto target = target_of(call);
    if (!target) co_return std::unexpected(target.error());
    call.address = {target->connect_host, call.bucket};
    const base::SteadyTime joined = reactor_.now();
    auto permit =
        co_await admission_.enter(call.address, rate_class(call.operation), call.context.flow,
                                  {bounds.cancel, call.began, call.waited});
    if (!permit) co_return std::unexpected(with_context(call, permit.error()));
    const base::Duration waited = reactor_.now() - joined;
    call.waited += waited;
    bounds.deadline += waited;
    if (bounds.pace != nullptr) bounds.pace->pause(waited);
    stats_.concurrency_limit.store(admission_.limit(), std::memory_order_relaxed);

    Race race(*this, call, *target, bounds);
    Attempt& answered = *co_await race.run(std::move(*permit), fresh_connection);
    hedge_budget_.on_request();
    call.connection_was_reused = answered.lease && answered.lease->reused();
    call.signed_offset = answered.signed_offset;
    call.signed_with = std::move(answered.signed_with);
    call.crawled = answered.crawled;
    if (!answered.status) co_return std::unexpected(with_context(call, answered.status.error()));
    io::Pace crawl(config_.idle_timeout / kCrawlShare,
                   progress_bytes(config_.idle_timeout / kCrawlShare), reactor_.now(), bounds.pace);
    io::Bounds answer_bounds = bounds;
    if (call.may_move()) answer_bounds.pace = &crawl;
    auto received = co_await receive(call, answered, answer_bounds);
    call.crawled = call.may_move() && is_timeout(received) && crawl.expired(reactor_.now());
    if (!received) co_return std::unexpected(with_context(call, received.error()));
    co_return received;
}

// Up to the head of the answer; what came of it is in `attempt`.
io::Task<void> S3Client::begin(Call& call, const Target& target, Attempt& attempt,
                               bool fresh_connection, io::Bounds bounds) {
    bounds.cancel = &attempt.cancel.source();
    auto lease = co_await pool_.acquire(target, fresh_connection, bounds);
    stats_.connections_open.store(pool_.connections_open(), std::memory_order_relaxed);
    stats_.connections_opened.store(pool_.connections_opened(), std::memory_order_relaxed);
    if (!lease) {
        attempt.status = std::unexpected(lease.error());
        co_return;
    }
    attempt.lease.emplace(std::move(*lease));
    // Signed as late as possible: waiting for a connection must not age the signature.
    auto head = sign(call, target, attempt);
    if (!head) {
        attempt.status = std::unexpected(head.error());
        co_return;
    }
    count(call);
    // Not before: the first may have answered while there was no connection yet.
    if (attempt.is_hedge) stats_.hedged.fetch_add(1, std::memory_order_relaxed);
    Connection& connection = **attempt.lease;
    Stragglers& known = stragglers_[static_cast<std::size_t>(call.operation)];
    attempt.begun = reactor_.now();
    auto sent = co_await connection.send(std::move(*head), call.body.pieces, bounds);
    io::Bounds answer_bounds = bounds;
    if (!sent) {
        attempt.status = sent;
        if (sent.error().kind == base::ErrorKind::cancelled) {
            stats_.not_answered(call.operation, /*given_up=*/true);
            co_return;
        }
        // It may have refused early and closed; its answer says more than "broken pipe".
        answer_bounds.idle_timeout = kEarlyAnswerTimeout;
    } else {
        attempt.sent = true;
        attempt.sent_at = reactor_.now();
        attempt.permit.moved(call.body.size);
        known.moved(call.body.size, attempt.sent_at - attempt.begun);
    }
    // The whole head comes in time, not only its next byte.
    const bool may_leave = call.operation == Operation::get_object && call.moves == 0;
    const base::Duration head_wait = config_.idle_timeout / (may_leave ? kObjectHeadShare : 1);
    io::Pace head_pace(head_wait, progress_bytes(head_wait), reactor_.now(), bounds.pace);
    answer_bounds.pace = &head_pace;
    auto answered =
        co_await connection.receive_head(call.operation == Operation::head_object, answer_bounds);
    if (!answered) {
        attempt.crawled = may_leave && is_timeout(answered);
        stats_.not_answered(call.operation, bounds.cancel->cancelled());
        if (sent) attempt.status = answered;
        co_return;
    }
    const base::SteadyTime now = reactor_.now();
    stats_.answered(call.operation, connection.head().status, now - attempt.begun);
    if (auto once = check_repeated(attempt); !once) {
        attempt.status = once;
        co_return;
    }
    const bool refused = connection.head().status == 429 || connection.head().status >= 500;
    if (refused) attempt.permit.refused();
    if (sent) {
        stats_.bytes_sent.fetch_add(call.body.size, std::memory_order_relaxed);
        // A refusal comes at once and says nothing about how long answers take.
        if (!refused) known.answered_after(now - attempt.sent_at);
    } else if (is_success(connection.head().status)) {
        co_return;
    }
    attempt.status = {};
    attempt.has_head = true;
}

// A request id that comes twice on one connection marks an answer that was sent twice, unless the
// store gives every answer the same id.
base::Status S3Client::check_repeated(Attempt& attempt) {
    if (!request_ids_differ_) return {};
    const std::string_view id = (*attempt.lease)->head().get("x-amz-request-id");
    if (!attempt.lease->reused()) {
        if (!id.empty() && id == repeated_request_id_) request_ids_differ_ = false;
        return {};
    }
    if (!(*attempt.lease)->is_repeated()) return {};
    repeated_request_id_ = id;
    return base::fail(base::ErrorKind::corrupt, "doubtful_answer",
                      fmt::format("the answer with request id {} came twice", clip(id, 100)));
}

// The head of the request, as it goes out. Two attempts may use the call's request in turns:
// nothing is left in it of the one before.
base::Result<std::string> S3Client::sign(Call& call, const Target& target, Attempt& attempt) {
    call.request.host = target.host_header;
    call.request.path = target.path;
    if (call.prepare) call.prepare(call.request);
    auto credentials = provider_of(call).get();
    if (!credentials) return std::unexpected(credentials.error());
    attempt.signed_with = *credentials;
    attempt.signed_offset = clock_offset_;
    const base::UtcTime now =
        reactor_.utc_now() + std::chrono::duration_cast<std::chrono::milliseconds>(clock_offset_);
    signer_.sign(call.request, call.payload, **credentials, call.region, now);
    return encode_request_head(call.request,
                               call.has_body ? std::optional(call.body.size) : std::nullopt);
}

io::Task<base::Status> S3Client::receive(Call& call, Attempt& attempt, io::Bounds bounds) {
    Connection& connection = **attempt.lease;
    const ResponseHead& head = connection.head();
    if (is_success(head.status)) {
        if (call.check) {
            if (auto checked = call.check(head, attempt.lease->reused()); !checked)
                co_return checked;
        }
        if (call.receiver != nullptr) {
            const std::uint64_t before = call.progress();
            auto received = co_await receive_object(call, attempt, bounds);
            attempt.permit.moved(call.progress() - before);
            stats_.bytes_received.fetch_add(call.progress() - before, std::memory_order_relaxed);
            co_return received;
        }
    }
    // S3 sends blanks while it puts the parts together, which takes up to minutes
    // (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html).
    if (call.operation == Operation::complete_multipart_upload && bounds.pace != nullptr)
        bounds.pace->keep_alive(true);
    auto text = co_await connection.receive_text(kTextMaxBytes, bounds);
    if (bounds.pace != nullptr) bounds.pace->keep_alive(false);
    if (!text) co_return std::unexpected(text.error());
    // Looked for where the answer decides about something written; elsewhere its content does.
    const auto look = call.has_body ? Connection::Look::kernel : Connection::Look::received_only;
    if (auto ended = co_await connection.check_end(look, bounds); !ended) co_return ended;
    stats_.ended(call.operation, reactor_.now() - attempt.begun);
    if (!is_success(head.status))
        co_return std::unexpected(answer_error(call, head, std::move(*text)));
    if (!call.parse) co_return base::Status{};
    co_return call.parse(head, std::move(*text));
}

// A body that crawls is cut, and goes on over another connection where it stopped.
io::Task<base::Status> S3Client::receive_object(Call& call, Attempt& attempt, io::Bounds bounds) {
    Connection& connection = **attempt.lease;
    Stragglers& known = stragglers_[static_cast<std::size_t>(call.operation)];
    const base::SteadyTime began = reactor_.now();
    const std::uint64_t before = call.progress();
    const auto slow = known.slow_after(*connection.head().content_length);
    const bool may_cut = slow && began + *slow < bounds.deadline && hedge_budget_.has_one();
    io::Bounds body_bounds = bounds;
    if (may_cut) body_bounds.deadline = began + *slow;
    auto received = co_await connection.receive_body(*call.receiver, body_bounds);
    const base::SteadyTime now = reactor_.now();
    known.moved(call.progress() - before, now - began);
    if (received) stats_.ended(call.operation, now - attempt.begun);
    if (!received && may_cut && now >= body_bounds.deadline && now < bounds.deadline) {
        hedge_budget_.take();
        stats_.hedged.fetch_add(1, std::memory_order_relaxed);
    }
    co_return received;
}

}  // namespace s3client
