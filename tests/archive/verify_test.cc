// Archives read back by the engine: good ones without a finding, spoilt ones never without; and the
// URL that anybody may download one with.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdio>
#include <fstream>

#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::plain_crc32;
using test::random_text;

// A file that goes away with the test.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& bytes)
        : path_(testing::TempDir() + "verify_test." + std::to_string(::getpid()) + ".zip") {
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    ~TemporaryFile() { std::remove(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class EngineVerify : public EngineTest {
  protected:
    std::string make_archive() {
        put("large", random_text(1, 17 * kMiB));
        for (int i = 0; i < 30; ++i)
            put("small/" + std::to_string(i), random_text(static_cast<unsigned>(i), 40U * i));
        put("empty", "");
        start_engine(config(2, 40));
        ArchiveRequest what = request();
        what.options.comment = "a comment";
        return expect_archive(what);
    }
};
ON_ENGINES(EngineVerify);

TEST_P(EngineVerify, FindsNothingWrongWithGoodArchives) {
    const std::string bytes = make_archive();
    const TemporaryFile file(bytes);
    for (const bool from_s3 : {true, false}) {
        const auto report = from_s3 ? verify("a.zip") : verify_file(file.path());
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_THAT(report->findings, testing::IsEmpty());
        EXPECT_EQ(report->crc32, plain_crc32(bytes));
        EXPECT_EQ(report->archive_size, bytes.size());
        EXPECT_EQ(report->entries, sources.size());
        EXPECT_GE(report->bytes_read, bytes.size());
    }
    EXPECT_EQ(engine->stats().memory_in_use_bytes, 0U);
}

TEST_P(EngineVerify, FindsNothingWrongWithAnEmptyArchive) {
    start_engine();
    ArchiveRequest what = request();
    what.options.on_empty = OnEmpty::archive;
    const std::string bytes = expect_archive(what);
    const auto report = verify("a.zip");
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_THAT(report->findings, testing::IsEmpty());
    EXPECT_EQ(report->crc32, plain_crc32(bytes));
}

// One byte changed, anywhere; what the format holds only once (APPNOTE: external attributes,
// version made by, the comment's bytes) shows in the CRC of the whole.
TEST_P(EngineVerify, FindsEveryCorruption) {
    const std::string good = make_archive();
    const std::uint32_t good_crc = plain_crc32(good);
    base::Random random(4711);
    for (int i = 0; i < 24; ++i) {
        std::string bad = good;
        // Half of them among the records at the end, where each byte has its meaning.
        const std::uint64_t at =
            i % 2 == 0 ? random.below(good.size()) : good.size() - 1 - random.below(2000);
        bad[at] = static_cast<char>(bad[at] ^ (1 << random.below(8)));
        ASSERT_TRUE(server->put("out", "bad.zip", bad));
        const auto report = verify("bad.zip");
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_TRUE(!report->findings.empty() || report->crc32 != good_crc) << "byte " << at;
        if (i % 2 == 0 && at < good.size() - 4000) {
            EXPECT_FALSE(report->findings.empty()) << "byte " << at;
        }
    }
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{21},
                                     std::uint64_t{100'000}, good.size() - 1}) {
        ASSERT_TRUE(server->put("out", "cut.zip", good.substr(0, size)));
        const auto report = verify("cut.zip");
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_FALSE(report->findings.empty()) << size;
    }
}

TEST_P(EngineVerify, SaysWhenThereIsNothingToRead) {
    start_engine();
    auto report = verify("none.zip");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(report.error().key, "out/none.zip");
    report = verify_file("/nowhere/none.zip");
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(report.error().key, "/nowhere/none.zip");
    report = verify_file("/");
    EXPECT_FALSE(report);
}

TEST_P(EngineVerify, EndsWhenTheEngineIsDestroyed) {
    make_archive();
    ASSERT_TRUE(server->set_faults("GetObject stall"));
    server->reset_stats();
    test::Awaited<base::Result<VerifyReport>> done;
    engine->verify({.bucket = "out", .key = "a.zip"}, {},
                   [&done](auto result) { done.set(std::move(result)); });
    wait_until([this] { return server->stats().faults_fired > 0; });
    engine.reset();
    const auto report = done.take().value();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().kind, base::ErrorKind::cancelled);
}

// A client that knows nothing of S3.
std::string plain_get(std::uint16_t port, const std::string& target) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
        const std::string ask = "GET " + target +
                                " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                                "\r\nConnection: close\r\n\r\n";
        EXPECT_EQ(::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL), std::ssize(ask));
        char buffer[65536];
        for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
            answer.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(fd);
    return answer;
}

TEST_P(EngineVerify, APresignedUrlDownloadsTheArchive) {
    put("k", random_text(1, 100'000));
    start_engine();
    const std::string key = "a b/\xC3\xA4+&=?.zip";
    const std::string bytes = expect_archive(request(key));
    const auto url = engine->presign_get("out", key, 60);
    ASSERT_TRUE(url) << url.error().to_string();
    ASSERT_TRUE(url->starts_with(server->endpoint() + "/"));
    const std::string target = url->substr(server->endpoint().size());
    const std::string answer = plain_get(server->port(), target);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer.substr(0, 400);
    EXPECT_TRUE(answer.ends_with(bytes));
    std::string other = target;
    other.back() = other.back() == '0' ? '1' : '0';
    const std::string forged = plain_get(server->port(), other);
    EXPECT_TRUE(forged.starts_with("HTTP/1.1 403")) << forged.substr(0, 400);
    EXPECT_FALSE(engine->presign_get("out", key, 0));
    EXPECT_FALSE(engine->presign_get("out", key, 604'801));
}

}  // namespace
}  // namespace archive
