#include "daemon/api_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <type_traits>

namespace s3zipd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Plain = beast::basic_stream<asio::generic::stream_protocol>;
using Tls = asio::ssl::stream<Plain>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

template <typename Stream>
class StreamOver final : public ApiStream {
    static constexpr bool kIsTls = std::is_same_v<Stream, Tls>;

  public:
    template <typename... Arguments>
    explicit StreamOver(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {
        // A Unix socket has no such option.
        ErrorCode ignored;
        plain().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    }

    asio::awaitable<ErrorCode> handshake() override {
        if constexpr (kIsTls) {
            const auto [error] =
                co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
            co_return error;
        }
        co_return ErrorCode();
    }
    asio::awaitable<std::pair<ErrorCode, std::size_t>> read_some(
        asio::mutable_buffer into) override {
        const auto [error, count] = co_await stream_.async_read_some(into, kAwait);
        co_return std::pair(error, count);
    }
    asio::awaitable<ErrorCode> write(std::string_view first, std::string_view second) override {
        const std::array buffers{asio::const_buffer(first.data(), first.size()),
                                 asio::const_buffer(second.data(), second.size())};
        const auto [error, count] = co_await asio::async_write(stream_, buffers, kAwait);
        co_return error;
    }
    asio::awaitable<void> finish_sending() override {
        ErrorCode ignored;
        if constexpr (kIsTls) co_await stream_.async_shutdown(kAwait);
        plain().socket().shutdown(asio::socket_base::shutdown_send, ignored);
        co_return;
    }
    void expires_after(std::chrono::milliseconds timeout) override {
        plain().expires_after(timeout);
    }
    void expires_never() override { plain().expires_never(); }
    void close() override { plain().close(); }
    asio::any_io_executor get_executor() override { return plain().get_executor(); }
    std::vector<std::string> certificate_names() const override {
        if constexpr (kIsTls)
            return s3zipd::certificate_names(const_cast<Tls&>(stream_).native_handle());
        return {};
    }

  private:
    Plain& plain() {
        if constexpr (kIsTls)
            return stream_.next_layer();
        else
            return stream_;
    }
    Stream stream_;
};

}  // namespace

std::unique_ptr<ApiStream> ApiStream::over(Socket socket, std::shared_ptr<const ApiTls> tls) {
    if (!tls) return std::make_unique<StreamOver<Plain>>(std::move(socket));
    return std::make_unique<StreamOver<Tls>>(Plain(std::move(socket)), tls->context());
}

}  // namespace s3zipd
