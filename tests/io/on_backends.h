// The fixture of every test that needs a reactor: it runs once on io_uring and once on epoll.
//
// S3ZIPD_TEST_IO=epoll leaves epoll only: ThreadSanitizer cannot see through a ring, and some
// containers have none. Reactor and its tasks live on the test's thread; peers block, on that
// thread or their own.
#pragma once

#include <gtest/gtest.h>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "io/backend.h"
#include "io/reactor.h"
#include "io/task.h"

namespace io {

inline std::vector<BackendChoice> backends_to_test() {
    const char* only = std::getenv("S3ZIPD_TEST_IO");
    if (only != nullptr && std::string_view(only) == "epoll") return {BackendChoice::epoll};
    if (only != nullptr && std::string_view(only) == "uring") return {BackendChoice::uring};
    return {BackendChoice::uring, BackendChoice::epoll};
}

inline std::string backend_label(const testing::TestParamInfo<BackendChoice>& info) {
    return info.param == BackendChoice::uring ? "uring" : "epoll";
}

#define ON_BACKENDS(fixture) \
    INSTANTIATE_TEST_SUITE_P(Io, fixture, testing::ValuesIn(backends_to_test()), backend_label)

// The value of a Result that a test cannot do without.
template <typename T>
T must(base::Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().to_string();
        std::abort();
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class OnBackends : public testing::TestWithParam<BackendChoice> {
  protected:
    static Task<bool> ended(Task<void> task) {
        co_await std::move(task);
        co_return true;
    }
    void run(Task<void> task) { EXPECT_TRUE(reactor.run_until_done(ended(std::move(task)))); }

    Reactor reactor{must(make_backend(GetParam()))};
};

// Lets everything else that is ready run, and the back end see what was submitted.
inline Task<void> let_others_run(Reactor& reactor) {
    for (int i = 0; i < 3; ++i) co_await reactor.sleep(base::Duration::zero());
}

}  // namespace io
