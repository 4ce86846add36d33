// What make_backend() does where the kernel, or a container's seccomp filter, forbids io_uring.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>
#include <iostream>
#include <thread>

#include "on_backends.h"

namespace io {
namespace {

// From here on io_uring_setup(2) fails with `error` in this thread, as Docker's and Fargate's
// filters make it.
bool forbid_io_uring(unsigned error) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(filter), filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

// Runs in a process of its own, for a filter cannot be taken off again. Prints what is wrong, exits
// 0 if nothing is.
[[noreturn]] void check_fallback(unsigned error, const char* says) {
    if (!forbid_io_uring(error)) {
        std::cerr << "no filter";
        std::_Exit(1);
    }
    const auto chosen = make_backend(BackendChoice::automatic);
    const auto forced = make_backend(BackendChoice::uring);
    const bool right = chosen && (*chosen)->name() == "epoll" && !forced &&
                       forced.error().detail.find("io_uring_setup") != std::string::npos &&
                       forced.error().detail.find(says) != std::string::npos;
    if (!right) std::cerr << (forced ? "uring was made" : forced.error().to_string());
    std::_Exit(right ? 0 : 1);
}

TEST(BackendChoiceTest, AutomaticFallsBackToEpollAndForcedSaysWhy) {
    EXPECT_EXIT(check_fallback(EPERM, "not permitted"), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(check_fallback(ENOSYS, "not implemented"), testing::ExitedWithCode(0), "");
}

TEST(BackendChoiceTest, EpollCanAlwaysBeForced) {
    EXPECT_EQ(must(make_backend(BackendChoice::epoll))->name(), "epoll");
}

class BackendTest : public OnBackends {};
ON_BACKENDS(BackendTest);

TEST_P(BackendTest, IsTheOneAskedFor) {
    EXPECT_EQ(reactor.backend().name(), GetParam() == BackendChoice::uring ? "io_uring" : "epoll");
}

// A ring belongs to the thread that made it. Used on another it would answer nothing, for ever; it
// must say so.
TEST_P(BackendTest, ARingOnTheWrongThreadAborts) {
    if (GetParam() == BackendChoice::epoll) {
        std::thread([this] {
            reactor.backend().wait(base::Duration::zero());
        }).join();  // is free to move
        return;
    }
    EXPECT_DEATH(std::thread([] {
                     std::unique_ptr<IoBackend> backend;
                     std::thread([&] { backend = must(make_uring_backend()); }).join();
                     backend->wait(base::Duration::zero());
                 }).join(),
                 "EEXIST");
}

}  // namespace
}  // namespace io
