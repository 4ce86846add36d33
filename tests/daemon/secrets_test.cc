// No secret leaves the daemon but to S3: they are planted wherever they may come in, then all that
// it says, answers and writes is searched for them.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "daemon_process.h"
#include "s3sim/server.h"
#include "temp_folder.h"
#include "test_client.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

// Each as it is, and as others write it. None is part of another.
const std::string kSecretKey = "planted+secret/access+key0000";
const std::string kSessionToken = "planted-session-token-111111";
const std::string kToken = "planted-bearer-token-2222222";
const std::string kWebhookSecret = "planted-webhook-secret-33333";
const std::string kCustomerKey = "planted-customer-key-44444444444";  // 32 bytes
const std::string kUrlPassword = "planted-url-password-666666";

std::set<std::string> spellings(const std::string& secret) {
    std::string hex, percent;
    for (const char c : secret) {
        char two[4];
        std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
        hex += two;
        percent += std::isalnum(static_cast<unsigned char>(c)) || c == '-' ? std::string(1, c)
                                                                           : std::string("%") + two;
    }
    return {secret, base::base64(base::as_bytes(secret)), hex, percent};
}

void expect_none(const std::string& text, const std::string& where) {
    for (const auto& secret :
         {kSecretKey, kSessionToken, kToken, kWebhookSecret, kCustomerKey, kUrlPassword}) {
        for (const std::string& spelling : spellings(secret)) {
            const std::size_t at = text.find(spelling);
            EXPECT_EQ(at, std::string::npos)
                << where << ": ..." << text.substr(at < 60 ? 0 : at - 60, 200);
        }
    }
}

class SecretsTest : public testing::Test {
  protected:
    SecretsTest() {
        s3sim::Options options;
        options.buckets = {"photos", "out"};
        options.secret_key = kSecretKey;
        options.session_token = kSessionToken;
        sim_ = std::move(*s3sim::Server::start(options));
        EXPECT_TRUE(sim_->put("photos", "a.txt", "hello"));
        std::ofstream(folder_ / "webhook") << kWebhookSecret << "\n";
        chmod((folder_ / "webhook").c_str(), 0600);
    }
    std::unique_ptr<DaemonProcess> start(std::vector<std::string> more) {
        std::vector<std::string> arguments = {
            "--listen", "127.0.0.1:0", "--memory", "32MiB", "--reactors", "1", "--log-level",
            "debug", "--notify-allow", "127.0.0.0/8", "--state-dir", folder_ / "state",
            "--notify-secret-file", folder_ / "webhook",
            // printf %s planted-bearer-token-2222222 | sha256sum
            "--admin-token-sha256",
            "da526e2d9a8186ef04514c1c560ce2e6db5ca6833a3561624427653f998d2c16"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return std::make_unique<DaemonProcess>(
            arguments, std::vector<std::string>{"AWS_ACCESS_KEY_ID=s3sim",
                                                "AWS_SECRET_ACCESS_KEY=" + kSecretKey,
                                                "AWS_SESSION_TOKEN=" + kSessionToken,
                                                "AWS_ENDPOINT_URL_S3=" + sim_->endpoint()});
    }
    // Every answer is searched, whatever it is.
    TestResponse call(TestClient& client, std::string_view method, const std::string& target,
                      const std::string& body = {}) {
        auto response =
            client.call(method, target, body, "Authorization: Bearer " + kToken + "\r\n");
        expect_none(response.body, std::string(method) + " " + target);
        for (const auto& [name, value] : response.headers) {
            // A presigned URL has the session token in it, and must.
            if (name != "location" || !target.ends_with("/download")) expect_none(value, name);
        }
        return response;
    }
    std::string finish(TestClient& client, std::uint16_t port, const std::string& body) {
        const auto posted = call(client, "POST", "/archives", body);
        EXPECT_EQ(posted.status, 202) << posted.body;
        const std::string path = posted.headers.at("location");
        TestClient watcher(port);
        watcher.send(TestClient::request_text("GET", path + "/events", "",
                                              "Authorization: Bearer " + kToken + "\r\n"));
        const std::string events = watcher.read_to_end();
        expect_none(events, "events");
        call(client, "GET", path);
        return path;
    }

    const TempFolder folder_;
    std::unique_ptr<s3sim::Server> sim_;
};

std::string request_with(const std::string& source_more, const std::string& destination_more,
                         const std::string& more = {}) {
    return R"({"source":{"bucket":"photos")" + source_more +
           R"(},"destination":{"bucket":"out","key":"a.zip","overwrite":true)" + destination_more +
           "}" + more + "}";
}

TEST_F(SecretsTest, AreNowhere) {
    const std::string key = base::base64(base::as_bytes(kCustomerKey));
    const std::string sealed = R"(,"sse_customer_key":")" + key + "\"";
    const std::string to_sealed = R"(,"sse":{"type":"customer","customer_key":")" + key + "\"}";
    for (const std::string format : {"text", "json"}) {
        auto process = start({"--log-format", format});
        const std::uint16_t port = process->port();
        ASSERT_NE(port, 0) << process->log();
        TestClient client(port);
        const auto done = finish(client, port, request_with("", ""));
        EXPECT_EQ(call(client, "GET", done + "/download").status, 307);
        finish(client, port, request_with(sealed, ""));     // fails: objects without it
        finish(client, port, request_with("", to_sealed));  // succeeds or fails
        finish(client, port, request_with(R"(,"prefix":"none/")", ""));  // fails: empty
        finish(
            client, port,
            request_with("", "", R"(,"notify":{"url":"http://127.0.0.1:9/"})"));  // fails to tell
        // Refused requests that have them in the wrong place.
        call(client, "POST", "/archives",
             request_with("", "", R"(,"notify":{"url":"http://u:)" + kUrlPassword + "@h/\"}"));
        call(client, "POST", "/archives", "{\"" + kToken);
        call(client, "POST", "/archives",
             request_with("", ",\"sse_customer_key\":\"short" + key + "\""));
        call(client, "GET", "/archives?limit=" + kToken.substr(0, 3));
        call(client, "GET", "/metrics");
        call(client, "GET", "/version");
        call(client, "GET", "/archives?limit=100");
        // Keys that are wrong now: S3's refusals are told and logged.
        sim_->set_credentials("s3sim", "another", kSessionToken);
        finish(client, port, request_with("", ""));
        sim_->set_credentials("s3sim", kSecretKey, kSessionToken);
        process->send(SIGHUP);
        process->read_until("reloaded");
        process->send(SIGTERM);
        EXPECT_EQ(process->exit_code(), 0);
        EXPECT_THAT(process->log(), HasSubstr("stopped"));
        expect_none(process->log(), "the log");
    }
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_ / "state")) {
        std::ifstream in(file.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        expect_none(text, file.path().string());
        ++files;
    }
    EXPECT_GE(files, 3u);
}

// The search finds what is there.
TEST_F(SecretsTest, WouldBeFound) {
    EXPECT_NONFATAL_FAILURE(expect_none("a " + kToken, "here"), "here");
    EXPECT_NONFATAL_FAILURE(expect_none(base::base64(base::as_bytes(kCustomerKey)), "here"),
                            "here");
}

}  // namespace
}  // namespace s3zipd
