#include "delivery_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cctype>
#include <optional>

#include "base/check.h"

namespace s3zipd {
namespace {

constexpr std::size_t kRequestBytesMax = 4 << 20;

std::map<std::string, std::string> fields_of(std::string_view head) {
    std::map<std::string, std::string> fields;
    while (!head.empty()) {
        const std::size_t end = std::min(head.find("\r\n"), head.size());
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(std::min(end + 2, head.size()));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::string name(line.substr(0, colon));
        for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        fields[name] = value;
    }
    return fields;
}

// Nothing if the connection ends, or is silent for too long, before all of it has come.
std::optional<Delivery> read_request(int fd) {
    Delivery request;
    std::string text;
    std::optional<std::size_t> body_at;
    std::size_t body_size = 0;
    while (!body_at || text.size() < *body_at + body_size) {
        char bytes[16'384];
        const ssize_t count = recv(fd, bytes, sizeof bytes, 0);
        if (count <= 0 || text.size() > kRequestBytesMax) return std::nullopt;
        text.append(bytes, static_cast<std::size_t>(count));
        const std::size_t end = text.find("\r\n\r\n");
        if (body_at || end == std::string::npos) continue;
        body_at = end + 4;
        const std::size_t line_end = text.find("\r\n");
        const std::string line = text.substr(0, line_end);
        if (!line.starts_with("POST ")) return std::nullopt;
        request.target = line.substr(5, line.find(' ', 5) - 5);
        request.headers = fields_of(std::string_view(text).substr(line_end + 2, end - line_end));
        body_size = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
    }
    request.body = text.substr(*body_at, body_size);
    return request;
}

}  // namespace

DeliveryLog::DeliveryLog(Options options) : options_(std::move(options)) {
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(stop_fd_ >= 0 && listen_fd_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(listen(listen_fd_, 1024) == 0);
    CHECK(getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

DeliveryLog::~DeliveryLog() {
    const std::uint64_t one = 1;
    CHECK(write(stop_fd_, &one, sizeof one) == sizeof one);
    thread_.join();
    close(listen_fd_);
    close(stop_fd_);
}

std::string DeliveryLog::url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::vector<Delivery> DeliveryLog::deliveries(const std::string& job) const {
    const std::scoped_lock lock(mutex_);
    const auto at = deliveries_.find(job);
    return at == deliveries_.end() ? std::vector<Delivery>() : at->second;
}

std::map<std::string, std::vector<Delivery>> DeliveryLog::all() const {
    const std::scoped_lock lock(mutex_);
    return deliveries_;
}

void DeliveryLog::serve() {
    pollfd ready[2] = {{listen_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    while (ready[1].revents == 0) {
        if (poll(ready, 2, -1) < 0) continue;
        const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        take(fd);
        close(fd);
    }
}

void DeliveryLog::take(int fd) {
    const timeval patience{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    auto request = read_request(fd);
    if (!request) return;
    const std::string job = request->header("s3zipd-delivery");
    int answer = 204;
    {
        const std::scoped_lock lock(mutex_);
        auto& of_job = deliveries_[job];
        if (of_job.size() < options_.fail_first) answer = options_.cut ? 0 : 503;
        request->answer = answer;
        of_job.push_back(std::move(*request));
    }
    if (options_.on_delivery) options_.on_delivery(job);
    if (answer == 0) return;
    const std::string text = answer == 204
                                 ? "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
                                 : "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                                   "Connection: close\r\n\r\n";
    send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace s3zipd
