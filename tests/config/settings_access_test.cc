// Where the API listens and who may use it; what may change while the daemon runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.h"
#include "config/settings_table.h"
#include "temporary_file.h"

namespace config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kNoFile = "/nonexistent/s3zipd.toml";
const std::string kDigest = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

base::Result<Settings> load_flags(const std::vector<std::string>& arguments,
                                  const Environment& env = {}) {
    return load(arguments, env, kNoFile);
}
std::string error_of(const std::vector<std::string>& arguments, const Environment& env = {}) {
    const auto settings = load_flags(arguments, env);
    return settings ? "no error" : settings.error().detail;
}

TEST(Listen, Several) {
    const auto s =
        load_flags({"--listen", "127.0.0.1:0, [::1]:8421,unix:/run/s3zipd/a.sock,localhost:1"});
    ASSERT_TRUE(s) << s.error().detail;
    EXPECT_THAT(
        s->listen,
        ElementsAre(ListenAddress{"127.0.0.1", 0, {}}, ListenAddress{"::1", 8421, {}},
                    ListenAddress{{}, 0, "/run/s3zipd/a.sock"}, ListenAddress{"127.0.0.1", 1, {}}));
    EXPECT_EQ(to_string(s->listen[1]), "[::1]:8421");
    EXPECT_EQ(to_string(s->listen[2]), "unix:/run/s3zipd/a.sock");
    EXPECT_EQ(to_string(s->listen[3]), "127.0.0.1:1");
    EXPECT_EQ(load_flags({"--listen=127.0.0.1:0,127.0.0.1:0"})->listen.size(), 2u);
}

TEST(Listen, Refused) {
    for (const char* bad : {"", ",", "127.0.0.1:1,", "unix:", "unix:/", "unix:rel", "unix:/dir/",
                            "unix:@abstract", "UNIX:/a", "[::1:8420", "[127.0.0.1]:1", "[:::]:1",
                            "[::1]:", "::1", "127.0.0.1:1;[::1]:1"}) {
        EXPECT_THAT(error_of({"--listen", bad}), HasSubstr("must be ADDR:PORT")) << bad;
    }
    EXPECT_THAT(error_of({"--listen=127.0.0.1:1,localhost:1"}), HasSubstr("has an address twice"));
    EXPECT_THAT(error_of({"--listen=unix:/a,unix:/a"}), HasSubstr("has an address twice"));
    EXPECT_EQ(error_of({"--listen=unix:/" + std::string(106, 'a')}), "no error");
    EXPECT_THAT(error_of({"--listen=unix:/" + std::string(107, 'a')}), HasSubstr("too long"));
    std::string many = "127.0.0.1:1";
    for (int port = 2; port <= 17; ++port) many += ",127.0.0.1:" + std::to_string(port);
    EXPECT_THAT(error_of({"--listen", many}), HasSubstr("has more than 16 addresses"));
}

TEST(Access, WithoutItOnlyThisMachine) {
    for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1",
                              "unix:/run/x", "unix:/run/x,127.0.0.1:1"}) {
        EXPECT_EQ(error_of({"--listen", local}), "no error") << local;
    }
    for (const char* open : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "[fe80::1]:1",
                             "[::ffff:10.0.0.1]:1"}) {
        const std::string error = error_of({"--listen", std::string("127.0.0.1:1,") + open});
        EXPECT_THAT(error,
                    testing::StartsWith(std::string("--listen: ") + open + " can be reached"));
        EXPECT_THAT(error, HasSubstr("set tokens_file, admin_token_sha256 or tls_client_ca"));
        EXPECT_EQ(error_of({"--listen", open, "--admin-token-sha256", kDigest}), "no error");
        EXPECT_EQ(error_of({"--listen", open, "--tokens-file=/dev/null"}), "no error");
        EXPECT_EQ(error_of({"--listen", open, "--tls-certificate=/dev/null", "--tls-key=/dev/null",
                            "--tls-client-ca=/dev/null"}),
                  "no error");
        // Encrypted is not guarded.
        EXPECT_THAT(
            error_of({"--listen", open, "--tls-certificate=/dev/null", "--tls-key=/dev/null"}),
            HasSubstr("can be reached"));
    }
    EXPECT_THAT(error_of({}, {{"S3ZIPD_LISTEN", "0.0.0.0:8420"}}),
                testing::StartsWith("S3ZIPD_LISTEN: 0.0.0.0:8420 can be reached"));
    EXPECT_EQ(
        error_of({}, {{"S3ZIPD_LISTEN", "0.0.0.0:8420"}, {"S3ZIPD_ADMIN_TOKEN_SHA256", kDigest}}),
        "no error");
}

