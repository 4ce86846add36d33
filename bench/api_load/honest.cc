#include "bench/api_load/honest.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>

namespace api_load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(10);

struct Call {
    std::string request;
    Clock::time_point due;
    bool is_post = false, is_fresh = false;
    int status_wanted = 200;
};

struct Line {
    std::unique_ptr<Peer> peer;
    std::optional<Call> call;
    std::size_t sent = 0;
    bool was_used = false;
    std::string answer;
};

class Honest {
  public:
    Honest(const Target& target, const HonestPlan& plan)
        : target_(target), plan_(plan), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
    ~Honest() { close(epoll_); }
    HonestResult run(const std::atomic<bool>& stop);

  private:
    Call make_call(std::uint64_t number, Clock::time_point due) const;
    void ask(Call call);
    void on_ready(int fd);
    void send(Line& line);
    bool is_answered(Line& line);
    void finish(Line& line, int status);
    void fail(Line& line, const std::string& why);
    void look_for_late();
    void wait(Clock::time_point until);

    const Target target_;
    const HonestPlan plan_;
    const int epoll_;
    std::map<int, Line> lines_;  // by file descriptor
    std::vector<int> idle_;
    std::size_t busy_ = 0;
    HonestResult result_;
};

Call Honest::make_call(std::uint64_t number, Clock::time_point due) const {
    Call call;
    call.due = due;
    call.is_fresh = number % 3 == 0;
    const std::string rest =
        fmt::format(" HTTP/1.1\r\nHost: localhost\r\n{}",
                    plan_.token.empty() ? "" : "Authorization: Bearer " + plan_.token + "\r\n") +
        (call.is_fresh ? "Connection: close\r\n" : "");
    switch (number % 10) {
        case 0:
        case 5: {
            const std::string body =
                fmt::format(R"({{"source":{{"bucket":"small","objects":[{{"key":"a.txt"}}]}},)"
                            R"("destination":{{"bucket":"out","key":"{}.zip","overwrite":true}}}})",
                            number);
            call.request = fmt::format(
                "POST /archives{}Content-Type: application/json\r\nIdempotency-Key: honest-{}\r\n"
                "Content-Length: {}\r\n\r\n{}",
                rest, number, body.size(), body);
            call.is_post = true;
            call.status_wanted = 202;
            break;
        }
        case 1: call.request = "GET /metrics" + rest + "\r\n"; break;
        case 2:
        case 7: call.request = "GET /archives?limit=20" + rest + "\r\n"; break;
        default:
            call.request =
                "GET /archives/" + plan_.jobs[number % plan_.jobs.size()] + rest + "\r\n";
    }
    return call;
}

void Honest::ask(Call call) {
    ++busy_;
    int fd = -1;
    if (!call.is_fresh && !idle_.empty()) {
        fd = idle_.back();
        idle_.pop_back();
    }
    if (fd < 0) {
        auto peer = std::make_unique<Peer>(target_, 0);
        if (peer->state() == Peer::State::closed) {
            --busy_;
            result_.errors.push_back("no socket, or no port");
            return;
        }
        fd = peer->fd();
        lines_[fd].peer = std::move(peer);
        epoll_event event{EPOLLIN | EPOLLOUT, {.fd = fd}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    Line& line = lines_.at(fd);
    line.call = std::move(call);
    line.sent = 0;
    line.answer.clear();
    send(line);
    if (line.peer->state() == Peer::State::closed) on_ready(fd);
}

void Honest::send(Line& line) {
    line.peer->advance();
    if (!line.call) return;
    const std::string_view left = std::string_view(line.call->request).substr(line.sent);
    line.sent += line.peer->send(left);
}

bool Honest::is_answered(Line& line) {
    const std::size_t head = line.answer.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t length = line.answer.find("Content-Length: ");
    if (length == std::string::npos || length > head) return false;
    return line.answer.size() >=
           head + 4 + std::strtoull(line.answer.c_str() + length + 16, nullptr, 10);
}

void Honest::finish(Line& line, int status) {
    const Call& call = *line.call;
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - call.due).count();
    if (status != call.status_wanted) return fail(line, line.answer.substr(0, 300));
    result_.all_ms.push_back(ms);
    if (call.is_post) result_.posts_ms.push_back(ms);
    if (call.is_fresh) result_.fresh_ms.push_back(ms);
    --busy_;
    line.call.reset();
    line.was_used = true;
}

void Honest::fail(Line& line, const std::string& why) {
    result_.errors.push_back(fmt::format(
        "{} ms after {} was due: {}",
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - line.call->due)
            .count(),
        line.call->request.substr(0, line.call->request.find('\r')), why));
    --busy_;
    line.call.reset();
    line.peer->close();
}

void Honest::on_ready(int fd) {
    const auto at = lines_.find(fd);
    if (at == lines_.end()) return;
    Line& line = at->second;
    send(line);
    char some[16384];
    while (const std::size_t count = line.peer->receive(some, sizeof some))
        line.answer.append(some, count);
    if (line.call && is_answered(line)) {
        const bool is_fresh = line.call->is_fresh;
        finish(line, std::atoi(line.answer.c_str() + 9));
        if (is_fresh)
            line.peer->close();
        else if (line.peer->state() == Peer::State::open)
            idle_.push_back(fd);
    }
    if (line.peer->state() != Peer::State::closed) {
        epoll_event event{EPOLLIN, {.fd = fd}};
        const bool has_more = line.call && line.sent < line.call->request.size();
        if (line.peer->wants_to_write() ||
            (has_more && line.peer->state() == Peer::State::connecting))
            event.events |= EPOLLOUT;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
        return;
    }
    std::erase(idle_, fd);
    if (line.call && line.was_used && line.answer.empty()) {
        ++result_.asked_again;
        --busy_;
        Call again = std::move(*line.call);
        again.is_fresh = true;  // on a connection of its own
        lines_.erase(at);
        return ask(std::move(again));
    }
    if (line.call) fail(line, "cut after " + std::to_string(line.answer.size()) + " bytes");
    lines_.erase(at);
}

void Honest::look_for_late() {
    std::vector<int> late;
    for (auto& [fd, line] : lines_) {
        if (line.call && Clock::now() > line.call->due + kPatience) late.push_back(fd);
    }
    for (const int fd : late) {
        fail(lines_.at(fd), "no answer");
        lines_.erase(fd);
    }
}

void Honest::wait(Clock::time_point until) {
    epoll_event events[64];
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{seconds.count(), (left - seconds).count()};
    const int count = epoll_pwait2(epoll_, events, 64, &time, nullptr);
    for (int i = 0; i < count; ++i) on_ready(events[i].data.fd);
}

HonestResult Honest::run(const std::atomic<bool>& stop) {
    const auto step = std::chrono::nanoseconds(1'000'000'000 / plan_.per_second);
    auto due = Clock::now();
    while (!stop) {
        for (; due <= Clock::now(); due += step) ask(make_call(result_.asked++, due));
        wait(due);
        look_for_late();
    }
    while (busy_ > 0) {
        wait(Clock::now() + std::chrono::milliseconds(100));
        look_for_late();
    }
    return std::move(result_);
}

}  // namespace

HonestResult run_honest(const Target& target, const HonestPlan& plan,
                        const std::atomic<bool>& stop) {
    return Honest(target, plan).run(stop);
}

}  // namespace api_load
