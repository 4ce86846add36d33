#include "daemon/api.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <thread>

#include "base/log.h"
#include "daemon/api_connection.h"
#include "daemon/api_endless.h"
#include "daemon/api_listeners.h"
#include "daemon/control_thread.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // when out of file descriptors

}  // namespace

struct ApiServer::Impl {
    Impl(JobService& jobs, JobEngine& engine, const Access& access, ApiLimits limits)
        : context(jobs, engine, access, limits), io(static_cast<int>(limits.threads)) {
        context.gate->open(io);
    }
    ~Impl() {
        context.gate->close();
        io.stop();
        for (auto& thread : threads) thread.join();
    }
    asio::awaitable<void> accept_connections(ApiListener& listener);
    void serve(ApiStream::Socket socket, bool is_unix);
    void try_serve(ApiStream::Socket socket, bool is_unix);
    std::shared_ptr<const ApiTls> tls() const {
        const std::lock_guard lock(tls_mutex);
        return current_tls;
    }

    ApiContext context;
    std::atomic<std::size_t> refusals{0};
    mutable std::mutex tls_mutex;
    std::shared_ptr<const ApiTls> current_tls;  // none: plain
    asio::io_context io;  // its end ends the connections, which refer to what stands above
    std::vector<ApiListener> listeners;
    std::vector<std::string> urls;
    std::vector<std::thread> threads;
};

asio::awaitable<void> ApiServer::Impl::accept_connections(ApiListener& listener) {
    ApiListener::Acceptor& acceptor = listener.acceptor;
    const bool is_unix = listener.is_unix();
    const BusyScope accepting(context.fresh);
    while (acceptor.is_open()) {
        auto [error, socket] =
            co_await acceptor.async_accept(asio::any_io_executor(asio::make_strand(io)), kAwait);
        if (error == asio::error::operation_aborted) break;
        if (error) {
            base::log_warn("accept failed", {{"error", error.message()}});
            asio::steady_timer pause(acceptor.get_executor(), kAcceptPause);
            co_await pause.async_wait(kAwait);
            continue;
        }
        try_serve(std::move(socket), is_unix);
        // Who is busy with answers comes back here late, and many may have come meanwhile.
        for (std::size_t i = 1; i < config::kApiAcceptsAtOnce && !error; ++i) {
            ApiStream::Socket next =
                acceptor.accept(asio::any_io_executor(asio::make_strand(io)), error);
            if (!error) try_serve(std::move(next), is_unix);
        }
    }
}

// Without memory for this one there may be some for the next.
void ApiServer::Impl::try_serve(ApiStream::Socket socket, bool is_unix) {
    try {
        serve(std::move(socket), is_unix);
    } catch (const std::exception& e) {
        base::log_error("connection not served", {{"what", e.what()}});
    }
}

void ApiServer::Impl::serve(ApiStream::Socket socket, bool is_unix) {
    const auto strand = socket.get_executor();
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::send_buffer_size(config::kApiSendBufferBytes), ignored);
    const auto tls_now = tls();
    const WebArrival arrival{.is_unix = is_unix, .is_tls = tls_now != nullptr};
    std::shared_ptr<ApiStream> stream = ApiStream::over(std::move(socket), tls_now);
    auto place = context.places.take([weak = std::weak_ptr(stream), strand] {
        asio::post(strand, [weak] {
            if (const auto put_out = weak.lock()) put_out->close();
        });
    });
    Ticket<std::size_t> refusal;
    if (!place) {
        refusal = Ticket<std::size_t>::take(refusals, std::size_t{1}, config::kApiRefusalsMax);
        if (!refusal) return;
    }
    auto fresh = std::make_unique<BusyScope>(context.fresh);
    asio::co_spawn(
        strand,
        serve_connection(std::move(stream), context, arrival, std::move(place), std::move(fresh)),
        [held = std::make_shared<Ticket<std::size_t>>(std::move(refusal))](
            const std::exception_ptr&) {});
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() = default;

base::Result<std::unique_ptr<ApiServer>> ApiServer::listen(const ApiSettings& settings,
                                                           JobService& jobs, JobEngine& engine,
                                                           const Access& access) {
    auto impl = std::make_unique<Impl>(jobs, engine, access, settings.limits);
    if (settings.tls) {
        auto tls = ApiTls::load(*settings.tls);
        if (!tls) return base::fail(tls.error());
        impl->current_tls = std::move(*tls);
    }
    auto listeners = settings.inherited.empty()
                         ? open_listeners(impl->io, settings.listen, settings.unix_mode)
                         : adopt_listeners(impl->io, settings.inherited);
    if (!listeners) return base::fail(listeners.error());
    impl->listeners = std::move(*listeners);
    impl->context.has_client_ca = settings.tls && !settings.tls->client_ca.empty();
    const bool for_anybody = !access.needs_token() && !impl->context.has_client_ca;
    for (const ApiListener& listener : impl->listeners) {
        if (!for_anybody || listener.is_local) continue;
        return base::fail(base::ErrorKind::invalid, "cannot_listen",
                          fmt::format("{}: without tokens or client certificates everybody could "
                                      "use the API from there",
                                      listener.address));
    }
    impl->context.events.start(impl->io);
    impl->context.feed.start(impl->io);
    for (ApiListener& listener : impl->listeners) {
        const std::string_view scheme = listener.is_unix() ? ""
                                        : settings.tls     ? "https://"
                                                           : "http://";
        impl->urls.push_back(fmt::format("{}{}", scheme, listener.address));
        asio::co_spawn(listener.acceptor.get_executor(), impl->accept_connections(listener),
                       must_go_on);
    }
    for (std::size_t i = 0; i < settings.limits.threads; ++i) {
        impl->threads.emplace_back([&io = impl->io] {
            begin_control_thread("api");
            io.run();
        });
    }
    return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

const std::vector<std::string>& ApiServer::urls() const { return impl_->urls; }
const ApiState& ApiServer::state() const { return *impl_->context.state; }

base::Status ApiServer::reload_tls(const TlsFiles& files) {
    auto tls = ApiTls::load(files);
    if (!tls) return base::fail(tls.error());
    const std::lock_guard lock(impl_->tls_mutex);
    impl_->current_tls = std::move(*tls);
    return {};
}

bool ApiServer::answers(std::chrono::milliseconds timeout) const {
    const auto answered = std::make_shared<std::promise<void>>();
    asio::post(impl_->io, [answered] { answered->set_value(); });
    return answered->get_future().wait_for(timeout) == std::future_status::ready;
}

void ApiServer::begin_stopping() { impl_->context.state->stopping = true; }

void ApiServer::stop_accepting() {
    begin_stopping();
    for (ApiListener& listener : impl_->listeners) {
        asio::post(listener.acceptor.get_executor(), [&acceptor = listener.acceptor] {
            boost::system::error_code ignored;
            acceptor.close(ignored);
        });
    }
}

void ApiServer::stop(std::chrono::milliseconds timeout) {
    stop_accepting();
    impl_->context.feed.close();
    // Who was accepted has been told nothing yet, and takes an end for a failure.
    impl_->context.fresh.wait_idle(
        std::min<std::chrono::milliseconds>(timeout, config::kStopFreshTimeout));
    impl_->context.busy.wait_idle(timeout);
    impl_->context.gate->close();
    impl_->io.stop();
}

}  // namespace s3zipd
