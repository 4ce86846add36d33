// What other threads hand to JobService's own. Shared with their callbacks, so it outlives the
// service: what comes later is never looked at. Bounded by what was asked: ids of jobs that run,
// and one call for each write of the journal.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "daemon/job_service.h"

namespace s3zipd {

struct JobService::Inbox {
    using Call = std::move_only_function<void(JobService&)>;

    void change(const std::string& id) {
        {
            const std::lock_guard lock(mutex);
            changed.insert(id);
        }
        arrived.notify_all();
    }
    void call(Call what) {
        {
            const std::lock_guard lock(mutex);
            calls.push_back(std::move(what));
        }
        arrived.notify_all();
    }

    // On the caller's own thread, for what somebody waits for; nothing once the service has gone.
    template <typename Function>
    void call_here(Function what) {
        const std::lock_guard lock(here_mutex);
        if (service != nullptr) what(*service);
    }

    std::mutex here_mutex;  // held while call_here() is under way
    JobService* service = nullptr;
    std::mutex mutex;  // guards all below
    std::condition_variable arrived;
    std::set<std::string> changed;
    std::deque<Call> calls;
    bool stop = false;
};

}  // namespace s3zipd
