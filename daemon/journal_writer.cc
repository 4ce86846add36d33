#include "daemon/journal_writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "config/limits.h"
#include "daemon/control_thread.h"

namespace s3zipd {
namespace {

// Of the ordinary lane in one transaction: an urgent write waits for one of them at most, and a
// row has up to 1 MiB.
constexpr std::size_t kOrdinaryBatch = 32;
constexpr std::size_t kAlongBytes = 16 << 10;

}  // namespace

JournalWriter::JournalWriter(JournalStore& store) : store_(store), thread_([this] { run(); }) {}

JournalWriter::~JournalWriter() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    arrived_.notify_all();
    thread_.join();
}

void JournalWriter::write(Lane lane, Durability durability, Write write, Done done,
                          std::size_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        auto& line = lane == Lane::urgent ? urgent_ : ordinary_;
        line.push_back({durability, bytes, std::move(write), std::move(done)});
    }
    arrived_.notify_all();
}

void JournalWriter::run() {
    begin_control_thread("journal");
    bool more = true;  // to be maintained
    for (;;) {
        std::vector<Item> batch = take();
        if (!batch.empty()) {
            commit(std::move(batch));
            more = true;
            continue;
        }
        if (more) {
            const auto left = store_.maintain();
            more = left && *left;
            if (!left) note(std::unexpected(left.error()));
            if (more) continue;
        }
        std::unique_lock lock(mutex_);
        const bool woken = arrived_.wait_for(lock, config::kJournalRetryInterval, [this] {
            return stop_ || !urgent_.empty() || !ordinary_.empty();
        });
        if (stop_ && urgent_.empty() && ordinary_.empty()) return;
        lock.unlock();
        if (woken) continue;
        // Readiness must not wait for the next job to find out.
        if (auto there = store_.check_in_place(); !there) note(there);
    }
}

std::string JournalWriter::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

std::vector<JournalWriter::Item> JournalWriter::take() {
    std::vector<Item> batch;
    const std::lock_guard lock(mutex_);
    std::ranges::move(urgent_, std::back_inserter(batch));
    urgent_.clear();
    take_ordinary(batch, batch.empty() ? SIZE_MAX : kAlongBytes);
    return batch;
}

// REQUIRES mutex_. In their order, up to the first that is longer.
void JournalWriter::take_ordinary(std::vector<Item>& batch, std::size_t bytes_max) {
    for (std::size_t count = 0; count < kOrdinaryBatch && !ordinary_.empty(); ++count) {
        if (ordinary_.front().bytes > bytes_max) return;
        batch.push_back(std::move(ordinary_.front()));
        ordinary_.pop_front();
    }
}

void JournalWriter::commit(std::vector<Item> batch) {
    const base::SteadyTime began = base::system_clock().steady_now();
    base::Status status = write_all(batch);
    if (status) commit_times_.observe(base::system_clock().steady_now() - began);
    // One that cannot be written must not take the others with it.
    if (!status && batch.size() > 1) {
        for (Item& item : batch) {
            std::vector<Item> one;
            one.push_back(std::move(item));
            commit(std::move(one));
        }
        return;
    }
    note(status);
    for (Item& item : batch) {
        if (item.done) item.done(status);
    }
}

base::Status JournalWriter::write_all(std::vector<Item>& batch) {
    if (auto begun = store_.begin(); !begun) return begun;
    auto durability = Durability::process;
    for (Item& item : batch) {
        if (item.durability == Durability::power) durability = Durability::power;
        if (auto written = item.write(store_); !written) {
            store_.roll_back();
            return written;
        }
    }
    return store_.commit(durability);
}

void JournalWriter::note(const base::Status& status) {
    if (status) {
        const JournalStore::Size size = store_.size();
        bytes_.store(size.file_bytes + size.wal_bytes, std::memory_order_relaxed);
        commits_.fetch_add(1, std::memory_order_relaxed);
    }
    {
        const std::lock_guard lock(mutex_);
        problem_ = status ? std::string() : status.error().to_string();
    }
    const bool was_healthy = healthy_.exchange(status.has_value(), std::memory_order_relaxed);
    if (!status && was_healthy)
        base::log_error("the journal cannot be written", {{"error", status.error().to_string()}});
    if (status && !was_healthy) base::log_info("the journal can be written again");
}

}  // namespace s3zipd
