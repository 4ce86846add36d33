#include "webhook_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace s3zipd {

std::string ReceivedWebhook::header(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string::npos) return {};
    const std::size_t from = at + start.size();
    return head.substr(from, head.find("\r\n", from) - from);
}

WebhookReceiver::WebhookReceiver(Answer answer) : answer_(std::move(answer)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd_ >= 0);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof in;
    CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&in), size) == 0);
    CHECK(::listen(fd_, 128) == 0);
    CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
    port_ = ntohs(in.sin_port);
    accepting_ = std::thread([this] { accept_all(); });
}

WebhookReceiver::~WebhookReceiver() {
    ::shutdown(fd_, SHUT_RDWR);  // ends accept()
    accepting_.join();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (const int peer : peers_) ::shutdown(peer, SHUT_RDWR);
    }
    changed_.notify_all();
    for (std::thread& thread : serving_) thread.join();
    for (const int peer : peers_) ::close(peer);
    ::close(fd_);
}

WebhookReceiver::Reply WebhookReceiver::status(int code, const std::string& more_headers) {
    return {.now = "HTTP/1.1 " + std::to_string(code) + " X\r\ncontent-length: 2\r\n" +
                   more_headers + "\r\nok"};
}

std::string WebhookReceiver::url(const std::string& host, const std::string& target) const {
    return "http://" + host + ":" + std::to_string(port_) + target;
}

bool WebhookReceiver::wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return requests_.size() >= count; });
}

std::vector<ReceivedWebhook> WebhookReceiver::requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void WebhookReceiver::release() {
    {
        const std::lock_guard lock(mutex_);
        released_ = true;
    }
    changed_.notify_all();
}

int WebhookReceiver::at_once_max() {
    const std::lock_guard lock(mutex_);
    return at_once_max_;
}

int WebhookReceiver::connections() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(serving_.size());
}

void WebhookReceiver::accept_all() {
    for (;;) {
        const int peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) return;
        const std::lock_guard lock(mutex_);
        peers_.push_back(peer);
        serving_.emplace_back([this, peer] { serve(peer); });
    }
}

// The descriptor is closed by the destructor, so that its number is not another's meanwhile.
void WebhookReceiver::serve(int peer) {
    const ReceivedWebhook request = read_request(peer);
    int number = 0;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        number = static_cast<int>(requests_.size());
        at_once_max_ = std::max(at_once_max_, ++at_once_);
    }
    changed_.notify_all();
    const Reply reply = answer_(request, number);
    const auto say = [&](const std::string& text) {
        return text.empty() || ::send(peer, text.data(), text.size(), MSG_NOSIGNAL) > 0;
    };
    const bool said = say(reply.now);
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !reply.hold || released_ || stopping_; });
        --at_once_;
    }
    if (said) static_cast<void>(say(reply.after));
    if (reply.reset) {
        // Closed by connecting to nowhere: the peer gets an RST.
        sockaddr unspecified{};
        unspecified.sa_family = AF_UNSPEC;
        ::connect(peer, &unspecified, sizeof unspecified);
    } else {
        ::shutdown(peer, SHUT_RDWR);
    }
}

ReceivedWebhook WebhookReceiver::read_request(int peer) {
    std::string text;
    char some[4096];
    for (;;) {
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos) {
            ReceivedWebhook request{text.substr(0, end + 2), text.substr(end + 4)};
            const std::string length = request.header("content-length");
            if (request.body.size() >= (length.empty() ? 0 : std::stoul(length))) return request;
        }
        const ssize_t n = ::recv(peer, some, sizeof some, 0);
        if (n <= 0) return {text, {}};
        text.append(some, static_cast<std::size_t>(n));
    }
}

}  // namespace s3zipd
