#include "http_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace s3client {
namespace {

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool receive_more(int fd, std::string& inbox) {
    char some[64 << 10];
    const ssize_t n = ::recv(fd, some, sizeof some, 0);
    if (n <= 0) return false;
    inbox.append(some, static_cast<std::size_t>(n));
    return true;
}

// Until one of them has ended, which then ends the other.
void copy(int from, int to) {
    std::string bytes;
    while (receive_more(from, bytes) && send_all(to, bytes)) bytes.clear();
    ::shutdown(to, SHUT_WR);
}

std::string header(const std::string& head, const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + 4 + name.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

}  // namespace

HttpProxy::HttpProxy(std::string authorization) : authorization_(std::move(authorization)) {
    listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof in;
    CHECK(::bind(listen_fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
    CHECK(::listen(listen_fd_, 64) == 0);
    CHECK(::getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
    port_ = ntohs(in.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

HttpProxy::~HttpProxy() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const Line& line : lines_) {
            ::shutdown(line.client, SHUT_RDWR);
            if (line.origin >= 0) ::shutdown(line.origin, SHUT_RDWR);
        }
    }
    ::shutdown(listen_fd_, SHUT_RDWR);  // ends accept()
    acceptor_.join();
    for (Line& line : lines_) {
        line.thread.join();
        ::close(line.client);
        if (line.origin >= 0) ::close(line.origin);
    }
    ::close(listen_fd_);
}

std::vector<std::string> HttpProxy::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void HttpProxy::accept_all() {
    for (;;) {
        const int client = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            ::close(client);
            return;
        }
        ++connections_;
        Line& line = lines_.emplace_back();
        line.client = client;
        line.thread = std::thread([this, &line] { serve(line); });
    }
}

void HttpProxy::corrupt(std::string needle, std::uint64_t times) {
    const std::lock_guard lock(mutex_);
    needle_ = std::move(needle);
    damages_left_ = times;
}

void HttpProxy::damage(std::string& bytes, Search& search) {
    const std::lock_guard lock(mutex_);
    if (needle_.empty()) return;
    for (char& c : bytes) {
        if (search.matched == needle_.size()) {
            search.matched = 0;
            if (damages_left_ > 0) {
                --damages_left_;
                c = static_cast<char>(c ^ 1);
            }
        } else if (c == needle_[search.matched]) {
            ++search.matched;
        } else {
            search.matched = c == needle_.front() ? 1 : 0;
        }
    }
}

// Until the origin has ended, or the client.
void HttpProxy::pass_answers(Line& line) {
    Search search;
    std::string bytes;
    while (receive_more(line.origin, bytes)) {
        damage(bytes, search);
        if (!send_all(line.client, bytes)) break;
        bytes.clear();
    }
    ::shutdown(line.client, SHUT_WR);
}

bool HttpProxy::dial(Line& line, const std::string& authority) {
    if (line.origin >= 0) return true;
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port =
        htons(static_cast<std::uint16_t>(std::stoul(authority.substr(authority.rfind(':') + 1))));
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&in), sizeof in) == 0;
    const std::lock_guard lock(mutex_);
    if (!connected || stopping_) {
        ::close(fd);
        return false;
    }
    line.origin = fd;
    return true;
}

// One request. False: the connection is done with.
bool HttpProxy::pass_on(Line& line, std::string& inbox, std::thread& answers) {
    std::size_t end = 0;
    while ((end = inbox.find("\r\n\r\n")) == std::string::npos) {
        if (!receive_more(line.client, inbox)) return false;
    }
    end += 4;
    std::string head = inbox.substr(0, end);
    inbox.erase(0, end);
    const std::string method = head.substr(0, head.find(' '));
    const std::size_t begin = method.size() + 1;
    const std::string target = head.substr(begin, head.find(' ', begin) - begin);
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(method == "CONNECT" ? target : method + " " + target);
    }
    if (!authorization_.empty() && header(head, "proxy-authorization") != authorization_) {
        send_all(line.client,
                 "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n"
                 "content-length: 0\r\nconnection: close\r\n\r\n");
        return false;
    }
    if (method == "CONNECT") {
        if (!dial(line, target)) {
            send_all(line.client, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
            return false;
        }
        // As old proxies put it.
        if (!send_all(line.client, "HTTP/1.0 200 Connection established\r\n\r\n")) return false;
        answers = std::thread([this, &line] { pass_answers(line); });
        if (send_all(line.origin, inbox)) copy(line.client, line.origin);
        return false;
    }
    constexpr std::string_view kScheme = "http://";
    if (!target.starts_with(kScheme)) {
        send_all(line.client, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        return false;
    }
    const std::size_t path = target.find('/', kScheme.size());
    if (!dial(line, target.substr(kScheme.size(), path - kScheme.size()))) return false;
    if (!answers.joinable()) answers = std::thread([this, &line] { pass_answers(line); });
    head.replace(begin, target.size(), target.substr(path));
    if (const auto secret = head.find("proxy-authorization: "); secret != std::string::npos)
        head.erase(secret, head.find("\r\n", secret) + 2 - secret);
    if (!send_all(line.origin, head)) return false;
    const std::string length = header(head, "content-length");
    for (std::size_t due = length.empty() ? 0 : std::stoul(length); due > 0;) {
        if (inbox.empty() && !receive_more(line.client, inbox)) return false;
        const std::size_t n = std::min(due, inbox.size());
        if (!send_all(line.origin, std::string_view(inbox).substr(0, n))) return false;
        inbox.erase(0, n);
        due -= n;
    }
    return true;
}

void HttpProxy::serve(Line& line) {
    std::string inbox;
    std::thread answers;
    while (pass_on(line, inbox, answers)) {
    }
    if (line.origin >= 0) ::shutdown(line.origin, SHUT_WR);
    if (answers.joinable()) answers.join();
    ::shutdown(line.client, SHUT_RDWR);
}

}  // namespace s3client
