// One connection to the daemon, over TCP, TLS or a Unix socket, and the loop that runs it. Blocks
// the thread that calls it.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cli/http_address.h"
#include "cli/http_tls.h"

namespace cli {

class HttpConnection {
  public:
    using ErrorCode = boost::system::error_code;
    using KeepGoing = std::function<bool()>;

    // `tls` is for https, else null. Both outlive the connection.
    HttpConnection(const DaemonAddress& address, const HttpTls* tls);

    // Connects, and shakes hands.
    ErrorCode open(std::chrono::seconds timeout, const KeepGoing& keep_going);

    // start(stream, done) starts one operation that ends by calling `done`, with an error code
    // first; waits for it. When keep_going, which may be empty and is asked ten times a second,
    // says no, the operation ends with operation_aborted.
    template <typename Start>
    ErrorCode perform(std::chrono::seconds timeout, const KeepGoing& keep_going, Start start) {
        std::optional<ErrorCode> result;
        const auto done = [&result](ErrorCode error, const auto&...) { result = error; };
        transport().expires_after(timeout);
        if (tls_stream_)
            start(*tls_stream_, done);
        else
            start(*plain_stream_, done);
        loop_.restart();
        while (!result) {
            if (keep_going && !keep_going()) transport().cancel();
            loop_.run_for(kPollInterval);
            if (!result && loop_.stopped()) loop_.restart();
        }
        return *result;
    }

    // Tells the daemon that we are done with it, as TLS wants it, and waits shortly for its answer.
    void close();

    boost::beast::flat_buffer& buffer() { return buffer_; }
    // In words. `answered`: the daemon has sent something before.
    std::string explain(const ErrorCode& error, bool answered);

    // Whether the daemon cannot be reached because one side does not take the other for who it
    // should be: trying again would not help.
    bool is_refused(const ErrorCode& error);

  private:
    static constexpr std::chrono::milliseconds kPollInterval{100};
    using Plain = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;

    Plain& transport() { return tls_stream_ ? tls_stream_->next_layer() : *plain_stream_; }
    ErrorCode connect(std::chrono::seconds timeout, const KeepGoing& keep_going);
    std::optional<std::string> tls_failure(const ErrorCode& error);

    const DaemonAddress& address_;
    const HttpTls* const tls_;
    boost::asio::io_context loop_;
    // One of the two.
    std::optional<Plain> plain_stream_;
    std::optional<boost::asio::ssl::stream<Plain>> tls_stream_;
    boost::beast::flat_buffer buffer_;
};

}  // namespace cli
