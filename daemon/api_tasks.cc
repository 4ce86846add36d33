#include "daemon/api_tasks.h"

#include <fmt/format.h>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "config/limits.h"
#include "daemon/api_json.h"
#include "daemon/problem.h"
#include "daemon/version.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// A plan being made. The engine's callback may outlive the connection and the API; it holds its
// place until it comes.
struct PendingPlan {
    std::shared_ptr<ApiState> state;
    Ticket<std::size_t> ticket;
    std::function<void()> notify;
    std::mutex mutex;
    std::optional<base::Result<archive::PlanSummary>> result;
};

// What the journal has to answer for; its callback may outlive the connection and the API.
struct PendingJob {
    std::function<void()> notify;
    std::mutex mutex;
    std::optional<base::Result<JobView>> job;
};

JobService::OnJob answer_to(const std::shared_ptr<PendingJob>& pending) {
    return [pending](base::Result<JobView> job) {
        {
            const std::lock_guard lock(pending->mutex);
            pending->job = std::move(job);
        }
        pending->notify();
    };
}

asio::awaitable<HttpResponse> await_job(ApiContext& context, Wakeup& wakeup, PendingJob& pending) {
    co_await wakeup.wait(context.limits.journal_timeout);
    const std::lock_guard lock(pending.mutex);
    if (pending.job) co_return Routes::job_response(*pending.job);
    co_return to_response(make_problem(
        "journal-slow",
        "it may be done yet: ask for the list of archives, or post it again with the same "
        "Idempotency-Key"));
}

class EndSubscription {
  public:
    EndSubscription(JobService& jobs, const std::string& id, std::function<void()> on_end)
        : listeners_(jobs.end_listeners()), token_(listeners_.add(id, std::move(on_end))) {}
    ~EndSubscription() { listeners_.remove(token_); }
    EndSubscription(const EndSubscription&) = delete;
    EndSubscription& operator=(const EndSubscription&) = delete;

  private:
    EndListeners& listeners_;
    const std::uint64_t token_;
};

asio::awaitable<bool> write_text(ApiContext& context, beast::tcp_stream& stream, std::string text) {
    stream.expires_after(context.limits.write_timeout);
    const auto [error, count] =
        co_await asio::async_write(stream, asio::buffer(text.data(), text.size()), kAwait);
    co_return !error;
}

}  // namespace

asio::awaitable<HttpResponse> submit_job(ApiContext& context, asio::any_io_executor strand,
                                         Submission submission) {
    const auto wakeup = std::make_shared<Wakeup>(strand);
    auto pending = std::make_shared<PendingJob>();
    pending->notify = wakeup->notifier(context.gate);
    context.jobs.submit(std::move(submission), answer_to(pending));
    co_return co_await await_job(context, *wakeup, *pending);
}

asio::awaitable<HttpResponse> cancel_job(ApiContext& context, asio::any_io_executor strand,
                                         std::string id) {
    const auto wakeup = std::make_shared<Wakeup>(strand);
    auto pending = std::make_shared<PendingJob>();
    pending->notify = wakeup->notifier(context.gate);
    context.jobs.cancel(id, answer_to(pending));
    co_return co_await await_job(context, *wakeup, *pending);
}

asio::awaitable<HttpResponse> make_plan(ApiContext& context, asio::any_io_executor strand,
                                        archive::ArchiveRequest request) {
    const ApiLimits& limits = context.limits;
    auto pending = std::make_shared<PendingPlan>();
    pending->state = context.state;
    pending->ticket =
        Ticket<std::size_t>::take(pending->state->plans, std::size_t{1}, limits.plans_max);
    if (!pending->ticket) {
        co_return to_response(
            make_problem("too-many-plans", fmt::format("at most {} at once", limits.plans_max)));
    }
    const auto wakeup = std::make_shared<Wakeup>(strand);
    pending->notify = wakeup->notifier(context.gate);
    context.engine.plan(std::move(request), [pending](base::Result<archive::PlanSummary> plan) {
        {
            const std::lock_guard lock(pending->mutex);
            pending->result = std::move(plan);
        }
        pending->ticket = {};
        pending->notify();
    });
    co_await wakeup->wait(limits.plan_timeout);
    const std::lock_guard lock(pending->mutex);
    if (pending->result) co_return Routes::plan_response(*pending->result);
    co_return to_response(make_problem("plan-timed-out", fmt::format("it was not ready after {} ms",
                                                                     limits.plan_timeout.count())));
}

// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), ended by
// closing.
asio::awaitable<void> stream_events(ApiContext& context, beast::tcp_stream& stream,
                                    std::string id) {
    const ApiLimits& limits = context.limits;
    const auto wakeup = std::make_shared<Wakeup>(stream.get_executor());
    const EndSubscription subscription(context.jobs, id, wakeup->notifier(context.gate));
    std::string head = fmt::format(
        "HTTP/1.1 200 OK\r\nServer: s3zipd/{}\r\nContent-Type: text/event-stream\r\n"
        "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n",
        kVersion);
    context.state->answers[200].fetch_add(1);
    bool alive = co_await write_text(context, stream, std::move(head));
    std::string last;
    auto last_write = std::chrono::steady_clock::now();
    while (alive) {
        const auto job = context.jobs.find(id);
        if (!job) break;  // ended and forgotten while the client was slow
        std::string json = job_json(*job, config::kObjectsShownInListsMax);
        if (archive::has_ended(job->snapshot.state)) {
            co_await write_text(context, stream, fmt::format("event: state\ndata: {}\n\n", json));
            break;
        }
        const auto now = std::chrono::steady_clock::now();
        if (json != last) {
            alive = co_await write_text(context, stream,
                                        fmt::format("event: progress\ndata: {}\n\n", json));
            last = std::move(json);
            last_write = now;
        } else if (now - last_write >= limits.event_heartbeat) {
            alive = co_await write_text(context, stream, ":\n\n");
            last_write = now;
        }
        if (alive) co_await wakeup->wait(limits.event_interval);
    }
}

}  // namespace s3zipd
