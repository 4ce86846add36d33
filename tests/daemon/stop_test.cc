// The whole daemon taken down while something of it is under way.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../io/loopback.h"
#include "base/ip_network.h"
#include "config/limits.h"
#include "daemon/daemon.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"

namespace s3zipd {
namespace {

// The receiver's end of a webhook that is not answered.
struct HeldWebhook {
    explicit HeldWebhook(io::Listener& listener) : peer(listener.accept()) {
        std::vector<std::byte> some(4096);
        while (!text.contains("\r\n\r\n")) {
            const std::size_t bytes = peer.read_some(some);
            if (bytes == 0) break;
            text.append(reinterpret_cast<const char*>(some.data()), bytes);
        }
    }
    // Reads what has come, without waiting for more.
    bool is_closed_by_sender() const {
        char some[4096];
        ssize_t bytes = 0;
        do bytes = recv(peer.fd(), some, sizeof some, MSG_DONTWAIT);
        while (bytes > 0);
        return bytes == 0;
    }

    io::Peer peer;
    std::string text;
};

// A webhook whose answer came while the daemon ended was told to jobs that were no more: heap
// corruption, seen as an abort after SIGTERM.
TEST(StopTest, NoWebhookIsUnderWayWhenTheJobsAreGone) {
    s3sim::Options options;
    options.buckets = {"photos", "out"};
    auto sim = s3sim::Server::start(options);
    ASSERT_TRUE(sim.has_value()) << sim.error().detail;
    setenv("AWS_ACCESS_KEY_ID", options.access_key.c_str(), 1);
    setenv("AWS_SECRET_ACCESS_KEY", options.secret_key.c_str(), 1);

    const TempFolder folder;
    config::Settings settings;
    settings.listen = {{"127.0.0.1", 0, {}}};
    settings.state_dir = folder.path();
    settings.endpoint_url = (*sim)->endpoint();
    settings.io = config::Io::epoll;
    settings.reactors = 1;
    settings.memory_bytes = 32 * config::kMiB;
    settings.notify_allow = {*base::parse_ip_network("127.0.0.0/8")};
    auto daemon = Daemon::start(settings, {});
    ASSERT_TRUE(daemon.has_value()) << daemon.error().detail;
    const std::string& url = (*daemon)->urls().front();

    io::Listener receiver;
    TestClient client(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    const TestResponse posted =
        client.call("POST", "/archives",
                    R"({"source":{"bucket":"photos","objects":[{"key":"missing"}]},)"
                    R"("destination":{"bucket":"out","key":"a.zip"},)"
                    R"("notify":{"url":"http://)" +
                        receiver.address().to_string() + R"(/hook"}})");
    ASSERT_EQ(posted.status, 202) << posted.body;
    const HeldWebhook webhook(receiver);
    ASSERT_TRUE(webhook.text.starts_with("POST /hook")) << webhook.text;
    EXPECT_FALSE(webhook.is_closed_by_sender());

    (*daemon)->begin_stopping();
    const bool drained = (*daemon)->drain(std::chrono::seconds(20));
    EXPECT_TRUE(drained);
    (*daemon)->stop(drained);
    EXPECT_TRUE(webhook.is_closed_by_sender());
}

}  // namespace
}  // namespace s3zipd
