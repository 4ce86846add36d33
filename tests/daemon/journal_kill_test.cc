// SIGKILL at any moment: what was acknowledged is there, and nobody is alarmed.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <chrono>

#include "journal_rig.h"

namespace s3zipd {
namespace {

// A process that works on a journal until it is killed, and acknowledges numbers through a pipe.
class Worker {
  public:
    explicit Worker(const std::function<void(int acknowledge)>& work) {
        int ends[2];
        CHECK(::pipe2(ends, O_CLOEXEC) == 0);
        pid_ = ::fork();
        CHECK(pid_ >= 0);
        if (pid_ == 0) {
            ::close(ends[0]);
            work(ends[1]);
            ::_exit(0);
        }
        ::close(ends[1]);
        pipe_ = ends[0];
    }
    ~Worker() {
        kill();
        ::close(pipe_);
    }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // The next number; false at its end.
    bool next(std::uint64_t& number) const {
        pollfd readable{pipe_, POLLIN, 0};
        CHECK(::poll(&readable, 1, 60'000) == 1);
        return ::read(pipe_, &number, sizeof number) == ssize_t{sizeof number};
    }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    pid_t pid_ = -1;
    int pipe_ = -1;
};

void acknowledge(int pipe, std::uint64_t number) {
    if (::write(pipe, &number, sizeof number) != ssize_t{sizeof number}) ::_exit(2);
}

// The moment of the kill, not a wait for anything.
void pass(std::uint64_t microseconds) {
    const timespec time{0, static_cast<long>(microseconds * 1000)};
    ::nanosleep(&time, nullptr);
}

void work(const std::string& directory, std::uint64_t first, int pipe) {
    auto store = JournalStore::open(directory);
    if (!store) ::_exit(3);
    for (std::uint64_t n = first;; ++n) {
        if (!write(**store, n, durability_of(n))) ::_exit(4);
        acknowledge(pipe, n);
        if (n % 8 == 0 && !(*store)->maintain()) ::_exit(5);
    }
}

TEST(JournalKill, WhatWasAcknowledgedIsThere) {
    const Folder folder;
    const std::string copy = folder.path() + "/copy";
    base::Random random(20240607);
    Rows rows;
    std::uint64_t done = 0;  // transactions 0..done-1 are in `rows`
    std::uint64_t unacknowledged = 0;
    for (int round = 0; round < 120; ++round) {
        std::uint64_t acknowledged = done;
        {
            Worker worker([&](int pipe) { work(folder.journal(), done, pipe); });
            std::uint64_t n = 0;
            for (std::uint64_t left = random.below(150); left > 0 && worker.next(n); --left) {
                acknowledged = n + 1;
            }
            pass(random.below(2000));
            worker.kill();
            while (worker.next(n)) acknowledged = n + 1;
        }
        for (; done < acknowledged; ++done) add_changes(done, rows);
        // A copy is looked at, so that the next worker finds what this one left.
        if (!std::filesystem::exists(folder.journal())) continue;
        copy_folder(folder.journal(), copy);
        auto store = JournalStore::open(copy);
        ASSERT_TRUE(store.has_value()) << "round " << round << ": " << store.error().to_string();
        Rows found = rows_of(**store);
        if (found == rows) continue;
        // Committed, and killed before it could say so.
        add_changes(done++, rows);
        ++unacknowledged;
        ASSERT_EQ(found.size(), rows.size()) << "round " << round;
        ASSERT_TRUE(found == rows) << "round " << round;
    }
    EXPECT_GT(done, 1000u);
    RecordProperty("transactions", static_cast<int>(done));
    RecordProperty("unacknowledged", static_cast<int>(unacknowledged));
}

TEST(JournalKill, AFirstStartAtAnyMoment) {
    base::Random random(7);
    const auto started = std::chrono::steady_clock::now();
    {
        const Folder folder;
        ASSERT_TRUE(JournalStore::open(folder.journal()));
    }
    const auto takes = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - started);
    for (int round = 0; round < 100; ++round) {
        const Folder folder;
        for (int attempt = 0; attempt < 2; ++attempt) {
            Worker worker([&](int) { (void)JournalStore::open(folder.journal()); });
            pass(random.below(static_cast<std::uint64_t>(takes.count()) + 1000));
            worker.kill();
        }
        auto store = JournalStore::open(folder.journal());
        ASSERT_TRUE(store.has_value()) << "round " << round << ": " << store.error().to_string();
        ASSERT_TRUE(write(**store, 1, Durability::power));
    }
}

// A stop that is cut short: while the WAL is copied and removed.
TEST(JournalKill, AStopAtAnyMoment) {
    const Folder folder;
    const std::string copy = folder.path() + "/copy";
    Rows rows;
    write_and_die(folder.journal(), 0, 400, rows);
    base::Random random(11);
    for (int round = 0; round < 60; ++round) {
        copy_folder(folder.journal(), copy);
        {
            Worker worker([&](int pipe) {
                auto store = JournalStore::open(copy);
                acknowledge(pipe, 1);
                store->reset();
                acknowledge(pipe, 2);
            });
            std::uint64_t open = 0;
            ASSERT_TRUE(worker.next(open));
            pass(random.below(4000));
        }
        auto store = JournalStore::open(copy);
        ASSERT_TRUE(store.has_value()) << "round " << round << ": " << store.error().to_string();
        ASSERT_TRUE(rows_of(**store) == rows) << "round " << round;
    }
}

}  // namespace
}  // namespace s3zipd
