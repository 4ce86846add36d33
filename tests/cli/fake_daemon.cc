#include "fake_daemon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace cli_test {
namespace {

int listen_on_any_port(unsigned short& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, generic, &size) != 0) {
        std::cerr << "fake daemon: no port\n";
        std::abort();
    }
    port = ntohs(address.sin_port);
    return fd;
}

int listen_on_path(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    CHECK(fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(fd, 16) == 0);
    return fd;
}

std::unique_ptr<SSL_CTX, io::FreeWith<SSL_CTX_free>> make_context(const Carrier& carrier) {
    if (carrier.tls == nullptr) return nullptr;
    std::unique_ptr<SSL_CTX, io::FreeWith<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* c = context.get();
    // A version of old is refused by the default security level, too.
    SSL_CTX_set_security_level(c, 0);
    CHECK(SSL_CTX_set_min_proto_version(c, 0) == 1);
    CHECK(SSL_CTX_set_max_proto_version(c, carrier.tls_version_max) == 1);
    CHECK(SSL_CTX_use_certificate(c, carrier.tls->certificate.get()) == 1);
    CHECK(SSL_CTX_use_PrivateKey(c, carrier.tls->key.get()) == 1);
    if (carrier.client_ca_file.empty()) return context;
    const char* file = carrier.client_ca_file.c_str();
    CHECK(SSL_CTX_load_verify_locations(c, file, nullptr) == 1);
    SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(file));
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return context;
}

std::size_t content_length(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

}  // namespace

// One connection, closed with this object.
class FakeDaemon::Wire {
  public:
    Wire(int fd, SSL_CTX* context) : fd_(fd) {
        if (context == nullptr) return;
        ssl_.reset(SSL_new(context));
        CHECK(SSL_set_fd(ssl_.get(), fd) == 1);
    }
    ~Wire() { close(fd_); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    bool shakes_hands() { return !ssl_ || SSL_accept(ssl_.get()) == 1; }
    // 0 or less at the end.
    long read_some(char* to, std::size_t size) {
        return ssl_ ? SSL_read(ssl_.get(), to, static_cast<int>(size)) : recv(fd_, to, size, 0);
    }
    void write(const std::string& text) {
        for (std::size_t sent = 0; sent < text.size();) {
            const char* at = text.data() + sent;
            const std::size_t left = text.size() - sent;
            const long n = ssl_ ? SSL_write(ssl_.get(), at, static_cast<int>(left))
                                : send(fd_, at, left, MSG_NOSIGNAL);
            if (n <= 0) return;
            sent += static_cast<std::size_t>(n);
        }
    }
    // Says that nothing more comes, and hears whether the client does, too.
    bool ends_in_order() {
        if (!ssl_) return false;
        SSL_shutdown(ssl_.get());
        char piece[4096];
        while (SSL_read(ssl_.get(), piece, sizeof piece) > 0) {
        }
        return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

  private:
    int fd_;
    std::unique_ptr<SSL, io::FreeWith<SSL_free>> ssl_;
};

namespace {

Request read_request(auto& wire) {
    std::string bytes;
    char piece[4096];
    while (true) {
        const std::size_t head_end = bytes.find("\r\n\r\n");
        if (head_end != std::string::npos) {
            const std::string head = bytes.substr(0, head_end);
            if (bytes.size() - head_end - 4 >= content_length(head)) {
                const std::size_t first = head.find(' '), second = head.find(' ', first + 1);
                return {head.substr(0, first), head.substr(first + 1, second - first - 1),
                        bytes.substr(head_end + 4), head};
            }
        }
        const long n = wire.read_some(piece, sizeof(piece));
        if (n <= 0) return {};
        bytes.append(piece, static_cast<std::size_t>(n));
    }
}

}  // namespace

std::string Request::header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
}

std::string answer(int status, const std::string& body, const std::string& type) {
    return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
           body;
}

std::string events(const std::string& text) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + text;
}

FakeDaemon::FakeDaemon(Handler handler, Carrier carrier)
    : handler_(std::move(handler)),
      carrier_(std::move(carrier)),
      context_(make_context(carrier_)),
      listener_(carrier_.unix_path.empty() ? listen_on_any_port(port_)
                                           : listen_on_path(carrier_.unix_path)) {
    thread_ = std::thread([this] { serve(); });
}

FakeDaemon::~FakeDaemon() {
    shutdown(listener_, SHUT_RDWR);  // accept() fails from now on
    thread_.join();
    close(listener_);
}

std::string FakeDaemon::url() const {
    if (!carrier_.unix_path.empty()) return "unix:" + carrier_.unix_path;
    return (carrier_.tls != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
           std::to_string(port_);
}

std::vector<Request> FakeDaemon::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

void FakeDaemon::serve() {
    sigset_t broken_pipe;  // OpenSSL writes to sockets that the client has closed
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    while (true) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        set_busy(true);
        const bool in_order = serve_one(connection);
        set_busy(false, in_order);
    }
}

void FakeDaemon::set_busy(bool busy, bool ended_in_order) {
    const std::scoped_lock lock(mutex_);
    busy_ = busy;
    if (ended_in_order) ++ended_in_order_;
    idle_.notify_all();
}

unsigned FakeDaemon::ended_in_order() const {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !busy_; });
    return ended_in_order_;
}

// Whether the client has said that it is the end.
bool FakeDaemon::serve_one(int connection) {
    Wire wire(connection, context_.get());
    if (!wire.shakes_hands()) return false;
    answer_one(wire);
    return !carrier_.cut && wire.ends_in_order();
}

void FakeDaemon::answer_one(Wire& wire) {
    const Request request = read_request(wire);
    {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
    }
    wire.write(handler_(request));
}

unsigned short closed_port() {
    unsigned short port = 0;
    close(listen_on_any_port(port));
    return port;
}

}  // namespace cli_test
