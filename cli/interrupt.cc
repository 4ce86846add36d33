#include "cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace cli {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may touch nothing else

struct sigaction before_int, before_term;

void raise_flag(int) { flag.store(true, std::memory_order_relaxed); }

}  // namespace

InterruptScope::InterruptScope() {
    flag.store(false, std::memory_order_relaxed);
    struct sigaction action{};
    action.sa_handler = raise_flag;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_int);
    sigaction(SIGTERM, &action, &before_term);
}

InterruptScope::~InterruptScope() {
    sigaction(SIGINT, &before_int, nullptr);
    sigaction(SIGTERM, &before_term, nullptr);
}

bool InterruptScope::interrupted() { return flag.load(std::memory_order_relaxed); }

}  // namespace cli
