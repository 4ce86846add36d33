// What the tests of the journal's store share: a directory that goes away, transactions that are a
// function of their number alone and what the rows must be after them, and processes that are
// killed.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "daemon/journal_directory.h"
#include "daemon/journal_store.h"

namespace s3zipd {

class Folder {
  public:
    // In memory, where an fsync is free, if there is room.
    Folder() {
        struct statvfs space{};
        const bool memory = ::statvfs("/dev/shm", &space) == 0 &&
                            space.f_bavail * space.f_frsize > (std::uint64_t{1} << 30);
        path_ = memory ? "/dev/shm/s3zipd-journal-XXXXXX" : "/tmp/s3zipd-journal-XXXXXX";
        CHECK(::mkdtemp(path_.data()) != nullptr);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }
    std::string journal() const { return path_ + "/journal"; }

  private:
    std::string path_;
};

inline std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_file(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}
inline void copy_folder(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

using Rows = std::map<std::tuple<std::string, int, std::uint64_t>, std::string>;

inline Rows rows_of(JournalStore& store) {
    Rows rows;
    std::tuple<std::string, int, std::uint64_t> last{"", -1, 0};
    const auto done =
        store.for_each([](std::uint8_t) { return true; },
                       [&](const JournalStore::Key& key, std::string_view data) {
                           std::tuple at(std::string(key.job), int{key.kind}, key.number);
                           EXPECT_LT(last, at);
                           last = at;
                           rows.emplace(std::move(at), data);
                           return base::Status{};
                       });
    EXPECT_TRUE(done.has_value()) << done.error().to_string();
    return rows;
}

// One change of a transaction.
struct Change {
    bool erases = false;
    std::string job;
    std::uint8_t kind = 0;
    std::uint64_t number = 0;    // of a put
    std::uint8_t kind_last = 0;  // of an erase
    std::string data;
};

// Transaction `n`: a few small rows, now and then a large one, now and then a job that goes.
inline std::vector<Change> changes_of(std::uint64_t n) {
    base::Random random(n + 1);
    std::vector<Change> changes(1 + random.below(4));
    for (Change& change : changes) {
        change.job = "job-" + std::to_string(random.below(12));
        change.kind = static_cast<std::uint8_t>(random.below(4));
        if (random.below(12) == 0) {
            change.erases = true;
            change.kind_last = static_cast<std::uint8_t>(random.below(5));
            continue;
        }
        change.number = random.below(40);
        const std::uint64_t sizes[] = {20, 200, 2'000, 30'000};
        const std::uint64_t draw = random.below(20);
        const std::uint64_t size = sizes[draw < 10 ? 0 : draw < 17 ? 1 : draw < 19 ? 2 : 3];
        change.data.resize(random.below(size + 1));
        for (char& byte : change.data) byte = static_cast<char>(random.next());
    }
    return changes;
}

inline void add_changes(std::uint64_t n, Rows& rows) {
    for (const Change& change : changes_of(n)) {
        if (!change.erases) {
            rows[{change.job, change.kind, change.number}] = change.data;
            continue;
        }
        std::erase_if(rows, [&](const auto& row) {
            const auto& [job, kind, number] = row.first;
            return job == change.job && kind >= change.kind && kind <= change.kind_last;
        });
    }
}

inline base::Status write(JournalStore& store, std::uint64_t n, Durability durability) {
    if (auto begun = store.begin(); !begun) return begun;
    for (const Change& change : changes_of(n)) {
        // An error stays with the transaction: commit() repeats it.
        (void)(change.erases ? store.erase(change.job, change.kind, change.kind_last)
                             : store.put({change.job, change.kind, change.number}, change.data));
    }
    return store.commit(durability);
}

// Some of each: most commits of a daemon need not survive a power failure.
inline Durability durability_of(std::uint64_t n) {
    return n % 16 == 0 ? Durability::power : Durability::process;
}

// Runs `body` in a process that ends without a destructor, as a killed one does.
inline void in_process_that_dies(const std::function<bool()>& body) {
    const pid_t pid = ::fork();
    CHECK(pid >= 0);
    if (pid == 0) ::_exit(body() ? 0 : 1);
    int status = 0;
    CHECK(::waitpid(pid, &status, 0) == pid);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// The transactions first..last, left in the WAL by a process that died. Adds them to `rows`.
inline void write_and_die(const std::string& directory, std::uint64_t first, std::uint64_t last,
                          Rows& rows) {
    in_process_that_dies([&] {
        auto store = JournalStore::open(directory);
        for (std::uint64_t n = first; store && n <= last; ++n) {
            if (!write(**store, n, durability_of(n))) return false;
        }
        if (!store) return false;
        store->release();
        return true;
    });
    for (std::uint64_t n = first; n <= last; ++n) add_changes(n, rows);
}

}  // namespace s3zipd
