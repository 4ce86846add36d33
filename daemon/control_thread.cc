#include "daemon/control_thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cstdint>

namespace s3zipd {
namespace {

// linux/sched/types.h; glibc 2.36 has neither it nor the call.
struct SchedAttr {
    std::uint32_t size;
    std::uint32_t policy;  // 0: SCHED_OTHER
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime;  // of SCHED_OTHER: the slice, ns
    std::uint64_t deadline, period;
    std::uint32_t util_min, util_max;
};

constexpr std::uint64_t kSlice_ns = 100'000;  // the least that there is

}  // namespace

void begin_control_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
    SchedAttr attributes{};
    attributes.size = sizeof attributes;
    attributes.runtime = kSlice_ns;
    static_cast<void>(syscall(SYS_sched_setattr, 0, &attributes, 0));
}

}  // namespace s3zipd
