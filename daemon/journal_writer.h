// The journal's one writing thread: takes what is to be written, commits what has gathered while
// the last commit was under way, and says so. Nobody who writes waits for the disk.
//
// Thread-safe. Writes of one lane are done in the order they came; the urgent lane goes before the
// other, so that a job is accepted while another's plan of a million entries is written. `done` is
// called on the writer's thread and must be quick. Bounded by its callers, who wait for `done`.
// The store outlives it. Destroying it writes what is left, as long as the disk lets it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/histogram.h"
#include "daemon/journal_store.h"

namespace s3zipd {

class JournalWriter {
  public:
    enum class Lane : std::uint8_t { urgent, ordinary };
    using Write = std::move_only_function<base::Status(JournalStore&)>;
    using Done = std::move_only_function<void(base::Status)>;

    explicit JournalWriter(JournalStore& store);
    ~JournalWriter();
    JournalWriter(const JournalWriter&) = delete;
    JournalWriter& operator=(const JournalWriter&) = delete;

    // `done` may be empty. `bytes`: about how much it writes; what is short goes along with urgent
    // writes, under the same fsync.
    void write(Lane lane, Durability durability, Write write, Done done, std::size_t bytes = 0);

    // Of the last commit; failures are logged once until one succeeds.
    bool healthy() const { return healthy_.load(std::memory_order_relaxed); }
    // Why it is not healthy; empty: it is.
    std::string problem() const;
    std::uint64_t commits() const { return commits_.load(std::memory_order_relaxed); }
    base::HistogramSnapshot commit_times() const { return commit_times_.snapshot(); }
    // Of the file and its WAL, as of the last commit; asks nobody.
    std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  private:
    struct Item {
        Durability durability = Durability::process;
        std::size_t bytes = 0;
        Write write;
        Done done;
    };
    void run();
    std::vector<Item> take();
    void take_ordinary(std::vector<Item>& batch, std::size_t bytes_max);
    void commit(std::vector<Item> batch);
    base::Status write_all(std::vector<Item>& batch);
    void note(const base::Status& status);

    JournalStore& store_;
    mutable std::mutex mutex_;  // guards the two lanes, problem_ and stop_
    std::condition_variable arrived_;
    std::deque<Item> urgent_, ordinary_;
    std::string problem_;
    bool stop_ = false;
    std::atomic<bool> healthy_{true};
    std::atomic<std::uint64_t> commits_{0}, bytes_{0};
    base::Histogram<base::kLocalBounds> commit_times_;  // of those that were counted
    std::thread thread_;
};

}  // namespace s3zipd
