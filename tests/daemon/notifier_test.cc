// What a receiver gets, what it may answer, and what then happens.
#include "daemon/notifier.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <fstream>
#include <future>
#include <sstream>

#include "../io/tls_peer.h"
#include "daemon/notify_delivery.h"
#include "daemon/version.h"
#include "notifier_fixture.h"

namespace s3zipd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Reply = WebhookReceiver::Reply;

// Not by way of our own HMAC.
std::string hmac_hex(const std::string& key, const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        std::array<char, 3> two;
        std::snprintf(two.data(), two.size(), "%02x", mac[i]);
        hex += two.data();
    }
    return hex;
}

void expect_signed(const ReceivedWebhook& request, const std::string& secret) {
    const std::string signature = request.header("s3zipd-signature");
    const std::size_t comma = signature.find(",v1=");
    ASSERT_TRUE(signature.starts_with("t=") && comma != std::string::npos) << signature;
    const std::string time = signature.substr(2, comma - 2);
    EXPECT_NEAR(std::stod(time), static_cast<double>(::time(nullptr)), 60);
    EXPECT_EQ(signature.substr(comma + 4), hmac_hex(secret, time + "." + request.body));
}

// The n-th request gets the n-th of these, later ones the last.
WebhookReceiver::Answer in_turn(std::vector<Reply> replies) {
    return [replies = std::move(replies)](const ReceivedWebhook&, int number) {
        return replies[std::min<std::size_t>(static_cast<std::size_t>(number), replies.size()) - 1];
    };
}

TEST(NotifySignature, IsTheHmacOfTimeAndBody) {
    const base::UtcTime time{milliseconds(1'774'012'800'987)};
    EXPECT_EQ(notify_signature("key", time, "{}"),
              "t=1774012800,v1=" + hmac_hex("key", "1774012800.{}"));
    // printf '1774012800.{}' | openssl dgst -sha256 -hmac key
    EXPECT_EQ(notify_signature("key", time, "{}"),
              "t=1774012800,v1=044fc55e9a5a8f38b26307691bd1c9680e4fe4343e5f95fbf7896eb0732d7292");
}

TEST_F(NotifierTest, APostTheReceiverCanVerify) {
    WebhookReceiver receiver(in_turn({WebhookReceiver::status(200)}));
    start();
    const Outcome outcome = settle(receiver.url("127.0.0.1", "/a%20b/hook?token=x&y=/+"));
    EXPECT_TRUE(outcome.delivered);
    EXPECT_FALSE(outcome.given_up || outcome.pending);
    EXPECT_EQ(outcome.attempts, 1U);
    EXPECT_EQ(outcome.job_id, "J1");
    EXPECT_TRUE(outcome.last.has_value());
    const auto requests = receiver.requests();
    ASSERT_EQ(requests.size(), 1U);
    const ReceivedWebhook& got = requests[0];
    EXPECT_TRUE(got.head.starts_with("POST /a%20b/hook?token=x&y=/+ HTTP/1.1\r\n")) << got.head;
    EXPECT_EQ("http://" + got.header("host") + "/hook", receiver.url());
    EXPECT_EQ(got.header("content-type"), "application/json");
    EXPECT_EQ(got.header("user-agent"), "s3zipd/" + std::string(kVersion));
    EXPECT_EQ(got.header("s3zipd-event"), "archive.ended");
    EXPECT_EQ(got.header("s3zipd-delivery"), "J1");
    EXPECT_EQ(got.body, kBody);
    expect_signed(got, kSecret);
}

TEST_F(NotifierTest, EverySuccessIsOne) {
    WebhookReceiver receiver(in_turn(
        {WebhookReceiver::status(201),
         WebhookReceiver::status(202),
         {.now = "HTTP/1.1 204 X\r\n\r\n"},
         {.now = "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 X\r\nconnection: close\r\n\r\nto the end"},
         WebhookReceiver::status(299)}));
    start();
    for (std::size_t i = 1; i <= 5; ++i) {
        post(receiver.url(), "J" + std::to_string(i));
        EXPECT_TRUE(wait_for(i).back().delivered) << i;
    }
}

TEST_F(NotifierTest, FailuresAreTriedAgainUntilOneGoesThrough) {
    WebhookReceiver receiver(in_turn({WebhookReceiver::status(500),
                                      WebhookReceiver::status(429),
                                      WebhookReceiver::status(404),
                                      {.now = "", .reset = true},
                                      {.now = "no HTTP\r\n\r\n"},
                                      {.now = "HTTP/1.1 200 X\r\ncontent-le"},
                                      {.now = ""},
                                      WebhookReceiver::status(200)}));
    start();
    EXPECT_TRUE(settle(receiver.url()).delivered);
    const auto all = outcomes();
    ASSERT_EQ(all.size(), 8U);
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < all.size(); ++i) {
        codes.push_back(code_of(all[i]));
        EXPECT_EQ(all[i].attempts, i + 1);
        EXPECT_EQ(all[i].pending, i < 7);
        EXPECT_FALSE(all[i].given_up);
    }
    EXPECT_EQ(codes[0], "http_status");
    EXPECT_THAT(all[0].last.error().detail, HasSubstr("answered 500"));
    EXPECT_EQ(all[0].last.error().http_status, 500);
    EXPECT_EQ(codes[4], "bad_http_response");
    EXPECT_EQ(codes[6], "connection_closed");
    EXPECT_EQ(codes[7], "none");
    // The same delivery each time.
    for (const ReceivedWebhook& request : receiver.requests()) {
        EXPECT_EQ(request.header("s3zipd-delivery"), "J1");
        EXPECT_EQ(request.body, kBody);
        expect_signed(request, kSecret);
    }
}

