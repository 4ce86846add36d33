// An S3Client on a reactor of the test's own, against an s3sim with the bucket "out" whose clock
// the test sets; and a client that is nobody of ours, to open others' uploads.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "../s3sim/client.h"
#include "base/log.h"
#include "engine_fixture.h"
#include "s3client/client.h"

namespace archive::test {

// The system's clock, as far ahead as the test says.
class StoreClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
    base::UtcTime utc_now() override {
        return base::system_clock().utc_now() + std::chrono::minutes(ahead_min);
    }
    std::atomic<int> ahead_min{0};  // S3 takes signatures up to 15 off
};

class StoreTest : public testing::TestWithParam<IoChoice> {
  protected:
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        reactor = std::make_unique<io::Reactor>(std::move(*io::make_backend(
            GetParam() == IoChoice::uring ? io::BackendChoice::uring : io::BackendChoice::epoll)));
        start_server({});
    }
    void TearDown() override { client.reset(); }  // before the server it talks to

    void start_server(s3sim::Options options) {
        client.reset();
        options.buckets.emplace_back("out");
        options.clock = &clock;
        server = std::move(*s3sim::Server::start(std::move(options)));
        stranger = std::make_unique<s3sim::test::Client>(server->port());
        start_client(server->endpoint());
    }
    void start_client(const std::string& url) {
        s3client::ClientConfig config;
        config.endpoint = *s3client::parse_endpoint(url);
        config.credentials =
            std::move(*s3client::static_credentials({"s3sim", "s3simsecret", {}, std::nullopt}));
        config.retry.attempts_max = 2;
        config.retry.patience = {};
        config.idle_timeout = std::chrono::seconds(30);
        client = std::make_unique<s3client::S3Client>(*reactor, config);
    }
    template <typename T>
    T run(io::Task<T> task) {
        return reactor->run_until_done(std::move(task));
    }

    static inline const s3sim::test::Headers kOurs = {{"x-amz-checksum-algorithm", "CRC32"},
                                                      {"x-amz-checksum-type", "FULL_OBJECT"}};
    // An upload that somebody opens; gives its id.
    std::string open(const std::string& key, s3sim::test::Headers headers = kOurs) {
        return stranger->call("POST", "/out/" + key, "uploads=", {}, std::move(headers))
            .xml("UploadId");
    }
    std::size_t open_uploads() const { return server->open_uploads().size(); }
    std::uint64_t asked(const std::string& operation) const {
        return server->stats().count(operation);
    }

    StoreClock clock;
    std::unique_ptr<io::Reactor> reactor;
    std::unique_ptr<s3sim::Server> server;
    std::unique_ptr<s3client::S3Client> client;
    std::unique_ptr<s3sim::test::Client> stranger;
};

}  // namespace archive::test
