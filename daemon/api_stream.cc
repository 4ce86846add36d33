#include "daemon/api_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include "daemon/api_tls_stream.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

class PlainStream final : public ApiStream {
  public:
    explicit PlainStream(Socket socket) : stream_(std::move(socket)) {
        // A Unix socket has no such option.
        ErrorCode ignored;
        stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    }

    asio::awaitable<ErrorCode> handshake() override { co_return ErrorCode(); }
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
        stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        co_return;
    }
    void expires_after(std::chrono::milliseconds timeout) override {
        stream_.expires_after(timeout);
    }
    void expires_never() override { stream_.expires_never(); }
    void close() override { stream_.close(); }
    asio::any_io_executor get_executor() override { return stream_.get_executor(); }
    std::vector<std::string> certificate_names() const override { return {}; }

  private:
    boost::beast::basic_stream<asio::generic::stream_protocol> stream_;
};

}  // namespace

std::unique_ptr<ApiStream> ApiStream::over(Socket socket,
                                           const std::shared_ptr<const ApiTls>& tls) {
    if (tls) return make_tls_stream(std::move(socket), *tls);
    return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace s3zipd
