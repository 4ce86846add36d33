// The command against the daemon as it is shipped: TLS with tokens and certificates, and a Unix
// socket.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include "../daemon/daemon_process.h"
#include "config/command_variables.h"
#include "run_command.h"
#include "s3sim/server.h"
#include "temp_files.h"

namespace {

using namespace cli;
using namespace cli_test;
using testing::HasSubstr;
using Words = std::vector<std::string>;

const std::string kExporter = "exporters-Token", kReader = "readers-Token";
const Words kCreate = {"create", "s3://photos/2026/", "-o", "s3://out/a.zip", "--wait"};

std::string hash_of(const std::string& token) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest);
    std::string hex;
    for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
    return hex;
}

class DaemonE2eTest : public testing::Test {
  protected:
    void SetUp() override {
        s3sim::Options options;
        options.buckets = {"photos", "out"};
        auto sim = s3sim::Server::start(options);
        ASSERT_TRUE(sim.has_value());
        sim_ = std::move(*sim);
        ASSERT_TRUE(sim_->put("photos", "2026/a.txt", "hello"));
        tokens_ = files_.write(
            "tokens.toml",
            fmt::format("[[token]]\nname = \"exporter\"\nsha256 = \"{}\"\n"
                        "scopes = [\"submit\", \"read\"]\n"
                        "[[token]]\nname = \"reader\"\nsha256 = \"{}\"\nscopes = [\"read\"]\n"
                        "[[token]]\nname = \"by-certificate\"\ncertificate = \"exporter.example\"\n"
                        "scopes = [\"submit\", \"read\"]\n",
                        hash_of(kExporter), hash_of(kReader)));
    }
    // `port` is appended to the result; empty: it did not start.
    std::string start(Words more) {
        more.insert(more.end(), {"--memory=32MiB", "--reactors=1", "--io=epoll", "--state-dir",
                                 files_.path("state")});
        daemon_.emplace(more, Words{"AWS_ACCESS_KEY_ID=s3sim", "AWS_SECRET_ACCESS_KEY=s3simsecret",
                                    "AWS_ENDPOINT_URL_S3=" + sim_->endpoint()});
        constexpr std::string_view kMark = "s3zipd listening on ";
        if (!daemon_->read_until(kMark).ends_with(kMark)) return "";
        std::string url = daemon_->read_until("\n");
        url.resize(url.size() - 1);
        return url;
    }
    Words with_tls(Words more = {}) const {
        more.insert(more.end(), {"--tls-certificate", server_certificate_, "--tls-key", server_key_,
                                 "--listen=127.0.0.1:0"});
        return more;
    }
    void expect_archive(const Outcome& outcome) {
        EXPECT_EQ(outcome.code, kDone) << outcome.err << daemon_->log();
        EXPECT_THAT(outcome.out, HasSubstr("s3://out/a.zip: 1 entries"));
        EXPECT_TRUE(sim_->head("out", "a.zip").has_value());
    }

    const TempFiles files_;
    const io::TestCa ca_;
    const io::Identity server_ = ca_.issue("DNS:localhost,IP:127.0.0.1");
    const std::string server_certificate_ = files_.certificate("server.pem", server_);
    const std::string server_key_ = files_.key("server.key", server_);
    std::unique_ptr<s3sim::Server> sim_;
    std::string tokens_;
    std::optional<s3zipd::DaemonProcess> daemon_;
};

TEST_F(DaemonE2eTest, TlsAndTokens) {
    const std::string url = start(with_tls({"--tokens-file", tokens_}));
    ASSERT_THAT(url, testing::StartsWith("https://127.0.0.1:")) << daemon_->log();
    const ScopedVariable ca(config::kCaFileVariable, ca_.pem_file());
    const Outcome nobody = run(url, {"ls"});
    EXPECT_EQ(nobody.code, kFailed);
    EXPECT_THAT(nobody.err, HasSubstr("(HTTP 401); set a token with S3ZIPD_TOKEN or"));

    const ScopedVariable reader(config::kTokenVariable, kReader);
    EXPECT_EQ(run(url, {"ls"}).code, kDone);
    const Outcome refused = run(url, kCreate);
    EXPECT_EQ(refused.code, kFailed);
    EXPECT_THAT(refused.err, HasSubstr("does not have the scope submit (HTTP 403); the token of "
                                       "S3ZIPD_TOKEN is not enough"));

    Words create = kCreate;
    create.insert(create.end(), {"--token-file", files_.write("token", kExporter + "\n")});
    expect_archive(run(url, create));
    EXPECT_THAT(run(url, {"ls"}).out, HasSubstr("succeeded"));

    const Outcome unencrypted = run("http" + url.substr(5), {"ls"});
    EXPECT_EQ(unencrypted.code, kUnreachable);
    EXPECT_THAT(unencrypted.err, HasSubstr("does it speak TLS there (https://)?"));
    for (const std::string& token : {kExporter, kReader})
        EXPECT_THAT(daemon_->log(), testing::Not(HasSubstr(token)));
}

TEST_F(DaemonE2eTest, Certificates) {
    const std::string url =
        start(with_tls({"--tokens-file", tokens_, "--tls-client-ca", ca_.pem_file()}));
    ASSERT_NE(url, "") << daemon_->log();
    const ScopedVariable ca(config::kCaFileVariable, ca_.pem_file());
    const Outcome without = run(url, {"ls"});
    EXPECT_EQ(without.code, kUnreachable);
    EXPECT_THAT(without.err, HasSubstr("it asks for a certificate of ours: --client-cert"));

    const auto show = [&](const std::string& name, Words words) {
        const io::Identity client = ca_.issue("DNS:" + name);
        words.insert(words.end(), {"--client-cert", files_.certificate("client.pem", client),
                                   "--client-key", files_.key("client.key", client)});
        return run(url, words);
    };
    expect_archive(show("exporter.example", kCreate));
    const Outcome unknown = show("somebody.example", {"ls"});
    EXPECT_EQ(unknown.code, kFailed);
    EXPECT_THAT(unknown.err, HasSubstr("(HTTP 401); the certificate " + files_.path("client.pem") +
                                       " is not known there; "));
}

TEST_F(DaemonE2eTest, AUnixSocket) {
    const std::string url = start({"--listen", "unix:" + files_.path("s3zipd.sock")});
    ASSERT_EQ(url, "unix:" + files_.path("s3zipd.sock")) << daemon_->log();
    expect_archive(run(url, kCreate));
    EXPECT_THAT(run(url, {"ls"}).out, HasSubstr("succeeded"));
}

TEST_F(DaemonE2eTest, HttpsToADaemonWithoutTls) {
    const std::string url = start({"--listen=127.0.0.1:0"});
    ASSERT_THAT(url, testing::StartsWith("http://")) << daemon_->log();
    const Outcome outcome = run("https" + url.substr(4), {"ls"});
    EXPECT_EQ(outcome.code, kUnreachable);
    EXPECT_THAT(outcome.err, HasSubstr("it does not speak TLS there; is it http://?"));
}

}  // namespace
