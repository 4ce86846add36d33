#include "daemon/api_tasks.h"

#include <fmt/format.h>
#include <chrono>
#include <utility>

#include "config/limits.h"
#include "daemon/problem.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;

// An answer on its way from another thread. The callback may outlive the connection and the API.
template <typename Value>
struct Pending {
    std::function<void()> notify;
    std::shared_ptr<ApiState> ticket_owner;  // outlives the ticket
    Ticket<std::size_t> ticket;              // of a plan: kept until it comes
    std::mutex mutex;
    std::optional<base::Result<Value>> result;
};

template <typename Value>
class Answerer {
  public:
    Answerer(ApiContext& context, const asio::any_io_executor& strand)
        : wakeup_(std::make_shared<Wakeup>(strand)), pending_(std::make_shared<Pending<Value>>()) {
        pending_->notify = wakeup_->notifier(context.gate);
    }
    Pending<Value>& pending() { return *pending_; }
    auto callback() const {
        return [pending = pending_](base::Result<Value> result) {
            {
                const std::lock_guard lock(pending->mutex);
                pending->result = std::move(result);
            }
            pending->ticket = {};
            pending->notify();
        };
    }
    // None: it did not come in time.
    asio::awaitable<std::optional<base::Result<Value>>> wait(std::chrono::milliseconds timeout) {
        co_await wakeup_->wait(timeout);
        const std::lock_guard lock(pending_->mutex);
        co_return std::move(pending_->result);
    }

  private:
    std::shared_ptr<Wakeup> wakeup_;
    std::shared_ptr<Pending<Value>> pending_;
};

HttpResponse job_answer(const std::optional<base::Result<JobView>>& job) {
    if (job) return Routes::job_response(*job);
    return to_response(
        make_problem("journal-slow",
                     "it may be done yet: ask for the list of archives, or post it again with the "
                     "same Idempotency-Key"));
}

}  // namespace

asio::awaitable<HttpResponse> submit_job(ApiContext& context, asio::any_io_executor strand,
                                         Submission submission) {
    Answerer<JobView> answerer(context, strand);
    context.jobs.submit(std::move(submission), answerer.callback());
    co_return job_answer(co_await answerer.wait(context.limits.journal_timeout));
}

asio::awaitable<HttpResponse> cancel_job(ApiContext& context, asio::any_io_executor strand,
                                         std::string id) {
    Answerer<JobView> answerer(context, strand);
    context.jobs.cancel(id, answerer.callback());
    co_return job_answer(co_await answerer.wait(context.limits.journal_timeout));
}

asio::awaitable<HttpResponse> make_plan(ApiContext& context, asio::any_io_executor strand,
                                        archive::ArchiveRequest request) {
    const ApiLimits& limits = context.limits;
    Answerer<archive::PlanSummary> answerer(context, strand);
    auto& pending = answerer.pending();
    pending.ticket_owner = context.state;
    pending.ticket =
        Ticket<std::size_t>::take(context.state->plans, std::size_t{1}, limits.plans_max);
    if (!pending.ticket) {
        co_return to_response(
            make_problem("too-many-plans", fmt::format("at most {} at once", limits.plans_max)));
    }
    context.engine.plan(std::move(request), answerer.callback());
    const auto plan = co_await answerer.wait(limits.plan_timeout);
    if (plan) co_return Routes::plan_response(*plan);
    co_return to_response(make_problem("plan-timed-out", fmt::format("it was not ready after {} ms",
                                                                     limits.plan_timeout.count())));
}

asio::awaitable<HttpResponse> presign_download(ApiContext& context, asio::any_io_executor strand,
                                               Presign presign) {
    Answerer<std::string> answerer(context, strand);
    context.engine.presign_get(std::move(presign.request), answerer.callback());
    const auto url = co_await answerer.wait(context.limits.download_timeout);
    if (url) co_return Routes::download_response(*url, presign.redirect);
    co_return to_response(make_problem("s3-failed", "there were no keys to sign with in time"));
}

}  // namespace s3zipd
