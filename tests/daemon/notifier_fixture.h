// A Notifier with short delays that may go to the loopback, a name server for it, and what it
// reports.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../io/dns_server.h"
#include "daemon/notifier.h"
#include "webhook_receiver.h"

namespace s3zipd {

class NotifierTest : public testing::Test {
  protected:
    static constexpr const char* kSecret = "a secret of many bytes";
    static constexpr const char* kBody = R"({"id":"J1","state":"succeeded"})";

    NotifierTest() {
        io::ResolverThread::Options options;
        options.servers = dns.servers();
        auto thread = io::ResolverThread::start(options);
        EXPECT_TRUE(thread.has_value());
        config.resolver = std::move(*thread);
        config.secret = kSecret;
        config.allowed = *base::parse_ip_networks("127.0.0.0/8");
        config.delay_first = std::chrono::milliseconds(1);
        config.delay_max = std::chrono::milliseconds(4);
        config.attempt_timeout = std::chrono::seconds(20);
    }
    // The notifier calls back as long as it lives.
    ~NotifierTest() override { notifier.reset(); }

    void start() {
        auto made = Notifier::start(config, [this](const Outcome& outcome) {
            {
                const std::lock_guard lock(mutex_);
                outcomes_.push_back(outcome);
            }
            changed_.notify_all();
        });
        ASSERT_TRUE(made.has_value()) << made.error().to_string();
        notifier = std::move(*made);
    }
    void post(const std::string& url, const std::string& id = "J1", unsigned attempts = 0) {
        notifier->post({id, url, kBody, attempts});
    }
    // Waits, at most 20 s, for so many outcomes.
    std::vector<Outcome> wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20),
                                      [&] { return outcomes_.size() >= count; }));
        return outcomes_;
    }
    // Until the only notification is settled: the last outcome.
    Outcome settle(const std::string& url) {
        post(url);
        std::unique_lock lock(mutex_);
        const auto is_settled = [&] {
            return !outcomes_.empty() && (outcomes_.back().delivered || outcomes_.back().given_up);
        };
        EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), is_settled));
        return outcomes_.empty() ? Outcome{} : outcomes_.back();
    }
    std::vector<Outcome> outcomes() {
        const std::lock_guard lock(mutex_);
        return outcomes_;
    }
    static std::string code_of(const Outcome& outcome) {
        return outcome.last ? "none" : outcome.last.error().code;
    }

    io::DnsServer dns;
    NotifierConfig config;
    std::unique_ptr<Notifier> notifier;

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Outcome> outcomes_;
};

}  // namespace s3zipd