TEST_F(NotifierTest, NobodyThereIsTriedAgainAndGivenUp) {
    std::string url;
    {
        const WebhookReceiver gone(in_turn({WebhookReceiver::status(200)}));
        url = gone.url();
    }
    config.attempts_max = 7;
    start();
    const Outcome last = settle(url);
    EXPECT_TRUE(last.given_up);
    EXPECT_FALSE(last.delivered || last.pending);
    EXPECT_EQ(last.attempts, 7U);
    EXPECT_EQ(last.last.error().kind, base::ErrorKind::transient);
    EXPECT_EQ(outcomes().size(), 7U);
}

TEST_F(NotifierTest, AttemptsOfEarlierProcessesCount) {
    WebhookReceiver receiver(in_turn({WebhookReceiver::status(503)}));
    config.attempts_max = 24;
    start();
    post(receiver.url(), "J1", 22);
    const auto all = wait_for(2);
    EXPECT_EQ(all[0].attempts, 23U);
    EXPECT_TRUE(all[0].pending);
    EXPECT_EQ(all[1].attempts, 24U);
    EXPECT_TRUE(all[1].given_up);
    EXPECT_EQ(receiver.requests().size(), 2U);
}

// Who says no is asked fewer times; but not if it says something else in between.
TEST_F(NotifierTest, RefusalsInARowEndIt) {
    for (const int status : {301, 400, 401, 404, 410, 422}) {
        WebhookReceiver receiver(in_turn({WebhookReceiver::status(status)}));
        start();
        const std::size_t before = outcomes().size();
        post(receiver.url());
        const auto all = wait_for(before + 5);
        EXPECT_TRUE(all.back().given_up) << status;
        EXPECT_EQ(all.back().attempts, 5U) << status;
        EXPECT_EQ(all.back().last.error().http_status, status);
    }
    for (const int status : {408, 425, 429, 500, 599}) {
        const Reply no = WebhookReceiver::status(404), later = WebhookReceiver::status(status);
        WebhookReceiver receiver(
            in_turn({no, no, no, no, later, no, no, no, no, WebhookReceiver::status(200)}));
        start();
        const std::size_t before = outcomes().size();
        post(receiver.url());
        EXPECT_TRUE(wait_for(before + 10).back().delivered) << status;
    }
}

TEST_F(NotifierTest, RedirectsAreNotFollowed) {
    WebhookReceiver other(in_turn({WebhookReceiver::status(200)}));
    WebhookReceiver receiver(
        in_turn({WebhookReceiver::status(307, "location: " + other.url() + "\r\n")}));
    start();
    const Outcome outcome = settle(receiver.url());
    EXPECT_TRUE(outcome.given_up);
    EXPECT_EQ(code_of(outcome), "redirect");
    EXPECT_THAT(outcome.last.error().detail, HasSubstr("redirects are not followed"));
    EXPECT_EQ(other.connections(), 0);
}

