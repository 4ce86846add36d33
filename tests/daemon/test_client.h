// A blocking HTTP/1.1 client over a plain socket, for tests that look at every byte. Gives up after
// 20 s.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace s3zipd {

struct TestResponse {
    int status = 0;                              // 0: the connection was closed
    std::map<std::string, std::string> headers;  // lower-case names
    std::string body;
};

inline std::string chunk(std::string_view text) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx", text.size());
    return std::string(size) + "\r\n" + std::string(text) + "\r\n";
}

class TestClient {
  public:
    explicit TestClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{20, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~TestClient() { close(fd_); }
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    bool connected() const { return connected_; }

    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // Sends it over and over, until the server has taken nothing for `still_ms`, or ended it.
    void fill(std::string_view text, int still_ms = 200) {
        pollfd ready{fd_, POLLOUT, 0};
        std::size_t at = 0;
        while (poll(&ready, 1, still_ms) == 1) {
            const std::string_view left = text.substr(at);
            const ssize_t sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN) return;
            if (sent > 0) at = (at + static_cast<std::size_t>(sent)) % text.size();
        }
    }

    void finish_sending() { shutdown(fd_, SHUT_WR); }

    static std::string request_text(std::string_view method, std::string_view target,
                                    std::string_view body = {}, std::string_view headers = {}) {
        std::string text =
            std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n";
        text += headers;
        if (!body.empty()) {
            text +=
                "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n";
        }
        return text + "\r\n" + std::string(body);
    }
    TestResponse call(std::string_view method, std::string_view target, std::string_view body = {},
                      std::string_view headers = {}) {
        send(request_text(method, target, body, headers));
        return read_response(method != "HEAD");
    }

    TestResponse read_response(bool has_body = true) {
        TestResponse response;
        std::string head = read_until("\r\n\r\n");
        if (head.size() < 12) return response;
        response.status = std::atoi(head.c_str() + 9);
        std::size_t at = head.find("\r\n") + 2;
        while (at + 2 < head.size()) {
            const std::size_t end = head.find("\r\n", at);
            const std::size_t colon = head.find(": ", at);
            std::string name = head.substr(at, colon - at);
            for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            response.headers[name] = head.substr(colon + 2, end - colon - 2);
            at = end + 2;
        }
        if (has_body && response.headers.contains("content-length")) {
            response.body = read_count(std::stoul(response.headers["content-length"]));
        }
        return response;
    }

    // Up to and including `mark`; what there was if the connection ends first.
    std::string read_until(std::string_view mark) {
        std::size_t at;
        while ((at = buffer_.find(mark)) == std::string::npos) {
            if (!receive()) return std::exchange(buffer_, {});
        }
        std::string text = buffer_.substr(0, at + mark.size());
        buffer_.erase(0, at + mark.size());
        return text;
    }
    std::string read_count(std::size_t count) {
        while (buffer_.size() < count && receive()) {
        }
        std::string text = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return text;
    }
    // All that comes before the server closes.
    std::string read_to_end() {
        while (receive()) {
        }
        return std::exchange(buffer_, {});
    }

  private:
    bool receive() {
        char bytes[65536];
        const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
        if (count <= 0) return false;
        buffer_.append(bytes, static_cast<std::size_t>(count));
        return true;
    }

    int fd_;
    bool connected_ = false;
    std::string buffer_;
};

}  // namespace s3zipd
