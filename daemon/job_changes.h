// Which jobs are new, forgotten, or in another state, for one who tells of all (api_feed.h).
// Thread-safe. Nothing is remembered before it listens, and of a storm no more than
// config::kJobChangesMax.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "config/limits.h"

namespace s3zipd {

class JobChanges {
  public:
    struct Taken {
        std::set<std::string> ids;
        bool all_of_them = true;  // false: there were more
    };

    void listen(bool on) {
        const std::lock_guard lock(mutex_);
        listening_ = on;
        taken_ = {};
    }
    void note(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (!listening_) return;
        if (taken_.ids.size() < config::kJobChangesMax)
            taken_.ids.insert(id);
        else
            taken_.all_of_them = false;
    }
    // Since the last call.
    Taken take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(taken_, {});
    }

  private:
    std::mutex mutex_;
    bool listening_ = false;
    Taken taken_;
};

}  // namespace s3zipd
