// A daemon that a test may end and start again on one state directory, before an s3sim in this
// process.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon_process.h"
#include "request_log.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"

namespace s3zipd {

class SurvivalTest : public testing::Test {
  protected:
    void SetUp() override {
        s3sim::Options options;
        options.buckets = {"photos", "out"};
        options.synthetic = {{"big", "count=40,size=1500000"}};  // 60 MB
        options.watch = [this](const s3sim::WatchedRequest& request) { log_.add(request); };
        auto sim = s3sim::Server::start(std::move(options));
        ASSERT_TRUE(sim.has_value());
        sim_ = std::move(*sim);
        ASSERT_TRUE(sim_->put("photos", "a.txt", "hello"));
    }
    void TearDown() override {
        if (HasFailure() && process_) std::puts(process_->log().c_str());
        process_.reset();
        sim_.reset();  // before log_
    }

    static const char* io() {
        const char* only = std::getenv("S3ZIPD_TEST_IO");
        return only == nullptr ? "uring" : only;
    }
    std::unique_ptr<DaemonProcess> make_process(const std::vector<std::string>& more,
                                                bool (*before_exec)(const char*) = nullptr,
                                                const std::string& argument = {}) const {
        std::vector<std::string> arguments = {
            "--listen", "127.0.0.1:0", "--memory",    "32MiB", "--reactors",  "1",
            "--io",     io(),          "--part-size", "5MiB",  "--state-dir", state_.path()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return std::make_unique<DaemonProcess>(
            arguments,
            std::vector<std::string>{"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
                                     "AWS_ENDPOINT_URL_S3=" + sim_->endpoint()},
            before_exec, argument);
    }
    void start(const std::vector<std::string>& more = {},
               bool (*before_exec)(const char*) = nullptr, const std::string& argument = {}) {
        process_.reset();
        log_.begin_life(true);
        process_ = make_process(more, before_exec, argument);
        ASSERT_NE(process_->port(), 0) << process_->log();
    }
    void kill_it() {
        process_->send(SIGKILL);
        ASSERT_EQ(process_->exit_code(), 1000 + SIGKILL);
    }

    // Waits for what others are about to do.
    template <typename Condition>
    static bool comes_true(const Condition& condition,
                           std::chrono::seconds within = DaemonProcess::kPatience) {
        const auto deadline = std::chrono::steady_clock::now() + within;
        while (!condition()) {
            if (std::chrono::steady_clock::now() >= deadline) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    TestResponse call(std::string_view method, const std::string& target,
                      const std::string& body = {}) {
        TestClient client(process_->port());
        return client.call(method, target, body);
    }
    static std::string body(const std::string& bucket, const std::string& key) {
        return R"({"source":{"bucket":")" + bucket + R"("},"destination":{"bucket":"out","key":")" +
               key + R"("}})";
    }
    std::string post(const std::string& bucket, const std::string& key) {
        const TestResponse response = call("POST", "/archives", body(bucket, key));
        EXPECT_EQ(response.status, 202) << response.body;
        return response.status == 202 ? text_at(response.body, "/id") : "";
    }
    static std::string text_at(const std::string& json, const std::string& pointer) {
        boost::json::error_code error;
        const boost::json::value value = boost::json::parse(json, error);
        const auto* found = error ? nullptr : value.find_pointer(pointer, error);
        if (found == nullptr) return "absent";
        return found->is_string() ? std::string(found->as_string())
                                  : boost::json::serialize(*found);
    }
    // The job as its last event has it.
    std::string until_end(const std::string& id) {
        TestClient client(process_->port());
        client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
        client.read_until("event: state");
        const std::string event = client.read_until("\n\n");
        const std::size_t data = event.find("data: ");
        return data == std::string::npos ? "" : event.substr(data + 6);
    }
    void until_parts_are_done(const std::string& id) {
        TestClient client(process_->port());
        client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
        client.read_until("\"parts_done\":0");
        while (true) {
            const std::string event = client.read_until("\n\n");
            ASSERT_THAT(event, testing::HasSubstr("\n"));
            const std::size_t data = event.find("data: ");
            if (data == std::string::npos) continue;
            const std::string done = text_at(event.substr(data + 6), "/progress/parts_done");
            if (done != "0" && done != "absent") return;
        }
    }

    TempFolder state_;
    RequestLog log_;
    std::unique_ptr<s3sim::Server> sim_;
    std::unique_ptr<DaemonProcess> process_;
};

}  // namespace s3zipd
