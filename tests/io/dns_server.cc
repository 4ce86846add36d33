#include "dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace io {
namespace {

// RFC 1035, section 4.1: a header of 12 bytes, then one question: name, type, class.
constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kTypeA = 1, kTypeAaaa = 28;

struct Question {
    std::string name;
    std::uint16_t type = 0;
    std::size_t end = 0;
};

Question parse(const std::vector<std::uint8_t>& packet) {
    Question question;
    std::size_t at = kHeader;
    while (at < packet.size() && packet[at] != 0) {
        const std::size_t size = packet[at++];
        if (at + size > packet.size()) return {};
        if (!question.name.empty()) question.name += '.';
        question.name.append(packet.begin() + static_cast<std::ptrdiff_t>(at),
                             packet.begin() + static_cast<std::ptrdiff_t>(at + size));
        at += size;
    }
    if (at + 5 > packet.size()) return {};
    question.type = static_cast<std::uint16_t>(packet[at + 1] << 8 | packet[at + 2]);
    question.end = at + 5;
    return question;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in.sin_port = port;
    return in;
}

bool bind_to(int fd, std::uint16_t port) {
    const sockaddr_in in = loopback(port);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&in), sizeof in) == 0;
}

void append(std::vector<std::uint8_t>& to, std::uint32_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
        to.push_back(static_cast<std::uint8_t>(value >> shift));
    }
}

}  // namespace

DnsServer::DnsServer() : stop_(::eventfd(0, EFD_CLOEXEC)) {
    // A port that is free for UDP may be taken for TCP.
    for (int i = 0; i < 100 && tcp_ < 0; ++i) {
        udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        CHECK(udp_ >= 0 && bind_to(udp_, 0));
        sockaddr_in in{};
        socklen_t size = sizeof in;
        CHECK(::getsockname(udp_, reinterpret_cast<sockaddr*>(&in), &size) == 0);
        port_ = in.sin_port;
        tcp_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(tcp_ >= 0);
        if (bind_to(tcp_, port_) && ::listen(tcp_, 16) == 0) break;
        ::close(std::exchange(tcp_, -1));
        ::close(udp_);
    }
    CHECK(tcp_ >= 0 && stop_ >= 0);
    thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
    const std::uint64_t one = 1;
    CHECK(::write(stop_, &one, sizeof one) == sizeof one);
    thread_.join();
    for (const int fd : {udp_, tcp_, stop_}) ::close(fd);
}

std::string DnsServer::servers() const { return "127.0.0.1:" + std::to_string(ntohs(port_)); }

void DnsServer::set(const std::string& name, Zone zone) {
    const std::lock_guard lock(mutex_);
    zones_[name] = std::move(zone);
}

void DnsServer::release() {
    const std::lock_guard lock(mutex_);
    for (auto& [name, zone] : zones_) zone.hold = false;
    for (const Held& held : std::exchange(held_, {})) answer_udp(held.question, held.port);
}

int DnsServer::questions(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return questions_[name];
}

bool DnsServer::wait_for_questions(const std::string& name, int count) {
    std::unique_lock lock(mutex_);
    return asked_.wait_for(lock, std::chrono::seconds(20),
                           [&] { return questions_[name] >= count; });
}

int DnsServer::tcp_questions() {
    const std::lock_guard lock(mutex_);
    return tcp_questions_;
}

int DnsServer::all_questions() {
    const std::lock_guard lock(mutex_);
    return all_questions_;
}

void DnsServer::run() {
    for (;;) {
        std::array<pollfd, 3> fds{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}, {stop_, POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0) continue;
        if (fds[2].revents != 0) return;
        if (fds[0].revents != 0) take_udp();
        if (fds[1].revents != 0) take_tcp();
    }
}

void DnsServer::take_udp() {
    Packet packet(1500);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n = ::recvfrom(udp_, packet.data(), packet.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (n < static_cast<ssize_t>(kHeader)) return;
    packet.resize(static_cast<std::size_t>(n));
    const Question question = parse(packet);
    const std::lock_guard lock(mutex_);
    ++all_questions_;
    if (question.type == kTypeA) ++questions_[question.name];
    const auto zone = zones_.find(question.name);
    const bool known = zone != zones_.end();
    if (known && zone->second.hold) {
        held_.push_back({packet, from.sin_port});
    } else if (!known || !zone->second.silent) {
        answer_udp(packet, from.sin_port);
    }
    asked_.notify_all();
}

void DnsServer::take_tcp() {
    const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const timeval patience{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // A resolver may ask for both families over one connection.
    for (;;) {
        std::array<std::uint8_t, 2> size{};
        if (::recv(fd, size.data(), 2, MSG_WAITALL) != 2) break;
        Packet packet(static_cast<std::size_t>(size[0] << 8 | size[1]));
        const auto wanted = static_cast<ssize_t>(packet.size());
        if (::recv(fd, packet.data(), packet.size(), MSG_WAITALL) != wanted) break;
        const std::lock_guard lock(mutex_);
        ++tcp_questions_;
        const Packet whole = answer(packet, zones_[parse(packet).name], true);
        Packet framed;
        append(framed, static_cast<std::uint32_t>(whole.size()), 2);
        framed.insert(framed.end(), whole.begin(), whole.end());
        if (::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) break;
    }
    ::close(fd);
}

void DnsServer::answer_udp(const Packet& question, std::uint16_t port) {
    const auto zone = zones_.find(parse(question).name);
    Zone unknown;
    unknown.rcode = 3;
    const Packet packet = answer(question, zone == zones_.end() ? unknown : zone->second, false);
    const sockaddr_in to = loopback(port);
    ::sendto(udp_, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof to);
}

DnsServer::Packet DnsServer::answer(const Packet& packet, const Zone& zone, bool over_tcp) {
    const Question question = parse(packet);
    const bool truncated = zone.truncated && !over_tcp;
    const bool empty = zone.rcode != 0 || truncated;
    std::vector<std::string> addresses;
    if (!empty && question.type == kTypeA) addresses = zone.v4;
    if (!empty && question.type == kTypeAaaa) addresses = zone.v6;

    Packet out(packet.begin(), packet.begin() + 2);                   // its id
    append(out, 0x8180u | (truncated ? 0x200u : 0) | zone.rcode, 2);  // QR, RD, RA, TC
    append(out, 1, 2);
    append(out, static_cast<std::uint32_t>(addresses.size()), 2);
    append(out, 0, 4);
    out.insert(out.end(), packet.begin() + kHeader,
               packet.begin() + static_cast<std::ptrdiff_t>(question.end));
    for (const std::string& text : addresses) {
        std::array<std::uint8_t, 16> bytes{};
        const bool v4 = question.type == kTypeA;
        CHECK(::inet_pton(v4 ? AF_INET : AF_INET6, text.c_str(), bytes.data()) == 1);
        append(out, 0xC000u | kHeader, 2);  // the name, as asked
        append(out, question.type, 2);
        append(out, 1, 2);
        append(out, zone.ttl_s, 4);
        append(out, v4 ? 4 : 16, 2);
        out.insert(out.end(), bytes.begin(), bytes.begin() + (v4 ? 4 : 16));
    }
    return out;
}

}  // namespace io
