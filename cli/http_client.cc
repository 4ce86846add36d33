#include "cli/http_client.h"

#include <fmt/format.h>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <optional>

namespace cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPollInterval{100};

// One connection and the loop that runs it. Operations have the stream's deadline; perform() starts
// one and waits.
class Connection {
  public:
    Connection() : stream_(loop_) {}

    error_code open(const std::string& host, const std::string& port) {
        error_code error;
        asio::ip::tcp::resolver resolver(loop_);
        const auto addresses = resolver.resolve(host, port, error);
        if (error) return error;
        return perform(HttpClient::kConnectTimeout, {}, [&](auto done) {
            stream_.async_connect(addresses, [done](error_code e, const auto&) { done(e); });
        });
    }

    // keep_going may be empty. When it says no, the operation ends with operation_aborted.
    template <typename Start>
    error_code perform(std::chrono::seconds timeout, const std::function<bool()>& keep_going,
                       Start start) {
        std::optional<error_code> result;
        stream_.expires_after(timeout);
        start([&result](error_code error) { result = error; });
        loop_.restart();
        while (!result) {
            if (keep_going && !keep_going()) stream_.cancel();
            loop_.run_for(kPollInterval);
            if (!result && loop_.stopped()) loop_.restart();
        }
        return *result;
    }

    beast::tcp_stream& stream() { return stream_; }
    beast::flat_buffer& buffer() { return buffer_; }

  private:
    asio::io_context loop_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
};

http::request<http::string_body> make_request(std::string_view method, const std::string& target,
                                              const std::string& host, std::string body) {
    http::request<http::string_body> request;
    request.method_string({method.data(), method.size()});
    request.target(target);
    request.version(11);
    request.set(http::field::host, host);
    request.set(http::field::user_agent, "s3zip/" S3ZIPD_VERSION);
    request.set(http::field::accept,
                "application/json, application/problem+json, text/event-stream");
    request.keep_alive(false);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

base::Error unreachable(const std::string& url, const error_code& error) {
    const std::string why = error == beast::error::timeout ? "no answer in time" : error.message();
    return {base::ErrorKind::transient,
            "daemon_unreachable",
            fmt::format("cannot reach the daemon at {}: {}", url, why),
            0,
            {},
            {}};
}

error_code exchange_head(Connection& connection, const http::request<http::string_body>& request,
                         http::response_parser<http::buffer_body>& parser,
                         const std::function<bool()>& keep_going) {
    error_code error = connection.perform(HttpClient::kAnswerTimeout, keep_going, [&](auto done) {
        http::async_write(connection.stream(), request,
                          [done](error_code e, std::size_t) { done(e); });
    });
    if (error) return error;
    return connection.perform(HttpClient::kAnswerTimeout, keep_going, [&](auto done) {
        http::async_read_header(connection.stream(), connection.buffer(), parser,
                                [done](error_code e, std::size_t) { done(e); });
    });
}

}  // namespace

base::Result<HttpClient> HttpClient::create(std::string_view url) {
    const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
    if (!parsed || parsed->scheme() != "http" || parsed->host().empty() || parsed->has_userinfo() ||
        parsed->has_query() || parsed->has_fragment()) {
        return base::fail(base::ErrorKind::invalid, "bad_url",
                          fmt::format("--daemon {}: write http://host:port", url));
    }
    HttpClient client;
    client.url_ = url;
    client.host_ = parsed->host_address();
    client.port_ = parsed->has_port() ? std::string(parsed->port()) : "80";
    client.prefix_ = std::string(parsed->encoded_path());
    while (client.prefix_.ends_with('/')) client.prefix_.pop_back();
    return client;
}

base::Result<HttpResponse> HttpClient::send(std::string_view method, std::string_view target,
                                            std::string body, std::chrono::seconds timeout) {
    Connection connection;
    if (const error_code error = connection.open(host_, port_))
        return base::fail(unreachable(url_, error));
    const auto request =
        make_request(method, prefix_ + std::string(target), host_ + ":" + port_, std::move(body));
    error_code error = connection.perform(kAnswerTimeout, {}, [&](auto done) {
        http::async_write(connection.stream(), request,
                          [done](error_code e, std::size_t) { done(e); });
    });
    // A daemon that refuses a body may answer and close before it has read all of it: its answer
    // counts.
    http::response_parser<http::string_body> parser;
    parser.body_limit(kBodyMax_bytes);
    const error_code read_error = connection.perform(timeout, {}, [&](auto done) {
        http::async_read(connection.stream(), connection.buffer(), parser,
                         [done](error_code e, std::size_t) { done(e); });
    });
    if (read_error) return base::fail(unreachable(url_, error ? error : read_error));
    return HttpResponse{parser.get().result_int(), std::move(parser.get().body())};
}

base::Result<unsigned> HttpClient::stream(std::string_view target,
                                          const std::function<void(std::string_view)>& on_bytes,
                                          const std::function<bool()>& keep_going) {
    Connection connection;
    error_code error = connection.open(host_, port_);
    if (error) return base::fail(unreachable(url_, error));
    const auto request =
        make_request("GET", prefix_ + std::string(target), host_ + ":" + port_, {});
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    error = exchange_head(connection, request, parser, keep_going);
    const auto interrupted = [] {
        return base::fail(base::ErrorKind::cancelled, "interrupted", "interrupted");
    };
    std::array<char, 16384> piece;
    while (!error && parser.get().result_int() == 200 && !parser.is_done()) {
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        error = connection.perform(kSilenceMax, keep_going, [&](auto done) {
            http::async_read_some(connection.stream(), connection.buffer(), parser,
                                  [done](error_code e, std::size_t) { done(e); });
        });
        if (error == http::error::need_buffer) error = {};
        if (!error) on_bytes({piece.data(), piece.size() - body.size});
    }
    if (error == asio::error::operation_aborted && keep_going && !keep_going())
        return interrupted();
    if (error) return base::fail(unreachable(url_, error));
    return parser.get().result_int();
}

}  // namespace cli
