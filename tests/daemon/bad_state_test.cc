// Bad days of the state directory: read-only, full, garbled. Whatever the day, the daemon has all
// jobs it has accepted, or it says what is wrong and does not start.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "base/random.h"
#include "survival_fixture.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;
using testing::Not;

// In the child, before it becomes the daemon. Root is not stopped by permissions, so these give it
// a view of the file system of its own.
bool unshare_mounts() {
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}
bool mount_read_only(const char* path) {
    return unshare_mounts() && mount(path, path, nullptr, MS_BIND, nullptr) == 0 &&
           mount(path, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
}
bool mount_small(const char* path) {
    return unshare_mounts() && mount("none", path, "tmpfs", 0, "size=4m,mode=0700") == 0;
}
bool enter_mounts(const char* fd) { return setns(std::atoi(fd), CLONE_NEWNS) == 0; }

constexpr const char* kNotPermitted = "mount namespaces are not permitted here";

class BadStateTest : public SurvivalTest {};

TEST_F(BadStateTest, AReadOnlyDirectory) {
    const auto process = make_process({}, mount_read_only, state_.path());
    const int code = process->exit_code();
    if (code == 126) GTEST_SKIP() << kNotPermitted;
    EXPECT_EQ(code, 1);
    EXPECT_THAT(process->log(), HasSubstr("s3zipd: "));
    EXPECT_THAT(process->log(), HasSubstr(state_.path()));
    EXPECT_THAT(process->log(), HasSubstr("ead-only"));
}

TEST_F(BadStateTest, ADirectoryThatCannotBeMade) {
    std::ofstream(state_ / "file") << "x";
    DaemonProcess process({"--listen", "127.0.0.1:0", "--state-dir", state_ / "file/state"});
    EXPECT_EQ(process.exit_code(), 1);
    EXPECT_THAT(process.log(), HasSubstr(state_ / "file/state"));
}

// The rest of a mounted folder, taken by a file in it; gone with this object.
class Filler {
  public:
    explicit Filler(std::string path) : path_(std::move(path)) {
        const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        const std::string block(4096, 'x');
        while (write(fd, block.data(), block.size()) > 0) {
        }
        close(fd);
    }
    ~Filler() { unlink(path_.c_str()); }

  private:
    const std::string path_;
};

TEST_F(BadStateTest, AFullDisk) {
    ASSERT_TRUE(sim_->set_faults("* stall"));
    const std::vector<std::string> flags = {"--jobs-running-max", "1"};
    log_.begin_life(true);
    process_ = make_process(flags, mount_small, state_.path());
    if (process_->port() == 0 && process_->exit_code() == 126) GTEST_SKIP() << kNotPermitted;
    ASSERT_NE(process_->port(), 0) << process_->log();
    const std::string its_proc = "/proc/" + std::to_string(process_->pid());
    const int mounts = open((its_proc + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(mounts, 0);

    std::vector<std::string> accepted = {post("photos", "first.zip")};
    const auto post_large = [&] {  // so that what the journal has room for is soon used up
        std::string objects;
        for (int i = 0; i < 2'000; ++i)
            objects +=
                (i == 0 ? "" : ",") + (R"({"key":"a.txt","name":")" + std::to_string(i)) + "\"}";
        return call("POST", "/archives",
                    R"({"source":{"bucket":"photos","objects":[)" + objects +
                        R"(]},"destination":{"bucket":"out","key":")" +
                        std::to_string(accepted.size()) + R"(.zip"}})");
    };
    {
        const Filler filler(its_proc + "/root" + state_.path() + "/filler");
        TestResponse response;
        for (int i = 0; i < 200 && (response = post_large()).status == 202; ++i)
            accepted.push_back(text_at(response.body, "/id"));
        EXPECT_EQ(response.status, 503) << response.body;
        EXPECT_THAT(response.headers["content-type"], HasSubstr("application/problem+json"));
        EXPECT_TRUE(response.headers.contains("retry-after"));
        EXPECT_EQ(text_at(response.body, "/status"), "503");
        EXPECT_EQ(call("GET", "/healthz").status, 200);
        EXPECT_EQ(call("GET", "/readyz").status, 503);
        EXPECT_EQ(text_at(call("GET", "/archives/" + accepted.front()).body, "/id"),
                  accepted.front());
        EXPECT_EQ(post_large().status, 503);
    }
    // Nobody has to post anything for that.
    ASSERT_TRUE(comes_true([&] { return call("GET", "/readyz").status == 200; }));
    TestResponse response;
    ASSERT_TRUE(comes_true([&] { return (response = post_large()).status == 202; }))
        << response.body;
    accepted.push_back(text_at(response.body, "/id"));

    kill_it();
    ASSERT_TRUE(sim_->set_faults(""));
    start(flags, enter_mounts, std::to_string(mounts));
    const std::string list = call("GET", "/archives?limit=1000").body;
    for (const std::string& id : accepted) {
        EXPECT_THAT(list, HasSubstr(id));
        EXPECT_EQ(text_at(until_end(id), "/state"), "succeeded");
    }
    EXPECT_EQ(boost::json::parse(list).at("archives").as_array().size(), accepted.size());
    close(mounts);
}

// --- a directory that goes away while the daemon runs

namespace fs = std::filesystem;

TEST_F(BadStateTest, ADirectoryThatIsMovedWhileItRuns) {
    start();
    ASSERT_TRUE(sim_->set_faults("PutObject delay=3000"));
    const std::string id = post("photos", "first.zip");
    ASSERT_TRUE(comes_true([&] { return sim_->stats().count("PutObject") >= 1; }));
    const std::string aside = state_.path() + ".aside";
    fs::rename(state_.path(), aside);

    const TestResponse refused = call("POST", "/archives", body("photos", "second.zip"));
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(text_at(refused.body, "/type"), "/problems/journal-unavailable");
    EXPECT_THAT(refused.body, HasSubstr(state_.path()));
    const TestResponse ready = call("GET", "/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_THAT(text_at(ready.body, "/detail"), HasSubstr("journal_replaced"));
    EXPECT_THAT(text_at(ready.body, "/detail"), HasSubstr(state_.path()));
    // Its archive is there by then, but the next process would not know it.
    EXPECT_FALSE(comes_true(
        [&] { return text_at(call("GET", "/archives/" + id).body, "/state") == "succeeded"; },
        std::chrono::seconds(6)));
    EXPECT_TRUE(sim_->head("out", "first.zip").has_value());

    fs::rename(aside, state_.path());
    EXPECT_TRUE(comes_true([&] { return call("GET", "/readyz").status == 200; }));
    EXPECT_EQ(text_at(until_end(id), "/state"), "succeeded");
    EXPECT_NE(post("photos", "third.zip"), "");
    kill_it();
    start();
    EXPECT_EQ(text_at(call("GET", "/archives/" + id).body, "/state"), "succeeded");
    EXPECT_THAT(call("GET", "/archives").body, Not(HasSubstr("second.zip")));
}

TEST_F(BadStateTest, ADirectoryThatIsDeletedWhileItRuns) {
    start();
    EXPECT_EQ(text_at(until_end(post("photos", "first.zip")), "/state"), "succeeded");
    fs::remove_all(state_.path());
    // Also if nobody posts anything.
    EXPECT_TRUE(comes_true([&] { return call("GET", "/readyz").status == 503; }));
    EXPECT_EQ(call("POST", "/archives", body("photos", "second.zip")).status, 503);
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    EXPECT_FALSE(sim_->head("out", "second.zip").has_value());
    start();
    EXPECT_EQ(text_at(until_end(post("photos", "third.zip")), "/state"), "succeeded");
}

// --- garbled files

class GarbledStateTest : public SurvivalTest {
  protected:
    // Jobs that have ended, one that runs, some that wait; then the daemon is killed, and what it
    // leaves is what the copies are made of.
    void SetUp() override {
        SurvivalTest::SetUp();
        start({"--jobs-running-max", "1"});
        for (int i = 0; i < 3; ++i) {
            const std::string id = post("photos", "done" + std::to_string(i) + ".zip");
            states_[id] = text_at(until_end(id), "/state");
        }
        ASSERT_TRUE(sim_->set_faults("UploadPart stall"));
        states_[post("big", "big.zip")] = "";
        ASSERT_TRUE(comes_true([&] { return !sim_->open_uploads().empty(); }));
        for (int i = 0; i < 5; ++i)
            states_[post("photos", "waits" + std::to_string(i) + ".zip")] = "";
        kill_it();
        ASSERT_TRUE(sim_->set_faults("* stall"));
        for (const auto& file : fs::directory_iterator(state_.path())) {
            const std::string name = file.path().filename();
            if (name.starts_with("journal.") && file.file_size() > 0) files_.push_back(name);
        }
        std::ranges::sort(files_);
        ASSERT_THAT(files_, testing::Contains("journal.db-wal"));
    }

    // All jobs are there, or it says why not and does not start.
    void expect_all_or_nothing(const std::string& folder, const std::string& what) {
        DaemonProcess process({"--listen", "127.0.0.1:0", "--memory", "32MiB", "--reactors", "1",
                               "--io", "epoll", "--jobs-running-max", "1", "--state-dir", folder},
                              {"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
                               "AWS_ENDPOINT_URL_S3=" + sim_->endpoint()});
        const std::uint16_t port = process.port();
        if (port == 0) {
            EXPECT_EQ(process.exit_code(), 1) << what << "\n" << process.log();
            EXPECT_THAT(process.log(), HasSubstr("journal")) << what;
            EXPECT_THAT(process.log(), HasSubstr(folder)) << what;
            ++refused_;
            return;
        }
        TestClient client(port);
        for (const auto& [id, state] : states_) {
            const TestResponse response = client.call("GET", "/archives/" + id);
            EXPECT_EQ(response.status, 200) << what << ": job " << id << "\n" << process.log();
            if (!state.empty()) EXPECT_EQ(text_at(response.body, "/state"), state) << what;
        }
        ++started_;
    }

    std::map<std::string, std::string> states_;  // by id; "": it has not ended
    std::vector<std::string> files_;
    std::atomic<int> started_{0}, refused_{0};
};

// Without the zeros at its end, which are room for what comes.
std::uint64_t used_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return bytes.str().find_last_not_of('\0') + 1;
}

// Some bytes of one file become others; now and then the file ends there.
std::string garble(const std::string& folder, const std::vector<std::string>& files,
                   base::Random& random) {
    const std::string name = files[random.below(files.size())];
    const std::string path = folder + "/" + name;
    const std::uint64_t size = used_bytes(path);
    const std::uint64_t at = random.below(size);
    if (random.below(10) == 0) {
        fs::resize_file(path, at);
        return name + " ends at " + std::to_string(at);
    }
    const std::uint64_t count = std::min<std::uint64_t>(1 + random.below(64), size - at);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    for (std::uint64_t i = 0; i < count; ++i) file.put(static_cast<char>(random.next()));
    return name + ": " + std::to_string(count) + " bytes at " + std::to_string(at);
}

TEST_F(GarbledStateTest, AHundredPlaces) {
    constexpr int kPlaces = 100;
    std::atomic<int> next{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = next++; i < kPlaces; i = next++) {
                base::Random random(static_cast<std::uint64_t>(i));
                const TempFolder copy;
                fs::copy(state_.path(), copy.path(), fs::copy_options::recursive);
                expect_all_or_nothing(copy.path(), "place " + std::to_string(i) + ", " +
                                                       garble(copy.path(), files_, random));
            }
        });
    }
    threads.clear();
    EXPECT_GT(refused_, kPlaces / 4);
    RecordProperty("started", started_.load());
}

TEST_F(GarbledStateTest, AFileThatIsGone) {
    for (const std::string& name : files_) {
        const TempFolder copy;
        fs::copy(state_.path(), copy.path(), fs::copy_options::recursive);
        fs::remove(copy / name);
        expect_all_or_nothing(copy.path(), "without " + name);
    }
    const TempFolder copy;
    fs::copy(state_.path(), copy.path(), fs::copy_options::recursive);
    expect_all_or_nothing(copy.path(), "as it was");
    EXPECT_EQ(started_, 1);
    EXPECT_GE(refused_, 1);
}

}  // namespace
}  // namespace s3zipd
