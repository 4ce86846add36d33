#include "fake_daemon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdlib>
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

std::size_t content_length(const std::string& head) {
    const std::size_t at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

Request read_request(int connection) {
    std::string bytes;
    char piece[4096];
    while (true) {
        const std::size_t head_end = bytes.find("\r\n\r\n");
        if (head_end != std::string::npos) {
            const std::string head = bytes.substr(0, head_end);
            if (bytes.size() - head_end - 4 >= content_length(head)) {
                const std::size_t first = head.find(' '), second = head.find(' ', first + 1);
                return {head.substr(0, first), head.substr(first + 1, second - first - 1),
                        bytes.substr(head_end + 4)};
            }
        }
        const ssize_t n = recv(connection, piece, sizeof(piece), 0);
        if (n <= 0) return {};
        bytes.append(piece, static_cast<std::size_t>(n));
    }
}

}  // namespace

std::string answer(int status, const std::string& body, const std::string& type) {
    return "HTTP/1.1 " + std::to_string(status) + " Whatever\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
           body;
}

std::string events(const std::string& text) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + text;
}

FakeDaemon::FakeDaemon(Handler handler)
    : handler_(std::move(handler)), listener_(listen_on_any_port(port_)) {
    thread_ = std::thread([this] { serve(); });
}

FakeDaemon::~FakeDaemon() {
    shutdown(listener_, SHUT_RDWR);  // accept() fails from now on
    thread_.join();
    close(listener_);
}

std::vector<Request> FakeDaemon::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

void FakeDaemon::serve() {
    while (true) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection < 0) return;
        answer_one(connection);
        close(connection);
    }
}

void FakeDaemon::answer_one(int connection) {
    const Request request = read_request(connection);
    {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
    }
    const std::string text = handler_(request);
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t n = send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += static_cast<std::size_t>(n);
    }
}

unsigned short closed_port() {
    unsigned short port = 0;
    close(listen_on_any_port(port));
    return port;
}

}  // namespace cli_test
