// The commands over TLS: whom they trust, what they show, what they say when that fails, and how
// connections end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/command_variables.h"
#include "fake_daemon.h"
#include "run_command.h"
#include "temp_files.h"

namespace {

using namespace cli;
using namespace cli_test;
using testing::HasSubstr;
using testing::IsEmpty;

using Words = std::vector<std::string>;

const std::string kEmptyList = R"({"archives":[],"next_cursor":null})";
const std::string kJob = R"({"id":"01JOB","state":"succeeded"})";

std::string answer_all(const Request& request) {
    if (request.target.ends_with("/events")) return events("event: state\ndata: " + kJob + "\n\n");
    return answer(200, request.target.starts_with("/archives?") ? kEmptyList : kJob);
}

class TlsTest : public testing::Test {
  protected:
    Carrier carrier() const {
        Carrier carrier;
        carrier.tls = &server_;
        return carrier;
    }
    Outcome ls(const std::string& url, Words more = {}) const {
        more.insert(more.begin(), {"ls", "--ca-file", ca_.pem_file()});
        return run(url, more);
    }
    // Exit code 3, one line, and no request.
    static void expect_untrusted(const Outcome& outcome, const FakeDaemon& daemon,
                                 const std::string& why) {
        EXPECT_EQ(outcome.code, kUnreachable) << why;
        EXPECT_THAT(outcome.err, testing::StartsWith("s3zip: cannot reach the daemon at "));
        EXPECT_THAT(outcome.err, HasSubstr(why));
        EXPECT_EQ(outcome.out, "");
        EXPECT_THAT(daemon.requests(), IsEmpty());
    }

    const TempFiles files_;
    const io::TestCa ca_, other_ca_{"another test CA"};
    const io::Identity server_ = ca_.issue("DNS:localhost,IP:127.0.0.1");
};

TEST_F(TlsTest, ByAddressAndByName) {
    FakeDaemon daemon(answer_all, carrier());
    EXPECT_EQ(ls(daemon.url()).err, "");
    EXPECT_EQ(ls("https://localhost:" + std::to_string(daemon.port())).code, kDone);
    const ScopedVariable ca(config::kCaFileVariable, ca_.pem_file());
    EXPECT_EQ(run(daemon.url(), {"ls"}).code, kDone);
    ASSERT_EQ(daemon.requests().size(), 3U);
    EXPECT_EQ(daemon.requests()[1].header("Host"), "localhost:" + std::to_string(daemon.port()));
    EXPECT_EQ(daemon.ended_in_order(), 3U);
}

TEST_F(TlsTest, ATokenMayGoAnywhere) {
    const ScopedVariable token(config::kTokenVariable, "5ecret");
    FakeDaemon daemon(answer_all, carrier());
    EXPECT_EQ(ls(daemon.url()).code, kDone);
    EXPECT_EQ(daemon.requests().at(0).header("Authorization"), "Bearer 5ecret");
}

TEST_F(TlsTest, EventStreamsEndInOrder) {
    FakeDaemon daemon(answer_all, carrier());
    const Outcome outcome = run(daemon.url(), {"watch", "01JOB", "--ca-file", ca_.pem_file()});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    ASSERT_EQ(daemon.requests().size(), 2U);
    EXPECT_EQ(daemon.requests()[0].target, "/archives/01JOB/events");
    EXPECT_EQ(daemon.ended_in_order(), 2U);
}

// Whoever cuts the connection could make less of an answer than there was.
TEST_F(TlsTest, AnAnswerWithoutAnEndIsNone) {
    const std::string open_end =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" +
        kEmptyList;
    Carrier cut = carrier();
    cut.cut = true;
    FakeDaemon cutting([&](const Request&) { return open_end; }, cut);
    const Outcome outcome = ls(cutting.url());
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, HasSubstr("truncated"));
    FakeDaemon ending([&](const Request&) { return open_end; }, carrier());
    EXPECT_EQ(ls(ending.url()).code, kDone);
    // An event stream is followed by questions instead.
    FakeDaemon following(
        [&](const Request& request) {
            return request.target.ends_with("/events") ? events("event: prog") : answer(200, kJob);
        },
        cut);
    EXPECT_EQ(run(following.url(), {"watch", "01JOB", "--ca-file", ca_.pem_file()}).code, kDone);
}

TEST_F(TlsTest, ACertificateOfAnUnknownCa) {
    FakeDaemon daemon(answer_all, carrier());
    for (const Words& words : {Words{"ls"}, Words{"ls", "--ca-file", other_ca_.pem_file()}}) {
        expect_untrusted(run(daemon.url(), words), daemon,
                         "signed by a CA that is not known here; --ca-file or S3ZIPD_CA_FILE");
    }
    // Once is enough: asking again would not help.
    const auto before = std::chrono::steady_clock::now();
    expect_untrusted(run(daemon.url(), {"watch", "01JOB"}), daemon, "not known here");
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4));
}

