// The whole daemon but its main(): API, jobs and the real engine, against an s3sim in this process.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "archive/engine.h"
#include "config/settings.h"
#include "daemon/api.h"
#include "daemon/engine_adapter.h"
#include "daemon/job_service.h"
#include "s3sim/server.h"
#include "temp_journal.h"
#include "test_client.h"

namespace s3zipd {

class E2eTest : public testing::Test {
  protected:
    // `change` may alter the engine's configuration.
    void start(const std::function<void(archive::EngineConfig&)>& change = {},
               s3sim::Options sim = {}) {
        sim.buckets.insert(sim.buckets.end(), {"photos", "out"});
        auto server = s3sim::Server::start(sim);
        ASSERT_TRUE(server.has_value()) << server.error().detail;
        sim_ = std::move(*server);
        config::Settings settings;
        settings.endpoint_url = sim_->endpoint();
        settings.reactors = 2;
        settings.memory_bytes = 64 * config::kMiB;
        // ThreadSanitizer cannot see through a ring.
        const char* io = std::getenv("S3ZIPD_TEST_IO");
        if (io != nullptr && std::string_view(io) == "epoll") settings.io = config::Io::epoll;
        archive::EngineConfig config = engine_config(settings);
        config.access_key_id = sim.access_key;
        config.secret_access_key = sim.secret_key;
        config.environment = s3client::fixed_environment({});
        config.attempts_max = 2;
        if (change) change(config);
        auto engine = archive::Engine::create(config);
        ASSERT_TRUE(engine.has_value()) << engine.error().detail;
        engine_ = std::move(*engine);
        adapter_ = std::make_unique<EngineAdapter>(*engine_);
        jobs_ =
            std::make_unique<JobService>(*adapter_, *journal_, JobLimits{}, base::system_clock());
        jobs_->begin();
        auto api =
            ApiServer::listen({.listen = {{"127.0.0.1", 0, {}}}}, *jobs_, *adapter_, access_);
        ASSERT_TRUE(api.has_value()) << api.error().detail;
        api_ = std::move(*api);
        port_ = port_of(api_->urls().front());
    }
    ~E2eTest() override {
        api_.reset();
        engine_.reset();
        jobs_.reset();
        adapter_.reset();
    }

    static std::uint16_t port_of(const std::string& address) {
        return static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
    }
    TestResponse call(std::string_view method, std::string_view target,
                      std::string_view body = {}) {
        TestClient client(port_);
        return client.call(method, target, body);
    }
    std::string post(const std::string& body) {
        const TestResponse response = call("POST", "/archives", body);
        EXPECT_EQ(response.status, 202) << response.body;
        return response.status == 202 ? text_at(boost::json::parse(response.body), "/id") : "";
    }
    // Follows the job's events until `done` says so; its last JSON.
    boost::json::value follow(const std::string& id,
                              const std::function<bool(const boost::json::value&)>& done) {
        TestClient client(port_);
        client.send(TestClient::request_text("GET", "/archives/" + id + "/events"));
        client.read_until("\r\n\r\n");
        boost::json::value job;
        while (true) {
            const std::string event = client.read_until("\n\n");
            const std::size_t data = event.find("data: ");
            if (data == std::string::npos && event != ":\n\n") return job;
            if (data == std::string::npos) continue;
            job = boost::json::parse(event.substr(data + 6, event.size() - data - 8));
            if (done(job) || event.starts_with("event: state")) return job;
        }
    }
    boost::json::value until_end(const std::string& id) {
        return follow(id, [](const auto&) { return false; });
    }
    boost::json::value run(const std::string& body) { return until_end(post(body)); }

    static std::string at(const boost::json::value& value, const std::string& pointer) {
        boost::json::error_code error;
        const auto* found = value.find_pointer(pointer, error);
        return found == nullptr ? "absent" : boost::json::serialize(*found);
    }
    static std::string text_at(const boost::json::value& value, const std::string& pointer) {
        boost::json::error_code error;
        const auto* found = value.find_pointer(pointer, error);
        return found == nullptr || !found->is_string() ? "absent"
                                                       : std::string(found->as_string().c_str());
    }
    static std::int64_t number_at(const boost::json::value& value, const std::string& pointer) {
        boost::json::error_code error;
        const auto* found = value.find_pointer(pointer, error);
        return found == nullptr || !found->is_int64() ? -1 : found->as_int64();
    }

    // The archive is there, what the job says of it is true, and all of it is right.
    void expect_archive(const boost::json::value& job, const std::string& key,
                        std::int64_t entries) {
        ASSERT_EQ(text_at(job, "/state"), "succeeded") << at(job, "/error");
        EXPECT_EQ(number_at(job, "/result/entries"), entries);
        const auto stored = sim_->head("out", key);
        ASSERT_TRUE(stored.has_value());
        EXPECT_EQ(number_at(job, "/result/size"), static_cast<std::int64_t>(stored->size));
        EXPECT_EQ(std::stoul(text_at(job, "/result/crc32"), nullptr, 16), stored->crc32);
        EXPECT_EQ(text_at(job, "/result/etag"), "\"" + stored->etag + "\"");
        std::promise<base::Result<archive::VerifyReport>> verified;
        engine_->verify({.bucket = "out", .key = key}, {},
                        [&](auto report) { verified.set_value(std::move(report)); });
        const auto report = verified.get_future().get();
        ASSERT_TRUE(report.has_value()) << report.error().detail;
        EXPECT_EQ(static_cast<std::int64_t>(report->entries), entries);
        EXPECT_TRUE(report->findings.empty()) << report->findings.at(0).what;
    }
    void expect_failed(const boost::json::value& job, const std::string& names) {
        EXPECT_EQ(text_at(job, "/state"), "failed");
        EXPECT_NE(text_at(job, "/error/code"), "absent");
        const std::string error = at(job, "/error");
        EXPECT_THAT(text_at(job, "/error/detail") + " " + text_at(job, "/error/key"),
                    testing::HasSubstr(names))
            << error;
        EXPECT_EQ(at(job, "/result"), "absent");
        EXPECT_TRUE(sim_->open_uploads().empty());
    }
    void put_objects(const std::string& prefix, int count, std::size_t size) {
        for (int i = 0; i < count; ++i) {
            const std::string key = prefix + "file " + std::to_string(i) + ".txt";
            ASSERT_TRUE(sim_->put(
                "photos", key,
                std::string(size + static_cast<std::size_t>(i), static_cast<char>('a' + i % 26))));
        }
    }
    static std::string body(const std::string& source, const std::string& key,
                            const std::string& options = "{}", bool overwrite = false) {
        return R"({"source":)" + source + R"(,"destination":{"bucket":"out","key":")" + key +
               R"(","overwrite":)" + (overwrite ? "true" : "false") + R"(},"options":)" + options +
               "}";
    }

    TempJournal journal_;
    std::unique_ptr<s3sim::Server> sim_;
    std::unique_ptr<archive::Engine> engine_;
    std::unique_ptr<EngineAdapter> adapter_;
    Access access_;
    std::unique_ptr<JobService> jobs_;
    std::unique_ptr<ApiServer> api_;
    std::uint16_t port_ = 0;
};

}  // namespace s3zipd