TEST_F(NotifierTest, RetryAfterIsWaitedForUpToItsMaximum) {
    WebhookReceiver receiver(in_turn(
        {WebhookReceiver::status(503, "retry-after: 1\r\n"),
         WebhookReceiver::status(503, "retry-after: 3000\r\n"),
         WebhookReceiver::status(503, "retry-after: Fri, 20 Nov 2116 13:05:02 GMT\r\n"),
         WebhookReceiver::status(503, "retry-after: soon\r\n"), WebhookReceiver::status(200)}));
    config.retry_after_max = milliseconds(200);
    start();
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(settle(receiver.url()).delivered);
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, milliseconds(600));  // thrice the maximum; without it, milliseconds
    EXPECT_LT(took, milliseconds(15'000));
    EXPECT_EQ(outcomes().size(), 5U);
}

TEST_F(NotifierTest, ASilentReceiverCostsOneAttempt) {
    WebhookReceiver receiver(
        in_turn({{.now = "", .hold = true}, {.now = "HTTP/1.1 200 ", .hold = true}}));
    config.attempt_timeout = milliseconds(50);
    config.attempts_max = 3;
    start();
    const Outcome last = settle(receiver.url());
    EXPECT_TRUE(last.given_up);
    EXPECT_EQ(code_of(last), "timeout");
    EXPECT_EQ(last.last.error().kind, base::ErrorKind::transient);
}

// The head says it; what follows is not waited for, however much it is to be.
TEST_F(NotifierTest, ASlowOrLargeBodyIsCut) {
    const std::string head = "HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n\r\n";
    WebhookReceiver receiver(in_turn(
        {{.now = head + "slow", .hold = true}, {.now = head + std::string(1'000'000, 'l')}}));
    start();
    post(receiver.url(), "J1");
    EXPECT_TRUE(wait_for(1)[0].delivered);
    post(receiver.url(), "J2");
    EXPECT_TRUE(wait_for(2)[1].delivered);
}

TEST_F(NotifierTest, NothingSecretIsReportedOrLogged) {
    WebhookReceiver receiver(in_turn({WebhookReceiver::status(500)}));
    config.attempts_max = 2;
    start();
    testing::internal::CaptureStderr();
    const Outcome outcome = settle(receiver.url("127.0.0.1", "/private/path?token=private"));
    notifier.reset();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("webhook failed"));
    EXPECT_THAT(log, HasSubstr("webhook given up"));
    EXPECT_THAT(log, HasSubstr("J1"));
    EXPECT_THAT(log, HasSubstr("answered 500"));
    for (const std::string& text : {log, outcome.last.error().to_string()}) {
        EXPECT_THAT(text, Not(HasSubstr("private")));
        EXPECT_THAT(text, Not(HasSubstr(kSecret)));
    }
}

TEST_F(NotifierTest, TrustsTheCaBundleAndNoOther) {
    const io::TestCa ca, other;
    const io::Identity identity = ca.issue("IP:127.0.0.1");
    for (const bool trusted : {true, false}) {
        io::Listener listener;
        auto served = std::async(std::launch::async, [&] {
            io::TlsPeer peer(listener.accept(), identity, TLS1_3_VERSION);
            if (!peer.handshake()) return std::string();
            std::string text;
            while (!text.ends_with(kBody)) {
                const auto more = peer.read_exactly(1);
                if (more.empty()) break;
                text += static_cast<char>(more[0]);
            }
            peer.write(base::as_bytes("HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n"));
            return text;
        });
        config.ca_bundle = trusted ? ca.pem_file() : other.pem_file();
        config.attempts_max = 1;
        start();
        const std::size_t before = outcomes().size();
        post("https://" + listener.address().to_string() + "/hook");
        const Outcome outcome = wait_for(before + 1).back();
        EXPECT_EQ(outcome.delivered, trusted);
        EXPECT_EQ(code_of(outcome), trusted ? "none" : "tls_certificate");
        EXPECT_EQ(served.get().starts_with("POST /hook HTTP/1.1\r\n"), trusted);
    }
}

TEST_F(NotifierTest, ABundleThatCannotBeReadStartsNothing) {
    config.ca_bundle = "/nonexistent.pem";
    const auto made = Notifier::start(config, [](const Outcome&) {});
    ASSERT_FALSE(made.has_value());
    EXPECT_THAT(made.error().detail, HasSubstr("/nonexistent.pem"));
}

// The sample of docs/API.md, run as it stands there.
class Sample {
  public:
    Sample() : file_(testing::TempDir() + "notify_sample_" + std::to_string(::getpid()) + ".py") {
        std::stringstream page;
        page << std::ifstream(S3ZIPD_API_DOC).rdbuf();
        std::string text = page.str();
        text.erase(0, text.find("\n## Webhooks"));
        text.erase(0, text.find("```python\n") + 10);
        text.resize(std::min(text.find("```"), text.size()));
        EXPECT_THAT(text, HasSubstr("def verify("));
        std::ofstream(file_) << text
                             << "\nimport os, sys\n"
                                "secret, header, body = sys.argv[1:]\n"
                                "good = verify(os.fsencode(secret), header, os.fsencode(body))\n"
                                "sys.exit(0 if good else 7)\n";
    }
    ~Sample() { ::unlink(file_.c_str()); }
    int run(const std::string& secret, const std::string& header, const std::string& body) {
        const std::string command =
            "python3 " + file_ + " '" + secret + "' '" + header + "' '" + body + "'";
        const int status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    const std::string file_;
};

TEST(NotifySample, VerifiesWhatWeSign) {
    Sample sample;
    const std::string secret = "a secret", body = R"({"id":"J1"})";
    const base::UtcTime now = base::system_clock().utc_now();
    const std::string header = notify_signature(secret, now, body);
    EXPECT_EQ(sample.run(secret, header, body), 0);
    EXPECT_EQ(sample.run(secret, header, body + " "), 7);
    EXPECT_EQ(sample.run("another", header, body), 7);
    EXPECT_EQ(sample.run(secret, "t=" + header.substr(3), body), 7);
    const base::UtcTime old = now - std::chrono::minutes(10);
    EXPECT_EQ(sample.run(secret, notify_signature(secret, old, body), body), 7);
}

}  // namespace
}  // namespace s3zipd
