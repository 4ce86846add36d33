// The REST API on a real socket, with a fake engine behind it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "daemon/api.h"
#include "fake_engine.h"
#include "temp_journal.h"
#include "test_client.h"

namespace s3zipd {

inline const std::string kGoodBody = R"({"source":{"bucket":"photos","prefix":"2026/"},)"
                                     R"("destination":{"bucket":"out","key":"a.zip"}})";

class ApiTest : public testing::Test {
  protected:
    void start(ApiLimits limits = {}, JobLimits job_limits = {}) {
        jobs_ = std::make_unique<JobService>(engine_, *journal_, job_limits, base::system_clock());
        jobs_->begin();
        settings_.limits = limits;
        auto api = ApiServer::listen(settings_, *jobs_, engine_, access_);
        ASSERT_TRUE(api.has_value()) << api.error().detail;
        api_ = std::move(*api);
        const std::string& address = api_->urls().front();
        port_ = static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
    }
    TestResponse call(std::string_view method, std::string_view target, std::string_view body = {},
                      std::string_view headers = {}) {
        TestClient client(port_);
        return client.call(method, target, body, headers);
    }
    // Posts a job and gives its id.
    std::string post(const std::string& body = kGoodBody) {
        const TestResponse response = call("POST", "/archives", body);
        EXPECT_EQ(response.status, 202) << response.body;
        return text_at(response, "/id");
    }
    // Runs `act`, which ends the job, and waits until people are told of it.
    void until_end(const std::string& id, const std::function<void()>& act) {
        std::promise<void> ended;
        const auto token = jobs_->end_listeners().add(id, [&] { ended.set_value(); });
        act();
        EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
        jobs_->end_listeners().remove(token);
    }
    static boost::json::value json_of(const TestResponse& response) {
        boost::json::error_code error;
        boost::json::value value = boost::json::parse(response.body, error);
        EXPECT_FALSE(error) << response.body;
        return value;
    }
    // The value at a JSON pointer, as JSON; "absent" if there is none.
    static std::string at(const boost::json::value& value, const std::string& pointer) {
        boost::json::error_code error;
        const auto* found = value.find_pointer(pointer, error);
        return found == nullptr ? "absent" : boost::json::serialize(*found);
    }
    static std::string text_at(const TestResponse& response, const std::string& pointer) {
        const std::string text = at(json_of(response), pointer);
        return text.size() < 2 ? text : text.substr(1, text.size() - 2);
    }
    static void expect_problem(const TestResponse& response, int status, const std::string& name) {
        EXPECT_EQ(response.status, status) << response.body;
        ASSERT_TRUE(response.headers.contains("content-type"));
        EXPECT_EQ(response.headers.at("content-type"), "application/problem+json");
        EXPECT_EQ(text_at(response, "/type"), "/problems/" + name);
        EXPECT_EQ(at(json_of(response), "/status"), std::to_string(status));
        EXPECT_NE(text_at(response, "/title"), "absent");
        EXPECT_NE(text_at(response, "/detail"), "absent");
    }

    TempJournal journal_;
    FakeEngine engine_;
    Access access_;
    ApiSettings settings_{.listen = {{"127.0.0.1", 0, {}}}};
    std::unique_ptr<JobService> jobs_;
    std::unique_ptr<ApiServer> api_;
    std::uint16_t port_ = 0;
};

}  // namespace s3zipd