TEST_F(TlsTest, ACertificateOfAnotherName) {
    const io::Identity other = ca_.issue("DNS:zip.example,DNS:127.0.0.1,IP:192.0.2.1");
    Carrier carrier;
    carrier.tls = &other;
    FakeDaemon daemon(answer_all, carrier);
    expect_untrusted(ls(daemon.url()), daemon, "its certificate is not for 127.0.0.1\n");
    expect_untrusted(ls("https://localhost:" + std::to_string(daemon.port())), daemon,
                     "its certificate is not for localhost\n");
}

TEST_F(TlsTest, ACertificateThatHasExpired) {
    const io::Identity old = ca_.issue("IP:127.0.0.1", -1);
    Carrier carrier;
    carrier.tls = &old;
    FakeDaemon daemon(answer_all, carrier);
    expect_untrusted(ls(daemon.url()), daemon, "its certificate has expired\n");
}

TEST_F(TlsTest, VersionsBelow12AreRefused) {
    Carrier old = carrier();
    old.tls_version_max = TLS1_1_VERSION;
    FakeDaemon daemon(answer_all, old);
    expect_untrusted(ls(daemon.url()), daemon, "no TLS of version 1.2 or newer\n");
    old.tls_version_max = TLS1_2_VERSION;
    FakeDaemon good(answer_all, old);
    EXPECT_EQ(ls(good.url()).err, "");
}

TEST_F(TlsTest, ADaemonThatWantsACertificate) {
    const io::Identity client = ca_.issue("DNS:exporter");
    const std::string certificate = files_.certificate("client.pem", client);
    const std::string key = files_.key("client.key", client);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        Carrier asking = carrier();
        asking.client_ca_file = ca_.pem_file();
        asking.tls_version_max = version;
        FakeDaemon daemon(answer_all, asking);
        expect_untrusted(ls(daemon.url()), daemon,
                         "it asks for a certificate of ours: --client-cert and --client-key, or "
                         "S3ZIPD_CLIENT_CERT and S3ZIPD_CLIENT_KEY\n");
        EXPECT_EQ(ls(daemon.url(), {"--client-cert", certificate, "--client-key", key}).err, "");
        const ScopedVariable cert_variable(config::kClientCertVariable, certificate);
        const ScopedVariable key_variable(config::kClientKeyVariable, key);
        EXPECT_EQ(ls(daemon.url()).code, kDone);
        EXPECT_EQ(daemon.requests().size(), 2U);
    }
}

TEST_F(TlsTest, ACertificateThatTheDaemonDoesNotTake) {
    const auto show = [&](const io::Identity& client) {
        return Words{"--client-cert", files_.certificate("client.pem", client), "--client-key",
                     files_.key("client.key", client)};
    };
    Carrier asking = carrier();
    asking.client_ca_file = ca_.pem_file();
    asking.tls_version_max = TLS1_2_VERSION;  // 1.3 tells after the handshake, if it comes to that
    FakeDaemon daemon(answer_all, asking);
    expect_untrusted(ls(daemon.url(), show(other_ca_.issue("DNS:exporter"))), daemon,
                     "(--client-cert)\n");
    expect_untrusted(ls(daemon.url(), show(ca_.issue("DNS:exporter", -1))), daemon,
                     "it says that our certificate (--client-cert) has expired\n");
}

TEST_F(TlsTest, FilesThatAreNoneAreBadUsage) {
    FakeDaemon daemon(answer_all, carrier());
    const io::Identity client = ca_.issue("DNS:exporter"), other = ca_.issue("DNS:other");
    const std::string certificate = files_.certificate("client.pem", client);
    const std::string other_key = files_.key("other.key", other);
    const auto expect = [&](const Words& words, const std::string& why) {
        const Outcome outcome = ls(daemon.url(), words);
        EXPECT_EQ(outcome.code, kBadUsage) << why;
        EXPECT_THAT(outcome.err, HasSubstr(why));
    };
    const std::string none = files_.path("none");
    const Outcome no_ca = run(daemon.url(), {"ls", "--ca-file", none});
    EXPECT_EQ(no_ca.code, kBadUsage);
    EXPECT_THAT(no_ca.err, HasSubstr("s3zip: --ca-file " + none + ": "));
    expect({"--client-cert", none}, "--client-cert " + none + ": ");
    expect({"--client-cert", certificate}, "--client-key " + certificate + ": ");
    expect({"--client-key", other_key}, "--client-key " + other_key + ": goes with --client-cert");
    expect({"--client-cert", certificate, "--client-key", other_key},
           "--client-key " + other_key + ": is not the key of " + certificate);
    EXPECT_THAT(daemon.requests(), IsEmpty());
}

TEST_F(TlsTest, PlainHttpToADaemonWithTls) {
    FakeDaemon tls(answer_all, carrier());
    const std::string http = "http://127.0.0.1:" + std::to_string(tls.port());
    expect_untrusted(run(http, {"ls"}), tls, "does it speak TLS there (https://)?");
}

}  // namespace
