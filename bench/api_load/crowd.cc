#include "bench/api_load/crowd.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>

namespace api_load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTicksPerSecond = 100;
constexpr std::uint32_t kAddresses = 16;  // of one crowd
constexpr std::size_t kHeaderFloodBytes = 1 << 20;
constexpr int kPipelined = 400;

struct Client {
    std::unique_ptr<Peer> peer;
    std::size_t sent = 0;  // of its script
    bool watches = false;
};

class Crowd {
  public:
    Crowd(const Target& target, const CrowdPlan& plan)
        : target_(target),
          plan_(plan),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          scripts_(scripts()),
          clients_(plan.clients) {
        for (std::size_t i = 0; i < clients_.size(); ++i) to_open_.push_back(i);
    }
    ~Crowd() { close(epoll_); }
    void run();

  private:
    bool drips() const {
        return plan_.behaviour == Behaviour::slowloris || plan_.behaviour == Behaviour::slow_bodies;
    }
    bool reads() const {
        return plan_.behaviour == Behaviour::events || plan_.behaviour == Behaviour::big_headers;
    }
    // Some of the half-open do not even shake hands.
    bool is_raw(std::size_t number) const {
        return plan_.behaviour == Behaviour::half_open && number % 4 < 2;
    }
    std::string authorization() const {
        return plan_.token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", plan_.token);
    }
    std::vector<std::string> scripts() const;
    void open_some();
    void open(std::size_t number);
    void go_on(std::size_t number);
    void read(Client& client);
    void subscribe(std::size_t number, int operation);
    void drip(std::size_t slot);
    void leave(std::size_t number);

    const Target target_;
    const CrowdPlan plan_;
    const int epoll_;
    const std::vector<std::string> scripts_;
    std::vector<Client> clients_;
    std::deque<std::size_t> to_open_;
    CrowdStatus status_;
};

// What clients send as soon as they can, taking turns.
std::vector<std::string> Crowd::scripts() const {
    const std::string begun = "GET /archives HTTP/1.1\r\nHost: localhost\r\nX-Begun: ";
    switch (plan_.behaviour) {
        case Behaviour::half_open:
            return {"", target_.tls ? std::string("\x16\x03\x01\x02\0\x01", 6) : "G", begun, ""};
        case Behaviour::slowloris: return {begun};
        case Behaviour::big_headers: {
            std::string all = begun;
            const std::string header = "\r\nX-Header: " + std::string(200, 'x');
            while (all.size() < kHeaderFloodBytes) all += header;
            return {all + "\r\n\r\n"};
        }
        case Behaviour::slow_bodies:
            return {
                "POST /archives HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
                authorization() + "Content-Length: 60000\r\n\r\n"};
        case Behaviour::slow_readers: {
            std::string all;
            for (int i = 0; i < kPipelined; ++i)
                all +=
                    "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n" + authorization() + "\r\n";
            return {all};
        }
        case Behaviour::events: {
            std::vector<std::string> all;
            for (const std::string& job : plan_.jobs)
                all.push_back(
                    fmt::format("GET /archives/{}/events HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                                job, authorization()));
            return all;
        }
    }
    return {};
}

void Crowd::subscribe(std::size_t number, int operation) {
    const Client& client = clients_[number];
    const bool is_open = client.peer->state() == Peer::State::open;
    epoll_event event{};
    event.data.u64 = number;
    event.events = EPOLLRDHUP;
    if (!is_open || reads()) event.events |= EPOLLIN;
    if (client.peer->wants_to_write()) event.events |= EPOLLOUT;
    epoll_ctl(epoll_, operation, client.peer->fd(), &event);
}

void Crowd::open(std::size_t number) {
    Target target = target_;
    if (is_raw(number)) target.tls.reset();
    const auto source = plan_.source + static_cast<std::uint32_t>(number % kAddresses);
    Client& client = clients_[number];
    client = {};
    client.peer =
        std::make_unique<Peer>(target, source, plan_.behaviour == Behaviour::slow_readers);
    ++status_.opened;
    if (client.peer->state() == Peer::State::closed) return leave(number);
    ++status_.open;
    subscribe(number, EPOLL_CTL_ADD);
}

void Crowd::leave(std::size_t number) {
    Client& client = clients_[number];
    if (client.watches) --status_.watching;
    client.peer.reset();
    to_open_.push_back(number);
}

void Crowd::read(Client& client) {
    char some[16384];
    while (const std::size_t count = client.peer->receive(some, sizeof some)) {
        if (plan_.behaviour != Behaviour::events) continue;
        const std::string_view text(some, count);
        for (std::size_t at = 0; (at = text.find("\ndata: ", at)) != text.npos; ++at) {
            ++status_.events;
            if (!client.watches) ++status_.watching;
            client.watches = true;
        }
    }
}

void Crowd::go_on(std::size_t number) {
    Client& client = clients_[number];
    if (!client.peer) return;
    client.peer->advance();
    if (client.peer->state() == Peer::State::open) {
        const std::string& all = scripts_[number % scripts_.size()];
        while (client.sent < all.size()) {
            const std::size_t count = client.peer->send(std::string_view(all).substr(client.sent));
            if (count == 0) break;
            client.sent += count;
        }
        if (reads()) read(client);
    }
    if (client.peer->state() == Peer::State::closed) {
        --status_.open;
        ++status_.cut;
        return leave(number);
    }
    subscribe(number, EPOLL_CTL_MOD);
}

void Crowd::drip(std::size_t slot) {
    for (std::size_t i = slot; i < clients_.size(); i += kTicksPerSecond) {
        Client& client = clients_[i];
        if (client.peer && client.peer->state() == Peer::State::open) client.peer->send("x");
        if (client.peer && client.peer->state() == Peer::State::closed) go_on(i);
    }
}

void Crowd::open_some() {
    std::size_t count = std::min(
        to_open_.size(), std::max<std::size_t>(plan_.opens_per_second / kTicksPerSecond, 1));
    for (; count > 0; --count) {
        const std::size_t number = to_open_.front();
        to_open_.pop_front();
        open(number);
    }
}

void Crowd::run() {
    std::vector<epoll_event> events(1024);
    constexpr auto kTick = std::chrono::milliseconds(1000 / kTicksPerSecond);
    auto next_tick = Clock::now();
    for (std::size_t tick = 0;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now());
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                     static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            Client& client = clients_[event.data.u64];
            // Who does not read hears of the end only so.
            const bool ended = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
            if (client.peer && ended && !(reads() && (event.events & EPOLLIN) != 0))
                client.peer->close();
            go_on(event.data.u64);
        }
        if (Clock::now() < next_tick) continue;
        next_tick = std::max(next_tick + kTick, Clock::now() - 10 * kTick);
        open_some();
        if (drips()) drip(tick % kTicksPerSecond);
        if (++tick % (kTicksPerSecond / 10) != 0) continue;
        const std::string line = to_line(status_);
        if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
    }
}

}  // namespace

std::string to_line(const CrowdStatus& s) {
    return fmt::format("{} {} {} {} {}\n", s.open, s.opened, s.cut, s.events, s.watching);
}

bool read_line(const std::string& line, CrowdStatus& s) {
    unsigned long long open = 0, opened = 0, cut = 0, events = 0, watching = 0;
    if (std::sscanf(line.c_str(), "%llu %llu %llu %llu %llu", &open, &opened, &cut, &events,
                    &watching) != 5)
        return false;
    s = {open, opened, cut, events, watching};
    return true;
}

void run_crowd(const Target& target, const CrowdPlan& plan) { Crowd(target, plan).run(); }

}  // namespace api_load
