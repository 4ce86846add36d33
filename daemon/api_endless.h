// How coroutines end that serve everybody for as long as the API lives: who accepts, who renders.
#pragma once

#include <exception>

namespace s3zipd {

// For co_spawn(). With an exception, of which only a lack of memory is left, the process ends: a
// supervisor sees that and starts it again, and its jobs go on. A daemon that only looks alive
// helps nobody.
inline void must_go_on(const std::exception_ptr& exception) noexcept {
    if (exception) std::rethrow_exception(exception);
}

}  // namespace s3zipd
