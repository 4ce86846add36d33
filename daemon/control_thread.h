// What a thread of the control plane does first. It works little and somebody waits for it, while
// reactors fill every core: so it asks the kernel to be run soon, for short. That needs no rights
// (Linux 6.12 and newer: a short slice, sched_setattr(2)); where it cannot be had nothing is lost
// but milliseconds.
#pragma once

namespace s3zipd {

// `name`: at most 15 characters, shown by ps -T and top -H.
void begin_control_thread(const char* name);

}  // namespace s3zipd
