#include "daemon/api_tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <climits>
#include <new>

#include "base/check.h"
#include "daemon/api_deadline.h"

namespace s3zipd {
namespace {

namespace asio = boost::asio;
using ErrorCode = ApiStream::ErrorCode;
using Socket = ApiStream::Socket;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kRecordBytesMax = 16'384;

// OpenSSL's view of the socket, which is not blocking. Its own would let SIGPIPE happen.
int to_result(BIO* bio, const ErrorCode& error, std::size_t count, int retry) {
    BIO_clear_retry_flags(bio);
    if (!error) return static_cast<int>(count);
    if (error == asio::error::would_block || error == asio::error::try_again)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return -1;
}
int write_some(BIO* bio, const char* bytes, int size) {
    ErrorCode error;
    const std::size_t count =
        static_cast<Socket*>(BIO_get_data(bio))
            ->send(asio::buffer(bytes, static_cast<std::size_t>(size)), 0, error);
    return to_result(bio, error, count, BIO_FLAGS_WRITE);
}
int read_some(BIO* bio, char* into, int size) {
    ErrorCode error;
    const std::size_t count =
        static_cast<Socket*>(BIO_get_data(bio))
            ->receive(asio::buffer(into, static_cast<std::size_t>(size)), 0, error);
    if (error == asio::error::eof) {
        BIO_clear_retry_flags(bio);
        return 0;
    }
    return to_result(bio, error, count, BIO_FLAGS_READ);
}
long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        CHECK(made != nullptr);
        BIO_meth_set_write(made, write_some);
        BIO_meth_set_read(made, read_some);
        BIO_meth_set_ctrl(made, control);
        return made;
    }();
    return method;
}

class TlsStream final : public ApiStream {
  public:
    TlsStream(Socket socket, SSL_CTX* context)
        : socket_(std::move(socket)),
          ssl_(SSL_new(context)),
          deadline_(std::make_shared<ApiDeadline>(socket_.get_executor(), [this] { close(); })) {
        BIO* const bio = ssl_ ? BIO_new(socket_method()) : nullptr;
        if (bio == nullptr) throw std::bad_alloc();
        BIO_set_data(bio, &socket_);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl_.get(), bio, bio);
        SSL_set_accept_state(ssl_.get());
        SSL_set_mode(ssl_.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        ErrorCode ignored;
        socket_.non_blocking(true, ignored);
        // A Unix socket has no such option.
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    ~TlsStream() override { deadline_->forget(); }

    asio::awaitable<ErrorCode> handshake() override {
        const auto [error, count] = co_await run([this] { return SSL_do_handshake(ssl_.get()); });
        co_return error;
    }
    asio::awaitable<std::pair<ErrorCode, std::size_t>> read_some(
        asio::mutable_buffer into) override {
        co_return co_await run([this, into] {
            return SSL_read(ssl_.get(), into.data(),
                            static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX)));
        });
    }
    asio::awaitable<ErrorCode> write(std::string_view first, std::string_view second) override {
        std::string both;  // in one record, if they fit
        if (!second.empty() && first.size() + second.size() <= kRecordBytesMax) {
            both.append(first).append(second);
            first = both;
            second = {};
        }
        for (std::string_view left : {first, second}) {
            while (!left.empty()) {
                const std::string_view record = left.substr(0, kRecordBytesMax);
                const auto [error, count] = co_await run([this, record] {
                    return SSL_write(ssl_.get(), record.data(), static_cast<int>(record.size()));
                });
                if (error) co_return error;
                left.remove_prefix(count);
            }
        }
        co_return ErrorCode();
    }
    asio::awaitable<void> finish_sending() override {
        ErrorCode ignored;
        if (!finished_ && !failed_ && SSL_is_init_finished(ssl_.get())) {
            finished_ = true;
            // 0: our part is done, and theirs is not awaited.
            co_await run([this] { return SSL_shutdown(ssl_.get()) >= 0 ? 1 : -1; });
        }
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }

    void expires_after(std::chrono::milliseconds timeout) override {
        deadline_->expires_after(timeout);
    }
    void expires_never() override { deadline_->expires_never(); }
    void close() override {
        ErrorCode ignored;
        socket_.close(ignored);
    }
    asio::any_io_executor get_executor() override { return socket_.get_executor(); }
    std::vector<std::string> certificate_names() const override {
        return s3zipd::certificate_names(ssl_.get());
    }

  private:
    struct FreeSsl {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };

    // Until the operation has its result, which is a count of bytes if it may be more than one. It
    // always lets others in, however fast the client is.
    template <typename Operation>
    asio::awaitable<std::pair<ErrorCode, std::size_t>> run(Operation operation) {
        for (bool has_waited = false;; has_waited = true) {
            ERR_clear_error();
            const int result = operation();
            if (result > 0) {
                if (!has_waited) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
                co_return std::pair(ErrorCode(), static_cast<std::size_t>(result));
            }
            ErrorCode error;
            const int what = SSL_get_error(ssl_.get(), result);
            if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE) {
                const auto kind =
                    what == SSL_ERROR_WANT_READ ? Socket::wait_read : Socket::wait_write;
                const auto [wait_error] = co_await socket_.async_wait(kind, kAwait);
                if (!wait_error) continue;
                error = wait_error;
            } else {
                error = error_of(what);
            }
            failed_ = what != SSL_ERROR_ZERO_RETURN;
            co_return std::pair(error, std::size_t{0});
        }
    }
    static ErrorCode error_of(int what) {
        if (what == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
        const unsigned long code = ERR_get_error();
        if (what == SSL_ERROR_SSL && code != 0)
            return {static_cast<int>(code), asio::error::get_ssl_category()};
        return asio::error::connection_reset;
    }

    Socket socket_;
    const std::unique_ptr<SSL, FreeSsl> ssl_;
    const std::shared_ptr<ApiDeadline> deadline_;
    bool finished_ = false, failed_ = false;
};

}  // namespace

std::unique_ptr<ApiStream> make_tls_stream(ApiStream::Socket socket, const ApiTls& tls) {
    return std::make_unique<TlsStream>(std::move(socket), tls.native_handle());
}

}  // namespace s3zipd
