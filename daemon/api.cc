#include "daemon/api.h"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <future>
#include <thread>
#include <vector>

#include "base/log.h"
#include "daemon/api_connection.h"
#include "daemon/control_thread.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// Beyond the bound, so many more are still told 503; the next are closed without a word.
constexpr std::size_t kRefusalsMax = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // when out of file descriptors

base::Status open_port(tcp::acceptor& acceptor, const std::string& address, std::uint16_t port) {
    const auto failed = [&](const char* what, const ErrorCode& error) {
        return base::fail(base::ErrorKind::invalid, "cannot_listen",
                          fmt::format("{}:{}: {}: {}", address, port, what, error.message()));
    };
    ErrorCode error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return failed("not an address", error);
    const tcp::endpoint endpoint(ip, port);
    if (acceptor.open(endpoint.protocol(), error); error) return failed("socket", error);
    if (acceptor.set_option(tcp::acceptor::reuse_address(true), error); error) {
        return failed("SO_REUSEADDR", error);
    }
    if (acceptor.bind(endpoint, error); error) return failed("bind", error);
    if (acceptor.listen(asio::socket_base::max_listen_connections, error); error) {
        return failed("listen", error);
    }
    return {};
}

std::string address_of(const tcp::acceptor& acceptor) {
    ErrorCode error;
    const tcp::endpoint endpoint = acceptor.local_endpoint(error);
    const std::string ip = endpoint.address().to_string();
    return endpoint.address().is_v6() ? fmt::format("[{}]:{}", ip, endpoint.port())
                                      : fmt::format("{}:{}", ip, endpoint.port());
}

}  // namespace

struct ApiServer::Impl {
    Impl(JobService& jobs, JobEngine& engine, ApiLimits limits)
        : context(jobs, engine, limits),
          io(static_cast<int>(limits.threads)),
          acceptor(asio::make_strand(io)) {
        context.gate->open(io);
    }
    ~Impl() {
        context.gate->close();
        io.stop();
        for (auto& thread : threads) thread.join();
    }
    asio::awaitable<void> accept_connections();

    ApiContext context;
    std::atomic<std::size_t> refusals{0};
    asio::io_context io;  // its end ends the connections, which refer to what stands above
    tcp::acceptor acceptor;
    std::string address;
    std::vector<std::thread> threads;
};

asio::awaitable<void> ApiServer::Impl::accept_connections() {
    const auto& limits = context.limits;
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
        auto& open = context.state->connections;
        auto ticket = Ticket<std::size_t>::take(open, std::size_t{1}, limits.connections_max);
        const bool overloaded = !ticket;
        if (overloaded) ticket = Ticket<std::size_t>::take(refusals, std::size_t{1}, kRefusalsMax);
        if (!ticket) continue;
        const auto strand = socket.get_executor();
        asio::co_spawn(strand,
                       serve_connection(std::move(socket), context, std::move(ticket), overloaded),
                       asio::detached);
    }
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() = default;

base::Result<std::unique_ptr<ApiServer>> ApiServer::listen(const std::string& address,
                                                           std::uint16_t port, JobService& jobs,
                                                           JobEngine& engine, ApiLimits limits) {
    auto impl = std::make_unique<Impl>(jobs, engine, limits);
    if (auto opened = open_port(impl->acceptor, address, port); !opened) {
        return base::fail(opened.error());
    }
    impl->address = address_of(impl->acceptor);
    asio::co_spawn(impl->acceptor.get_executor(), impl->accept_connections(), asio::detached);
    for (std::size_t i = 0; i < limits.threads; ++i) {
        impl->threads.emplace_back([&io = impl->io] {
            begin_control_thread("api");
            io.run();
        });
    }
    return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

const std::string& ApiServer::address() const { return impl_->address; }
const ApiState& ApiServer::state() const { return *impl_->context.state; }

bool ApiServer::answers(std::chrono::milliseconds timeout) const {
    const auto answered = std::make_shared<std::promise<void>>();
    asio::post(impl_->io, [answered] { answered->set_value(); });
    return answered->get_future().wait_for(timeout) == std::future_status::ready;
}

void ApiServer::begin_stopping() { impl_->context.state->stopping = true; }

void ApiServer::stop_accepting() {
    begin_stopping();
    asio::post(impl_->acceptor.get_executor(), [impl = impl_.get()] {
        ErrorCode ignored;
        impl->acceptor.close(ignored);
    });
}

void ApiServer::stop(std::chrono::milliseconds timeout) {
    stop_accepting();
    impl_->context.busy.wait_idle(timeout);
    impl_->context.gate->close();
    impl_->io.stop();
}

}  // namespace s3zipd
