// One client's connection: head, body, answer, and again. Runs only on its worker's thread. Bodies
// of uploads are received straight to where they will stay (or into the worker's scratch memory, if
// they do not stay), the CRC taken while they are hot; bodies of answers are sent from where they
// are. One request at a time; pipelined ones wait in the buffer.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "s3sim/operations.h"

namespace s3sim {

class Worker;

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(Worker& worker, int fd);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void on_events(std::uint32_t events);
    void run();

  private:
    enum class State : std::uint8_t {
        head,
        body,
        executing,
        delayed,
        sending,
        stalled,
        lingering,
        closed,
        straying  // sends a stray, then goes on where it was
    };
    enum class Ending : std::uint8_t { next_request, close, reset, stall };

    // One answer on its way out.
    struct Outgoing {
        std::string text;  // head and small body
        std::size_t text_sent = 0;
        std::shared_ptr<const Body> body;
        std::uint64_t body_offset = 0;
        std::uint64_t left = 0;  // of body
        bool done() const { return text_sent == text.size() && left == 0; }
        bool flatten();
        void cut_at(std::uint64_t bytes);
    };
    // Bytes that belong to no request.
    struct Stray {
        Outgoing out;
        base::SteadyTime at{};                // when to send them
        std::optional<base::Duration> delay;  // until arm_strays(): what comes before that
        bool with_next = false;               // not until another request's head is there
    };

    // Each does one step; false if it would block (or wait).
    bool read_head();
    bool read_body();
    bool send_some();
    bool linger();

    void start_exchange(std::size_t head_size);
    void take_body(base::ByteView bytes, bool in_window);
    void body_done();
    void respond(Response response);
    void plan_ending(Response& response);
    Outgoing outgoing(Response response) const;
    // connection_exchange.cc: faults that send more, less or other than the one answer.
    void alter_exchange();
    void answer_early();
    void finish_early();
    void add_stray(Outgoing out, const Fault& fault);
    void arm_strays();
    bool stray_is_due() const;
    void begin_stray();
    void end_stray();
    void answer_sent();
    void reset();
    void close();

    bool receive(void* to, std::size_t size, std::size_t& got);
    bool send_text_and_views();
    bool send_file();
    // How many of `wanted` bytes the bandwidth limits let through now; 0 arms a timer.
    std::uint64_t allowance(std::uint64_t wanted);
    std::uint64_t host_allowance(std::uint64_t wanted);
    void moved(std::uint64_t bytes);
    void restart_throttle();
    bool idle_too_long();

    Worker& worker_;
    int fd_;
    State state_ = State::head;
    bool readable_ = true;
    bool writable_ = true;
    bool peer_done_ = false;  // it has said that it sends no more
    base::SteadyTime idle_since_;
    base::SteadyTime idle_check_at_{};

    std::array<char, kHeadSizeMax> head_;
    std::size_t head_used_ = 0;      // bytes in head_
    std::size_t head_consumed_ = 0;  // of these, taken by the request under way
    std::size_t head_scanned_ = 0;

    std::unique_ptr<Exchange> exchange_;
    std::uint64_t body_left_ = 0;

    Outgoing out_;
    std::uint64_t counted_out_ = 0;
    std::deque<Stray> strays_;
    State resume_ = State::head;  // after a stray
    bool answered_early_ = false;
    Ending ending_ = Ending::next_request;
    base::SteadyTime send_at_{};

    std::uint64_t drip_ = 0;  // bytes a second of this answer; 0: as the server's
    base::SteadyTime throttle_start_{};
    std::uint64_t throttle_moved_ = 0;
    std::uint64_t host_grant_ = 0;  // bytes that it may move from host_grant_at_ on
    base::SteadyTime host_grant_at_{};
};

}  // namespace s3sim
