#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>

#include "config/command_variables.h"

namespace config {
namespace {

using testing::HasSubstr;

constexpr const char* kNoFile = "/nonexistent/s3zipd.toml";

class SettingsTest : public testing::Test {
  protected:
    SettingsTest() {
        std::string name = testing::TempDir() + "s3zipd-settings-XXXXXX";
        const int fd = mkstemp(name.data());
        if (fd >= 0) close(fd);
        file_ = name;
    }
    ~SettingsTest() override { unlink(file_.c_str()); }

    const std::string& write(const std::string& text) {
        std::ofstream(file_) << text;
        return file_;
    }
    // What load() says of this file.
    std::string error_of(const std::string& text) {
        const auto settings = load({"--config", write(text)}, {}, kNoFile);
        return settings ? "no error" : settings.error().detail;
    }
    static std::string error_of_flags(const std::vector<std::string>& arguments,
                                      const Environment& env = {}) {
        const auto settings = load(arguments, env, kNoFile);
        return settings ? "no error" : settings.error().detail;
    }

    std::string file_;
};

TEST_F(SettingsTest, DefaultsWithoutAnything) {
    const auto s = load({}, {}, kNoFile);
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->action, Action::run);
    EXPECT_THAT(s->listen, testing::ElementsAre(ListenAddress{"127.0.0.1", 8420, {}}));
    EXPECT_EQ(s->unix_socket_mode, 0660u);
    EXPECT_EQ(s->api_connections_max, 4'096u);
    EXPECT_EQ(s->event_streams_max, 3'072u);
    EXPECT_EQ(s->tokens_file, "");
    EXPECT_FALSE(s->admin_token_sha256.has_value());
    EXPECT_EQ(s->tls_certificate, "");
    EXPECT_EQ(s->state_dir, "/var/lib/s3zipd");
    EXPECT_EQ(s->io, Io::automatic);
    EXPECT_EQ(s->reactors, 0u);
    EXPECT_EQ(s->memory_bytes, 256ull << 20);
    EXPECT_EQ(s->part_size_bytes, 0u);
    EXPECT_EQ(s->region, "");  // the engine looks further
    EXPECT_EQ(s->endpoint_url, "");
    EXPECT_EQ(s->profile, "");
    EXPECT_FALSE(s->dual_stack.has_value());
    EXPECT_FALSE(s->checksums.has_value());
    EXPECT_EQ(s->conditional_writes, Use::automatic);
    EXPECT_EQ(s->hedged_uploads, Use::automatic);
    EXPECT_EQ(s->part_layout, PartLayout::automatic);
    EXPECT_FALSE(s->no_sign_request);
    EXPECT_EQ(s->addressing, "auto");
    EXPECT_EQ(s->jobs_running_max, 64u);
    EXPECT_EQ(s->jobs_queued_max, 10'000u);
    EXPECT_EQ(s->jobs_kept_max, 10'000u);
    EXPECT_EQ(s->jobs_kept_days, 30u);
    EXPECT_EQ(s->drain_seconds, 20u);
    EXPECT_EQ(s->sweep_seconds, 3'600u);
    EXPECT_EQ(s->sweep_grace_seconds, 3'600u);
    EXPECT_EQ(s->notify_secret_file, "");
    EXPECT_TRUE(s->notify_allow.empty());
    EXPECT_EQ(s->config_file, "");
    EXPECT_TRUE(s->warnings.empty());
}

TEST_F(SettingsTest, EveryFlag) {
    const auto s = load({"--listen",
                         "[::1]:0",
                         "--state-dir=/srv/x",
                         "--io",
                         "epoll",
                         "--reactors",
                         "3",
                         "--memory",
                         "64MiB",
                         "--part-size",
                         "8MiB",
                         "--connections",
                         "17",
                         "--job-memory",
                         "16MiB",
                         "--job-connections=20",
                         "--plan-memory=100MiB",
                         "--request-rate",
                         "500",
                         "--job-request-rate=50",
                         "--log-level",
                         "debug",
                         "--log-format=json",
                         "--region",
                         "eu-central-1",
                         "--endpoint-url",
                         "http://127.0.0.1:9000/",
                         "--addressing",
                         "path",
                         "--ca-bundle",
                         "/dev/null",
                         "--profile",
                         "two words",
                         "--dualstack",
                         "true",
                         "--checksums=when_required",
                         "--conditional-writes=always",
                         "--hedged-uploads",
                         "never",
                         "--part-layout=uniform",
                         "--no-sign-request=true",
                         "--jobs-running-max",
                         "2",
                         "--jobs-queued-max",
                         "5",
                         "--jobs-kept-max",
                         "1",
                         "--jobs-kept-days=9",
                         "--drain-seconds=3",
                         "--sweep-seconds=60",
                         "--sweep-grace-seconds=600",
                         "--notify-secret-file",
                         "/dev/null",
                         "--notify-allow",
                         "127.0.0.0/8, ::1"},
                        {}, kNoFile);
    ASSERT_TRUE(s.has_value()) << s.error().detail;
    EXPECT_THAT(s->listen, testing::ElementsAre(ListenAddress{"::1", 0, {}}));
    EXPECT_EQ(s->state_dir, "/srv/x");
    EXPECT_EQ(s->io, Io::epoll);
    EXPECT_EQ(s->reactors, 3u);
    EXPECT_EQ(s->memory_bytes, 64ull << 20);
    EXPECT_EQ(s->part_size_bytes, 8ull << 20);
    EXPECT_EQ(s->connections_max, 17u);
    EXPECT_EQ(s->job_memory_bytes, 16ull << 20);
    EXPECT_EQ(s->job_connections_max, 20u);
    EXPECT_EQ(s->plan_memory_bytes, 100ull << 20);
    EXPECT_EQ(s->requests_per_second, 500u);
    EXPECT_EQ(s->job_requests_per_second, 50u);
    EXPECT_EQ(s->log_level, base::LogLevel::debug);
    EXPECT_EQ(s->log_format, base::LogFormat::json);
    EXPECT_EQ(s->region, "eu-central-1");
    EXPECT_EQ(s->endpoint_url, "http://127.0.0.1:9000");
    EXPECT_EQ(s->addressing, "path");
    EXPECT_EQ(s->ca_bundle, "/dev/null");
    EXPECT_EQ(s->profile, "two words");
    EXPECT_EQ(s->dual_stack, true);
    EXPECT_EQ(s->checksums, ChecksumUse::when_required);
    EXPECT_EQ(s->conditional_writes, Use::always);
    EXPECT_EQ(s->hedged_uploads, Use::never);
    EXPECT_EQ(s->part_layout, PartLayout::uniform);
    EXPECT_TRUE(s->no_sign_request);
    EXPECT_EQ(s->jobs_running_max, 2u);
    EXPECT_EQ(s->jobs_queued_max, 5u);
    EXPECT_EQ(s->jobs_kept_max, 1u);
    EXPECT_EQ(s->jobs_kept_days, 9u);
    EXPECT_EQ(s->drain_seconds, 3u);
    EXPECT_EQ(s->sweep_seconds, 60u);
    EXPECT_EQ(s->sweep_grace_seconds, 600u);
    EXPECT_EQ(s->notify_secret_file, "/dev/null");
    ASSERT_EQ(s->notify_allow.size(), 2u);
    EXPECT_EQ(s->notify_allow[0], *base::parse_ip_network("127.0.0.0/8"));
    EXPECT_EQ(s->notify_allow[1], *base::parse_ip_network("::1/128"));
}

TEST_F(SettingsTest, BudgetsAreNoneUnlessSet) {
    const auto none = load({}, {}, kNoFile);
    ASSERT_TRUE(none.has_value());
    EXPECT_EQ(none->job_memory_bytes, 0u);
    EXPECT_EQ(none->job_connections_max, 0u);
    EXPECT_EQ(none->requests_per_second, 0u);
    EXPECT_EQ(none->job_requests_per_second, 0u);
    EXPECT_EQ(load({"--job-memory=0"}, {}, kNoFile)->job_memory_bytes, 0u);
    EXPECT_EQ(load({}, {{"S3ZIPD_JOB_REQUEST_RATE", "7"}}, kNoFile)->job_requests_per_second, 7u);
    EXPECT_FALSE(load({"--job-memory=1"}, {}, kNoFile).has_value());
    EXPECT_FALSE(load({"--request-rate=-1"}, {}, kNoFile).has_value());
}

TEST_F(SettingsTest, PlanMemoryIsAlwaysBounded) {
    EXPECT_EQ(load({}, {}, kNoFile)->plan_memory_bytes, 1ull << 30);
    EXPECT_EQ(load({}, {{"S3ZIPD_PLAN_MEMORY", "2GiB"}}, kNoFile)->plan_memory_bytes, 2ull << 30);
    EXPECT_FALSE(load({"--plan-memory=0"}, {}, kNoFile).has_value());
    EXPECT_FALSE(load({"--plan-memory=100"}, {}, kNoFile).has_value());
}

// The supervisor's directory is only where nothing else is said.
TEST_F(SettingsTest, StateDirectoryOfTheSupervisor) {
    const Environment env = {{"STATE_DIRECTORY", "/var/lib/one:/var/lib/two"}};
    EXPECT_EQ(load({}, env, kNoFile)->state_dir, "/var/lib/one");
    EXPECT_EQ(load({}, {{"STATE_DIRECTORY", ""}}, kNoFile)->state_dir, "/var/lib/s3zipd");
    EXPECT_EQ(load({"--config", write("state_dir = \"/srv/x\"\n")}, env, kNoFile)->state_dir,
              "/srv/x");
    EXPECT_THAT(error_of_flags({}, {{"STATE_DIRECTORY", "here"}}),
                HasSubstr("STATE_DIRECTORY: 'here'"));
}

// flag > S3ZIPD_ > file > default, shown by taking the strongest away one after the other.
TEST_F(SettingsTest, Precedence) {
    write("region = \"from-file\"\n");
    Environment env = {{"S3ZIPD_REGION", "from-variable"}, {"AWS_REGION", "from-aws"}};
    EXPECT_EQ(load({"--config", file_, "--region", "from-flag"}, env, kNoFile)->region,
              "from-flag");
    EXPECT_EQ(load({"--config", file_}, env, kNoFile)->region, "from-variable");
    env.erase("S3ZIPD_REGION");
    EXPECT_EQ(load({"--config", file_}, env, kNoFile)->region, "from-file");
    EXPECT_EQ(load({}, env, kNoFile)->region, "");  // AWS_*: the engine's
}

TEST_F(SettingsTest, FlagsOfTheFileAreTrueOrFalse) {
    EXPECT_EQ(load({"--config", write("dualstack = true\n")}, {}, kNoFile)->dual_stack, true);
    EXPECT_EQ(load({"--config", write("dualstack = false\n")}, {}, kNoFile)->dual_stack, false);
    EXPECT_EQ(error_of("dualstack = \"true\"\n"), file_ + ":1: dualstack: must be true or false");
    EXPECT_EQ(error_of("reactors = true\n"), file_ + ":1: reactors: must be an integer");
    EXPECT_EQ(error_of("region = true\n"), file_ + ":1: region: must be a string");
    EXPECT_EQ(error_of("memory = true\n"), file_ + ":1: memory: must be a string or an integer");
}

TEST_F(SettingsTest, EveryWordOfTheSwitches) {
    const auto with = [](std::string flag) { return *load({std::move(flag)}, {}, kNoFile); };
    EXPECT_EQ(with("--checksums=when_supported").checksums, ChecksumUse::when_supported);
    EXPECT_EQ(with("--conditional-writes=auto").conditional_writes, Use::automatic);
    EXPECT_EQ(with("--conditional-writes=never").conditional_writes, Use::never);
    EXPECT_EQ(with("--hedged-uploads=auto").hedged_uploads, Use::automatic);
    EXPECT_EQ(with("--hedged-uploads=always").hedged_uploads, Use::always);
    EXPECT_EQ(with("--part-layout=auto").part_layout, PartLayout::automatic);
    EXPECT_EQ(with("--part-layout=entries").part_layout, PartLayout::entries);
    EXPECT_FALSE(with("--no-sign-request=false").no_sign_request);
    EXPECT_TRUE(load({}, {{"S3ZIPD_NO_SIGN_REQUEST", "true"}}, kNoFile)->no_sign_request);
    EXPECT_TRUE(
        load({"--config", write("no_sign_request = true\n")}, {}, kNoFile)->no_sign_request);
    EXPECT_EQ(error_of("no_sign_request = \"true\"\n"),
              file_ + ":1: no_sign_request: must be true or false");
}

TEST_F(SettingsTest, TheFileIsFoundByFlagVariableOrDefault) {
    write("reactors = 5\n");
    EXPECT_EQ(load({"--config", file_}, {}, kNoFile)->reactors, 5u);
    EXPECT_EQ(load({}, {{"S3ZIPD_CONFIG", file_}}, kNoFile)->reactors, 5u);
    EXPECT_EQ(load({}, {}, file_)->reactors, 5u);
    EXPECT_EQ(load({}, {}, file_)->config_file, file_);
    EXPECT_THAT(error_of_flags({"--config", kNoFile}), HasSubstr(kNoFile));
}

TEST_F(SettingsTest, FileErrorsNameFileAndLine) {
    EXPECT_EQ(error_of("\nlistn = \"127.0.0.1:1\"\n"),
              file_ + ":2: listn: no such setting (did you mean listen?)");
    EXPECT_EQ(error_of("listen = 8420\n"), file_ + ":1: listen: must be a string");
    EXPECT_EQ(error_of("reactors = \"2\"\n"), file_ + ":1: reactors: must be an integer");
    EXPECT_EQ(error_of("reactors = 2.5\n"), file_ + ":1: reactors: must be an integer");
    EXPECT_EQ(error_of("[listen]\nx = 1\n"), file_ + ":1: listen: must be a string");
    EXPECT_THAT(error_of("# a\n# b\nmemory = \"1\"\n"),
                HasSubstr(file_ + ":3: memory: '1' must be from 16MiB"));
    EXPECT_THAT(error_of("reactors = -1\n"),
                HasSubstr(file_ + ":1: reactors: '-1' must be a whole number"));
    EXPECT_THAT(error_of("region = \"a\"\nregion = \"b\"\n"), HasSubstr(file_ + ":2"));
    EXPECT_THAT(error_of("listen = \n"), HasSubstr(file_ + ":1"));
}

TEST_F(SettingsTest, SizesInTheFileAreIntegersOrStrings) {
    EXPECT_EQ(load({"--config", write("memory = 67108864\n")}, {}, kNoFile)->memory_bytes,
              64ull << 20);
    EXPECT_EQ(load({"--config", write("memory = \"64MiB\"\n")}, {}, kNoFile)->memory_bytes,
              64ull << 20);
}

TEST_F(SettingsTest, BadValuesNameTheFlag) {
    const std::vector<std::vector<std::string>> bad = {{"--listen", "8420"},
                                                       {"--listen", "host:8420"},
                                                       {"--listen", "127.0.0.1:65536"},
                                                       {"--listen", "127.0.0.1:"},
                                                       {"--listen", "::1:8420"},
                                                       {"--state-dir", "relative"},
                                                       {"--io", "kqueue"},
                                                       {"--reactors", "257"},
                                                       {"--reactors", "x"},
                                                       {"--memory", "1MiB"},
                                                       {"--part-size", "4MiB"},
                                                       {"--part-size", "6GiB"},
                                                       {"--connections", "0"},
                                                       {"--log-level", "loud"},
                                                       {"--log-format", "xml"},
                                                       {"--region", "a b"},
                                                       {"--endpoint-url", "ftp://x"},
                                                       {"--endpoint-url", "http://x/path"},
                                                       {"--endpoint-url", "http:"},
                                                       {"--endpoint-url", "http://"},
                                                       {"--endpoint-url", "http://x:0"},
                                                       {"--addressing", "dns"},
                                                       {"--ca-bundle", "/nonexistent"},
                                                       {"--dualstack", "yes"},
                                                       {"--checksums", "always"},
                                                       {"--conditional-writes", "true"},
                                                       {"--hedged-uploads", "on"},
                                                       {"--part-layout", "equal"},
                                                       {"--no-sign-request", "yes"},
                                                       {"--profile", "a\nb"},
                                                       {"--jobs-running-max", "0"},
                                                       {"--jobs-queued-max", "0"},
                                                       {"--jobs-kept-max", "0"},
                                                       {"--notify-secret-file", "/nonexistent"},
                                                       {"--notify-allow", "localhost"},
                                                       {"--notify-allow", "127.0.0.1/8"},
                                                       {"--notify-allow", "10.0.0.0/33"},
                                                       {"--notify-allow", "::1,"},
                                                       {"--endpoint-url", "http://u:p@x"},
                                                       {"--listen", "1.2.3:80"},
                                                       {"--listen", "1.2.3.256:80"},
                                                       {"--listen", "1.2.3.4.:80"},
                                                       {"--listen", "[::g]:80"}};
    for (const auto& arguments : bad) {
        EXPECT_THAT(error_of_flags(arguments),
                    testing::StartsWith(arguments[0] + ": '" + arguments[1] + "' "));
    }
}

TEST_F(SettingsTest, BadUsage) {
    EXPECT_THAT(error_of_flags({"--frobnicate"}), HasSubstr("--frobnicate: no such flag"));
    EXPECT_THAT(error_of_flags({"listen"}), HasSubstr("listen: no such flag"));
    EXPECT_THAT(error_of_flags({"--listen"}), HasSubstr("--listen needs a value"));
    EXPECT_THAT(error_of_flags({}, {{"S3ZIPD_REACTORS", "many"}}),
                HasSubstr("S3ZIPD_REACTORS: 'many'"));
    EXPECT_EQ(load({"--help", "--nonsense"}, {}, kNoFile)->action, Action::show_help);
    EXPECT_EQ(load({"--version"}, {}, kNoFile)->action, Action::show_version);
}

TEST_F(SettingsTest, AnUnknownVariableIsAWarning) {
    Environment environment = {{"S3ZIPD_REGOIN", "x"}, {"S3ZIPD_MEMORY", "32MiB"}};
    for (const std::string_view variable : kCommandVariables)
        environment.emplace(variable, "of s3zip");
    const auto s = load({}, environment, kNoFile);
    ASSERT_TRUE(s.has_value());
    EXPECT_EQ(s->memory_bytes, 32ull << 20);
    EXPECT_THAT(s->warnings, testing::ElementsAre("S3ZIPD_REGOIN is not a setting"));
}

TEST_F(SettingsTest, UsageNamesEverySetting) {
    for (const char* flag : {"--config",
                             "--listen",
                             "--state-dir",
                             "--io",
                             "--reactors",
                             "--memory",
                             "--part-size",
                             "--connections",
                             "--log-level",
                             "--log-format",
                             "--region",
                             "--endpoint-url",
                             "--addressing",
                             "--ca-bundle",
                             "--dualstack",
                             "--profile",
                             "--checksums",
                             "--conditional-writes",
                             "--hedged-uploads",
                             "--part-layout",
                             "--no-sign-request",
                             "--jobs-running-max",
                             "--jobs-queued-max",
                             "--jobs-kept-max",
                             "--notify-secret-file",
                             "--notify-allow",
                             "--job-memory",
                             "--job-connections",
                             "--plan-memory",
                             "--request-rate",
                             "--job-request-rate",
                             "--jobs-kept-days",
                             "--drain-seconds",
                             "--sweep-seconds",
                             "--sweep-grace-seconds",
                             "--unix-socket-mode",
                             "--api-connections",
                             "--event-streams",
                             "--tokens-file",
                             "--admin-token-sha256",
                             "--tls-certificate",
                             "--tls-key",
                             "--tls-client-ca",
                             "--allowed-hosts",
                             "--allowed-origins",
                             "--check-config"}) {
        EXPECT_THAT(usage(), HasSubstr(flag));
    }
}

// The shipped file loads as it is, and with every example switched on it still says the defaults.
TEST_F(SettingsTest, TheShippedFile) {
    ASSERT_TRUE(load({"--config", S3ZIPD_SHIPPED_CONFIG}, {}, kNoFile).has_value());
    std::ifstream shipped(S3ZIPD_SHIPPED_CONFIG);
    std::string line, switched_on;
    int keys = 0;
    while (std::getline(shipped, line)) {
        const bool is_key = line.find(" = ") != std::string::npos &&
                            !line.starts_with("# ca_bundle") && !line.starts_with("# region") &&
                            !line.starts_with("# profile") && line.find(": ") == std::string::npos;
        if (!line.starts_with("# ") || line.starts_with("#  ") || !is_key) continue;
        switched_on += line.substr(2) + "\n";
        ++keys;
    }
    EXPECT_EQ(keys, 41);
    const auto s = load({"--config", write(switched_on)}, {}, kNoFile);
    ASSERT_TRUE(s.has_value()) << s.error().detail;
    const Settings defaults;
    EXPECT_EQ(s->listen, defaults.listen);
    EXPECT_EQ(s->memory_bytes, defaults.memory_bytes);
    EXPECT_EQ(s->part_size_bytes, defaults.part_size_bytes);
    EXPECT_EQ(s->connections_max, defaults.connections_max);
    EXPECT_EQ(s->region, defaults.region);
    EXPECT_EQ(s->jobs_kept_max, defaults.jobs_kept_max);
    EXPECT_EQ(s->plan_memory_bytes, defaults.plan_memory_bytes);
}

}  // namespace
}  // namespace config
