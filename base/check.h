// CHECK(condition): for invariants of our own code only. On in every build; prints the place and
// aborts. Nothing a peer or a user sends may trip one: for that, return an Error.
#pragma once

namespace base {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) [[unlikely]]                            \
            ::base::check_failed(#condition, __FILE__, __LINE__); \
    } while (false)
