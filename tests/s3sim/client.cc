#include "client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <thread>

#include "base/clock.h"
#include "base/encoding.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

std::string sorted_query(std::string_view query) {
    std::vector<std::string> items;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        std::string item(query.substr(0, end));
        if (item.find('=') == std::string::npos) item += '=';
        items.push_back(std::move(item));
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    std::ranges::sort(items);
    std::string out;
    for (const std::string& item : items) out += (out.empty() ? "" : "&") + item;
    return out;
}

}  // namespace

std::string Answer::xml(std::string_view name) const {
    const auto found = all(name);
    return found.empty() ? std::string() : found.front();
}

std::vector<std::string> Answer::all(std::string_view name) const {
    std::vector<std::string> found;
    const std::string open = fmt::format("<{}>", name);
    const std::string close = fmt::format("</{}>", name);
    for (auto at = body.find(open); at != std::string::npos; at = body.find(open, at)) {
        at += open.size();
        std::string text = body.substr(at, body.find(close, at) - at);
        for (auto quote = text.find("&quot;"); quote != std::string::npos;
             quote = text.find("&quot;")) {
            text.replace(quote, 6, "\"");
        }
        found.push_back(std::move(text));
    }
    return found;
}

Answer Client::call(std::string_view method, std::string_view path, std::string_view query,
                    std::string_view body, Headers headers) {
    const std::string date = base::format_amz_date(base::system_clock().utc_now() + ahead);
    headers.emplace_back("host", host);
    headers.emplace_back("x-amz-date", date);
    const auto hash_at =
        std::ranges::find(headers, "x-amz-content-sha256", &Headers::value_type::first);
    const std::string hash = hash_at != headers.end() ? hash_at->second : "UNSIGNED-PAYLOAD";
    if (hash_at == headers.end()) headers.emplace_back("x-amz-content-sha256", hash);
    Headers sorted = headers;
    std::ranges::sort(sorted);
    std::string lines;
    std::string names;
    for (const auto& [name, value] : sorted) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", method, path,
                                              sorted_query(query), lines, names, hash);
    const std::string scope = fmt::format("{}/{}/s3/aws4_request", date.substr(0, 8), region);
    Sha256 key = hmac_sha256(base::as_bytes("AWS4" + secret_key), date.substr(0, 8));
    for (const std::string_view step :
         {std::string_view(region), std::string_view("s3"), std::string_view("aws4_request")}) {
        key = hmac_sha256(key, step);
    }
    const std::string signature = hex(hmac_sha256(
        key, fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, hex(sha256(canonical)))));
    const std::string made = make_body ? make_body(date, signature) : std::string();
    if (make_body) body = made;
    std::string request =
        fmt::format("{} {}{}{} HTTP/1.1\r\n", method, path, query.empty() ? "" : "?", query);
    for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
    request += fmt::format(
        "authorization: AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}\r\n",
        access_key, scope, names, signature);
    if (!body.empty() || method == "PUT" || method == "POST") {
        request += fmt::format("content-length: {}\r\n", body.size());
    }
    request += "\r\n";
    if (before_body) {
        if (!send_raw(request)) return {};
        before_body();
        request.clear();
    }
    request += body.substr(0, body_cut);
    if (!send_raw(request)) return {};
    if (before_body || !wait_for_answer) return {};
    if (body_cut < body.size()) {
        disconnect();
        return {};
    }
    return receive(method == "HEAD");
}

bool Client::connect() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

void Client::disconnect() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    buffer_.clear();
}

bool Client::connected() {
    char byte = 0;
    return fd_ >= 0 && ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

std::string Client::receive_raw(std::size_t size) {
    while (buffer_.size() < size) {
        char chunk[65536];
        const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
        if (n <= 0) break;
        buffer_.append(chunk, static_cast<std::size_t>(n));
    }
    std::string bytes = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return bytes;
}

bool Client::send_raw(std::string_view bytes) {
    if (fd_ < 0 && !connect()) return false;
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// Strict, extensions and trailers ignored. False: the connection ended first, or it is no framing.
bool Client::receive_chunks(std::string& body, const std::function<bool()>& more) {
    const auto line = [&](std::string& text) {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n")) == std::string::npos) {
            if (!more()) return false;
        }
        text = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return true;
    };
    std::string text;
    while (line(text)) {
        const std::size_t size = std::stoul(text, nullptr, 16);
        if (size == 0) {
            while (line(text) && !text.empty()) continue;
            return text.empty();
        }
        while (buffer_.size() < size && more()) continue;
        if (buffer_.size() < size) return false;
        body += buffer_.substr(0, size);
        buffer_.erase(0, size);
        if (!line(text) || !text.empty()) return false;
    }
    return false;
}

Answer Client::receive(bool head_request) {
    const auto more = [&] {
        char chunk[65536];
        const ssize_t n = ::recv(fd_, chunk, sizeof chunk, 0);
        if (n > 0) buffer_.append(chunk, static_cast<std::size_t>(n));
        return n > 0;
    };
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!more()) {
            disconnect();
            return {};
        }
    }
    Answer answer;
    answer.status = std::stoi(buffer_.substr(9, 3));
    for (auto at = buffer_.find("\r\n") + 2; at < end;) {
        const auto line_end = buffer_.find("\r\n", at);
        const auto colon = std::min(buffer_.find(':', at), line_end);
        std::string name = buffer_.substr(at, colon - at);  // of garbage: all of the line
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const auto value =
            std::min(buffer_.find_first_not_of(' ', std::min(colon + 1, line_end)), line_end);
        answer.headers[name] = buffer_.substr(value, line_end - value);
        at = line_end + 2;
    }
    answer.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    const bool bare =
        head_request || answer.status == 204 || answer.status == 304 || answer.status < 200;
    if (!bare && answer.headers.contains("transfer-encoding")) {
        answer.cut = !receive_chunks(answer.body, more);
        if (answer.cut) disconnect();
        return answer;
    }
    const std::size_t size = bare ? 0 : std::stoul(answer.headers.at("content-length"));
    while (buffer_.size() < size && more()) continue;
    answer.cut = buffer_.size() < size;
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    if (answer.cut || answer.headers.contains("connection")) disconnect();
    return answer;
}

bool until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

std::string part_xml(int number, std::string_view etag, std::string_view crc) {
    std::string xml = fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag>", number, etag);
    if (!crc.empty()) xml += fmt::format("<ChecksumCRC32>{}</ChecksumCRC32>", crc);
    return xml + "</Part>";
}

std::string complete_xml(const std::vector<std::string>& parts) {
    std::string xml = "<CompleteMultipartUpload>";
    for (const std::string& part : parts) xml += part;
    return xml + "</CompleteMultipartUpload>";
}

std::string crc_base64(std::string_view bytes) {
    return base::crc32_base64(crc32(0, base::as_bytes(bytes)));
}

}  // namespace s3sim::test
