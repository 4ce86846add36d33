// The URL that anybody may download an archive with.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_fixture.h"

namespace archive {
namespace {

using test::random_text;

class EnginePresign : public test::EngineTest {};
ON_ENGINES(EnginePresign);

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

TEST_P(EnginePresign, APresignedUrlDownloadsTheArchive) {
    put("k", random_text(1, 100'000));
    start_engine();
    const std::string key = "a b/\xC3\xA4+&=?.zip";
    const std::string bytes = expect_archive(request(key));
    const auto url = presign({"out", key, 60});
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
    EXPECT_FALSE(presign({"out", key, 0}));
    EXPECT_FALSE(presign({"out", key, 604'801}));
}

TEST_P(EnginePresign, WithoutCredentialsItIsThePlainUrl) {
    s3sim::Options options;
    options.access_key = "";
    start_server(std::move(options));
    put("k", random_text(1, 100'000));
    EngineConfig with = config();
    with.no_sign_request = true;
    start_engine(with);
    const std::string bytes = expect_archive(request("a b.zip"));
    const auto url = presign({"out", "a b.zip", 60});
    ASSERT_TRUE(url) << url.error().to_string();
    EXPECT_EQ(*url, server->endpoint() + "/out/a%20b.zip");
    const std::string answer = plain_get(server->port(), url->substr(server->endpoint().size()));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer.substr(0, 400);
    EXPECT_TRUE(answer.ends_with(bytes));
}

}  // namespace
}  // namespace archive
