// A client's connection as bytes, whatever carries it: TCP or a Unix socket, with TLS or without.
//
// Lives on its strand, one read and one write at a time. Every operation ends by the deadline last
// set, which also cuts the connection.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/api_tls.h"

namespace s3zipd {

class ApiStream {
  public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    using ErrorCode = boost::system::error_code;

    // The socket's executor is the strand. With `tls` the client must shake hands first.
    static std::unique_ptr<ApiStream> over(Socket socket, const std::shared_ptr<const ApiTls>& tls);
    virtual ~ApiStream() = default;

    // Before all else. Without TLS there is nothing to do.
    virtual boost::asio::awaitable<ErrorCode> handshake() = 0;
    virtual boost::asio::awaitable<std::pair<ErrorCode, std::size_t>> read_some(
        boost::asio::mutable_buffer into) = 0;
    // All of both.
    virtual boost::asio::awaitable<ErrorCode> write(std::string_view first,
                                                    std::string_view second = {}) = 0;
    // The client hears that nothing more comes; it may still send.
    virtual boost::asio::awaitable<void> finish_sending() = 0;

    virtual void expires_after(std::chrono::milliseconds timeout) = 0;
    virtual void expires_never() = 0;
    // What is under way ends with an error.
    virtual void close() = 0;
    virtual boost::asio::any_io_executor get_executor() = 0;
    // Of the client's certificate, which our CA has signed; empty: it showed none.
    virtual std::vector<std::string> certificate_names() const = 0;
};

}  // namespace s3zipd
