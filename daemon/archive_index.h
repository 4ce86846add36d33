// Archives that were made, by the fingerprint of what they hold: for jobs that may reuse one.
// Thread-safe; every call is short. Bounded by the jobs that are remembered.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "archive/job.h"

namespace s3zipd {

class ArchiveIndex {
  public:
    // The newest of a fingerprint in a bucket counts.
    void add(const std::string& job, const archive::ArchiveResult& result) {
        if (result.fingerprint.empty()) return;
        Made made{job, result};
        made.result.report = std::make_shared<const archive::ObjectReport>();  // may be long
        const std::lock_guard lock(mutex_);
        archives_.insert_or_assign({result.fingerprint, result.bucket}, std::move(made));
    }
    void forget(const std::string& job, const archive::ArchiveResult& result) {
        const std::lock_guard lock(mutex_);
        const auto found = archives_.find({result.fingerprint, result.bucket});
        if (found != archives_.end() && found->second.job == job) archives_.erase(found);
    }
    std::optional<archive::ArchiveResult> find(const std::string& fingerprint,
                                               const std::string& bucket) const {
        const std::lock_guard lock(mutex_);
        const auto found = archives_.find({fingerprint, bucket});
        if (found == archives_.end()) return std::nullopt;
        return found->second.result;
    }

  private:
    struct Made {
        std::string job;
        archive::ArchiveResult result;
    };
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, Made> archives_;
};

}  // namespace s3zipd
