// A journal in a directory of its own, which goes with it; and JobService's answers, waited for.
#pragma once

#include <gtest/gtest.h>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "daemon/job_service.h"
#include "daemon/journal.h"
#include "temp_folder.h"

namespace s3zipd {

class TempJournal {
  public:
    TempJournal() { open(); }
    Journal& operator*() { return *journal_; }
    Journal* operator->() { return journal_.get(); }
    const std::string& path() const { return directory_.path(); }
    // As a restart would; what was in it.
    std::vector<JournaledJob> reopen() {
        journal_.reset();
        open();
        return std::move(before_);
    }
    void close() { journal_.reset(); }
    // And what a start says that may fail; it is closed again.
    base::Result<std::vector<JournaledJob>> try_open() {
        auto journal = Journal::open(directory_.path());
        if (!journal) return std::unexpected(journal.error());
        return (*journal)->load();
    }

  private:
    void open() {
        auto journal = Journal::open(directory_.path());
        ASSERT_TRUE(journal.has_value()) << journal.error().detail;
        journal_ = std::move(*journal);
        auto before = journal_->load();
        ASSERT_TRUE(before.has_value()) << before.error().detail;
        before_ = std::move(*before);
    }
    TempFolder directory_;
    std::unique_ptr<Journal> journal_;
    std::vector<JournaledJob> before_;
};

inline base::Result<JobView> submit_now(JobService& service, Submission submission) {
    std::promise<base::Result<JobView>> answer;
    auto job = answer.get_future();
    service.submit(std::move(submission),
                   [&](base::Result<JobView> view) { answer.set_value(std::move(view)); });
    return job.get();
}

inline base::Result<JobView> cancel_now(JobService& service, std::string_view id) {
    std::promise<base::Result<JobView>> answer;
    auto job = answer.get_future();
    service.cancel(id, [&](base::Result<JobView> view) { answer.set_value(std::move(view)); });
    return job.get();
}

}  // namespace s3zipd
