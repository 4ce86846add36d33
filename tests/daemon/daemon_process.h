// The s3zipd binary as a child of the test. What it says, on standard output and error, is read by
// a thread of its own, so that the child never waits for us, and kept for whoever reports a
// failure.
//
// send() may be called from any thread, also while another one waits for the end; all else belongs
// to the thread that made it. The child is killed with this object, and with the thread that made
// it, so that nothing is left behind by a test that dies.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace s3zipd {

class DaemonProcess {
  public:
    static constexpr std::chrono::seconds kPatience{20};

    // before_exec runs in the child, where only system calls are allowed; false: it ends with 126.
    explicit DaemonProcess(std::vector<std::string> arguments,
                           std::vector<std::string> environment = {},
                           bool (*before_exec)(const char* argument) = nullptr,
                           std::string before_exec_argument = {});
    ~DaemonProcess();
    DaemonProcess(const DaemonProcess&) = delete;
    DaemonProcess& operator=(const DaemonProcess&) = delete;

    // What it says from where the last call ended until `mark`; less at its end or after a while.
    std::string read_until(std::string_view mark, std::chrono::milliseconds within = kPatience);
    // The port of its "listening on" line; 0 if it ends, or says nothing for too long.
    std::uint16_t port(std::chrono::milliseconds within = kPatience);

    pid_t pid() const { return pid_; }
    void send(int signal) const;
    bool ends(std::chrono::milliseconds within = kPatience);
    // Waits for the end: the exit code, 1000 and more by signal, -1 if it does not end.
    int exit_code(std::chrono::milliseconds within = kPatience);

    std::string rest() const;  // what read_until() has not handed out yet
    std::string log() const;   // all it has said

  private:
    void collect();

    pid_t pid_ = -1;
    int pid_fd_ = -1;  // names this child, also when its number is another's already
    int output_ = -1;
    int status_ = -1;
    bool ended_ = false;
    std::optional<std::uint16_t> port_;

    mutable std::mutex mutex_;
    std::condition_variable said_more_;
    std::string said_;
    std::size_t handed_out_ = 0;
    bool silent_ = false;  // it has closed its output
    std::thread reader_;
};

}  // namespace s3zipd