TEST(Access, AdminToken) {
    const auto s = load_flags({"--admin-token-sha256", kDigest});
    ASSERT_TRUE(s);
    ASSERT_TRUE(s->admin_token_sha256);
    EXPECT_EQ(s->admin_token_sha256->front(), 0x9f);
    EXPECT_EQ(s->admin_token_sha256->back(), 0x08);
    for (const std::string& plain : {std::string("hunter2"), kDigest.substr(1), kDigest + "0"}) {
        for (const std::string& error :
             {error_of({"--admin-token-sha256", plain}), error_of({"--admin-token-sha25", plain}),
              error_of({"--admin-token=" + plain}),
              error_of({}, {{"S3ZIPD_ADMIN_TOKEN_SHA256", plain}})}) {
            EXPECT_NE(error, "no error");
            EXPECT_THAT(error, Not(HasSubstr(plain)));
        }
    }
}

TEST(Access, TlsNeedsItsParts) {
    EXPECT_EQ(error_of({"--tls-certificate=/dev/null", "--tls-key=/dev/null"}), "no error");
    EXPECT_EQ(error_of({"--tls-certificate=/dev/null"}), "--tls-certificate: needs tls_key, too");
    EXPECT_EQ(error_of({"--tls-key=/dev/null"}), "--tls-key: needs tls_certificate, too");
    EXPECT_EQ(error_of({"--tls-client-ca=/dev/null"}),
              "--tls-client-ca: needs tls_certificate and tls_key, too");
    for (const char* flag : {"--tls-certificate", "--tls-key", "--tls-client-ca", "--tokens-file"})
        EXPECT_THAT(error_of({flag, "/nonexistent"}), HasSubstr("/nonexistent cannot be read"));
    EXPECT_THAT(error_of({"--tokens-file", "t.toml"}), HasSubstr("must be an absolute path"));
}

TEST(Access, ModeAndLimits) {
    EXPECT_EQ(load_flags({"--unix-socket-mode", "0600"})->unix_socket_mode, 0600u);
    EXPECT_EQ(load_flags({"--unix-socket-mode", "777"})->unix_socket_mode, 0777u);
    for (const char* bad : {"", "8", "0o660", "1777", "rw", "0660 ", "-1"})
        EXPECT_THAT(error_of({"--unix-socket-mode", bad}), HasSubstr("must be a mode in octal"));
    const auto s = load_flags({"--api-connections=16", "--event-streams=100000"});
    ASSERT_TRUE(s);
    EXPECT_EQ(s->api_connections_max, 16u);
    EXPECT_EQ(s->event_streams_max, 100'000u);
    EXPECT_THAT(error_of({"--api-connections=15"}), HasSubstr("from 16 to 100000"));
    EXPECT_THAT(error_of({"--api-connections=100001"}), HasSubstr("from 16 to 100000"));
    EXPECT_THAT(error_of({"--event-streams=0"}), HasSubstr("from 1 to 100000"));
}

TEST(Reload, DefaultsOfTheTableAreThoseOfTheSettings) {
    const Settings defaults;
    for (const Setting& setting : all_settings()) {
        if (setting.default_text.empty()) continue;
        Settings s;
        EXPECT_EQ(setting.set(s, setting.default_text), "") << setting.name;
        EXPECT_TRUE(s == defaults) << setting.name;
    }
}

TEST(Reload, NamesWhatNeedsARestart) {
    const auto changed = [](const std::vector<std::string>& before,
                            const std::vector<std::string>& now) {
        const auto a = load_flags(before), b = load_flags(now);
        if (!a || !b) return std::vector<std::string>{"error"};
        return changed_needing_restart(*a, *b);
    };
    EXPECT_THAT(changed({}, {}), ElementsAre());
    EXPECT_THAT(changed({}, {"--memory=64MiB", "--listen=127.0.0.1:1", "--log-level=debug"}),
                ElementsAre("listen", "memory"));
    EXPECT_THAT(changed({"--region=a", "--tls-certificate=/dev/null", "--tls-key=/dev/null"}, {}),
                ElementsAre("tls_certificate", "tls_key", "region"));
    // To say the default, or a size in another spelling, is no change.
    EXPECT_THAT(changed({"--memory=64MiB"}, {"--memory=67108864", "--io=auto", "--notify-allow="}),
                ElementsAre());
    EXPECT_THAT(changed({}, {"--tokens-file=/dev/null", "--admin-token-sha256=" + kDigest,
                             "--log-level=warn", "--request-rate=1", "--job-request-rate=1",
                             "--jobs-running-max=1", "--jobs-queued-max=1", "--jobs-kept-max=1",
                             "--jobs-kept-days=1", "--notify-allow=10.0.0.0/8",
                             "--allowed-hosts=zip.example", "--allowed-origins=https://a"}),
                ElementsAre());
    std::size_t reloadable = 0;
    for (const Setting& setting : all_settings()) reloadable += setting.reloadable ? 1 : 0;
    EXPECT_EQ(reloadable, 12u);
}

TEST(Reload, TheFileIsReadAgain) {
    TemporaryFile file("memory = \"64MiB\"\n");
    const auto before = load_flags({"--config", file.path()});
    file.write("memory = \"32MiB\"\n");
    const auto now = load_flags({"--config", file.path()});
    ASSERT_TRUE(before && now);
    EXPECT_THAT(changed_needing_restart(*before, *now), ElementsAre("memory"));
    EXPECT_EQ(now->given.at("memory").place, file.path() + ":1: memory");
}

}  // namespace
}  // namespace config
