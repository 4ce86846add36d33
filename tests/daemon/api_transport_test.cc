// What carries the API: TLS with and without client certificates, Unix sockets, sockets that were
// handed over.
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fstream>

#include "../io/tls_peer.h"
#include "api_fixture.h"
#include "temp_folder.h"

namespace s3zipd {
namespace {

using testing::HasSubstr;

// A client that trusts one CA and may show a certificate. One request, to its end.
class TlsClient {
  public:
    TlsClient(std::uint16_t port, const std::string& ca_file, const io::Identity* own = nullptr)
        : context_(SSL_CTX_new(TLS_client_method())), transport_(connect_to(port)) {
        SSL_CTX_load_verify_locations(context_.get(), ca_file.c_str(), nullptr);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        if (own != nullptr) {
            SSL_CTX_use_certificate(context_.get(), own->certificate.get());
            SSL_CTX_use_PrivateKey(context_.get(), own->key.get());
        }
        ssl_.reset(SSL_new(context_.get()));
        SSL_set1_host(ssl_.get(), "localhost");
        SSL_set_fd(ssl_.get(), transport_.fd());
    }
    bool shakes_hands() { return SSL_connect(ssl_.get()) == 1; }
    // All that comes until the server ends it; `in_order` says whether it said so.
    std::string call(std::string_view request) {
        SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size()));
        std::string all;
        char some[16384];
        int count = 0;
        while ((count = SSL_read(ssl_.get(), some, sizeof some)) > 0)
            all.append(some, static_cast<std::size_t>(count));
        in_order = SSL_get_error(ssl_.get(), count) == SSL_ERROR_ZERO_RETURN;
        return all;
    }
    bool in_order = false;

  private:
    static io::Peer connect_to(std::uint16_t port) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval patience{20, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return io::Peer(fd);
    }
    std::unique_ptr<SSL_CTX, io::FreeWith<SSL_CTX_free>> context_;
    io::Peer transport_;
    std::unique_ptr<SSL, io::FreeWith<SSL_free>> ssl_;
};

const std::string kClosing = "Connection: close\r\n";

class TransportTest : public ApiTest {
  protected:
    // Certificate and key, as files of this name.
    TlsFiles write(const io::Identity& identity, const std::string& name) {
        const TlsFiles files{folder_.path() + "/" + name + ".pem",
                             folder_.path() + "/" + name + ".key", ""};
        std::FILE* certificate = std::fopen(files.certificate.c_str(), "w");
        PEM_write_X509(certificate, identity.certificate.get());
        std::fclose(certificate);
        std::FILE* key = std::fopen(files.key.c_str(), "w");
        PEM_write_PrivateKey(key, identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(key);
        return files;
    }
    std::string get(TlsClient& client, const std::string& target) {
        return client.call(TestClient::request_text("GET", target, "", kClosing));
    }

    const TempFolder folder_;
    const io::TestCa ca_, other_ca_;
    const io::Identity server_ = ca_.issue("DNS:localhost");
};

TEST_F(TransportTest, Tls) {
    settings_.tls = write(server_, "server");
    start();
    EXPECT_THAT(api_->urls().front(), testing::StartsWith("https://127.0.0.1:"));
    TlsClient client(port_, ca_.pem_file());
    ASSERT_TRUE(client.shakes_hands());
    EXPECT_THAT(get(client, "/healthz"), HasSubstr(R"({"status":"ok"})"));
    EXPECT_TRUE(client.in_order);
    // A stream of events, whose end is the end of the connection, is no cut one.
    TlsClient watcher(port_, ca_.pem_file());
    ASSERT_TRUE(watcher.shakes_hands());
    TlsClient poster(port_, ca_.pem_file());
    ASSERT_TRUE(poster.shakes_hands());
    const std::string posted =
        poster.call(TestClient::request_text("POST", "/archives", kGoodBody, kClosing));
    const std::string id = posted.substr(posted.find("/archives/") + 10, 26);
    engine_.next().succeed(simple_result());
    EXPECT_THAT(get(watcher, "/archives/" + id + "/events"), HasSubstr("event: state\n"));
    EXPECT_TRUE(watcher.in_order);
}

TEST_F(TransportTest, PlainHttpToATlsPortIsCut) {
    settings_.tls = write(server_, "server");
    start();
    TestClient client(port_);
    client.send(TestClient::request_text("GET", "/healthz"));
    client.read_to_end();
    TlsClient good(port_, ca_.pem_file());
    EXPECT_TRUE(good.shakes_hands());
}

TEST_F(TransportTest, AHandshakeHasItsTime) {
    settings_.tls = write(server_, "server");
    ApiLimits limits;
    limits.header_timeout = std::chrono::milliseconds(20);
    start(limits);
    TestClient silent(port_);
    EXPECT_EQ(silent.read_to_end(), "");
}

TEST_F(TransportTest, ClientCertificatesAreAskedFor) {
    settings_.tls = write(server_, "server");
    settings_.tls->client_ca = ca_.pem_file();
    config::TokenEntry exporter;
    exporter.name = "exporter";
    exporter.certificates = {"exporter.internal"};
    exporter.read = true;
    access_.replace({exporter}, std::nullopt);
    start();
    const auto known = ca_.issue("DNS:exporter.internal");
    const auto unnamed = ca_.issue("DNS:somebody.internal");
    const auto forged = other_ca_.issue("DNS:exporter.internal");
    const auto expired = ca_.issue("DNS:exporter.internal", -1);
    TlsClient good(port_, ca_.pem_file(), &known);
    ASSERT_TRUE(good.shakes_hands());
    EXPECT_THAT(get(good, "/archives"), HasSubstr("HTTP/1.1 200"));
    TlsClient nobody(port_, ca_.pem_file(), &unnamed);
    ASSERT_TRUE(nobody.shakes_hands());
    EXPECT_THAT(get(nobody, "/archives"), HasSubstr("HTTP/1.1 401"));
    for (const io::Identity* identity :
         {&forged, &expired, static_cast<const io::Identity*>(nullptr)}) {
        TlsClient client(port_, ca_.pem_file(), identity);
        client.shakes_hands();  // TLS 1.3: the client hears of it with the first answer
        EXPECT_EQ(get(client, "/archives"), "");
    }
}

TEST_F(TransportTest, ReloadedCertificatesAreForNewConnections) {
    settings_.tls = write(server_, "server");
    start();
    const auto next = other_ca_.issue("DNS:localhost");
    const TlsFiles files = write(next, "server");
    {
        TlsClient before(port_, ca_.pem_file());
        EXPECT_TRUE(before.shakes_hands());
        ASSERT_TRUE(api_->reload_tls(files));
        EXPECT_THAT(get(before, "/healthz"), HasSubstr("HTTP/1.1 200"));
    }
    TlsClient after(port_, other_ca_.pem_file());
    EXPECT_TRUE(after.shakes_hands());
    // Files that do not do leave what there is.
    std::ofstream(files.certificate) << "no certificate";
    const auto bad = api_->reload_tls(files);
    ASSERT_FALSE(bad.has_value());
    EXPECT_THAT(bad.error().detail, HasSubstr(files.certificate));
    TlsClient still(port_, other_ca_.pem_file());
    EXPECT_TRUE(still.shakes_hands());
}

TEST_F(TransportTest, AKeyOfAnotherCertificateIsRefused) {
    start();
    settings_.tls = write(server_, "server");
    settings_.tls->key = write(ca_.issue("DNS:localhost"), "other").key;
    const auto api = ApiServer::listen(settings_, *jobs_, engine_, access_);
    ASSERT_FALSE(api.has_value());
    EXPECT_THAT(api.error().detail, HasSubstr("other.key"));
}

// OpenSSL would ask for the password at the terminal.
TEST_F(TransportTest, AKeyWithAPasswordIsRefused) {
    start();
    settings_.tls = write(server_, "server");
    std::FILE* key = std::fopen(settings_.tls->key.c_str(), "w");
    PEM_write_PrivateKey(key, server_.key.get(), EVP_aes_128_cbc(),
                         reinterpret_cast<const unsigned char*>("secret"), 6, nullptr, nullptr);
    std::fclose(key);
    const auto api = ApiServer::listen(settings_, *jobs_, engine_, access_);
    ASSERT_FALSE(api.has_value());
    EXPECT_THAT(api.error().detail, HasSubstr("server.key"));
}

int connect_unix(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

std::string call_unix(const std::string& path, const std::string& request) {
    io::Peer peer(connect_unix(path));
    peer.write(base::as_bytes(request));
    const auto all = peer.read_to_end();
    return {reinterpret_cast<const char*>(all.data()), all.size()};
}

TEST_F(TransportTest, AUnixSocketBesideTcp) {
    const std::string path = folder_.path() + "/api.sock";
    settings_.listen.push_back({"", 0, path});
    settings_.unix_mode = 0600;
    start();
    EXPECT_EQ(api_->urls().back(), "unix:" + path);
    struct stat found{};
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    const std::string request = TestClient::request_text("GET", "/healthz", "", kClosing);
    EXPECT_THAT(call_unix(path, request), HasSubstr(R"({"status":"ok"})"));
    EXPECT_EQ(call("GET", "/healthz").status, 200);
    // A daemon that lives keeps its socket.
    const auto second = ApiServer::listen({.listen = {{"", 0, path}}}, *jobs_, engine_, access_);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().detail, HasSubstr(path));
    api_.reset();
    EXPECT_NE(stat(path.c_str(), &found), 0);
}

TEST_F(TransportTest, AUnixSocketGoesWhereTheNextAddressCannotBeHad) {
    start();
    const std::string path = folder_.path() + "/api.sock";
    EXPECT_FALSE(ApiServer::listen({.listen = {{"", 0, path}, {"127.0.0.1", port_, ""}}}, *jobs_,
                                   engine_, access_)
                     .has_value());
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(TransportTest, ADeadUnixSocketIsReplacedAndAFileIsNot) {
    const std::string path = folder_.path() + "/api.sock";
    {
        const io::Peer dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(bind(dead.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    settings_.listen = {{"127.0.0.1", 0, ""}, {"", 0, path}};
    start();
    const std::string request = TestClient::request_text("GET", "/healthz", "", kClosing);
    EXPECT_THAT(call_unix(path, request), HasSubstr("HTTP/1.1 200"));
    const std::string file = folder_.path() + "/file";
    std::ofstream(file) << "precious";
    EXPECT_FALSE(
        ApiServer::listen({.listen = {{"", 0, file}}}, *jobs_, engine_, access_).has_value());
    EXPECT_TRUE(std::filesystem::exists(file));
}

// Browsers cannot connect to one; what a proxy passes on shows where it came from.
TEST_F(TransportTest, HostsAndOriginsOnAUnixSocket) {
    const std::string path = folder_.path() + "/api.sock";
    settings_.listen.push_back({"", 0, path});
    start();
    const auto status = [&](const std::string& headers) {
        return call_unix(path, "GET /archives HTTP/1.1\r\n" + headers + kClosing + "\r\n")
            .substr(9, 3);
    };
    for (const char* host : {"Host: localhost\r\n", "Host: s3zipd\r\n", "Host: zip.example:1\r\n"})
        EXPECT_EQ(status(host), "200") << host;
    EXPECT_EQ(status("Host: a b\r\n"), "400");
    EXPECT_EQ(status(""), "400");
    EXPECT_EQ(status("Host: localhost\r\nOrigin: https://localhost\r\n"), "200");
    EXPECT_EQ(status("Host: evil.example\r\nOrigin: http://evil.example\r\n"), "403");
    EXPECT_EQ(status("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"), "403");
}

TEST_F(TransportTest, OverTlsTheOwnOriginIsHttps) {
    settings_.tls = write(server_, "server");
    start();
    const auto status = [&](const std::string& headers) {
        TlsClient client(port_, ca_.pem_file());
        EXPECT_TRUE(client.shakes_hands());
        return client.call("GET /archives HTTP/1.1\r\n" + headers + kClosing + "\r\n").substr(9, 3);
    };
    EXPECT_EQ(status("Host: localhost\r\nOrigin: https://localhost\r\n"), "200");
    EXPECT_EQ(status("Host: localhost:9\r\nOrigin: https://localhost:9\r\n"), "200");
    EXPECT_EQ(status("Host: localhost\r\nOrigin: http://localhost\r\n"), "403");
    EXPECT_EQ(status("Host: zip.example\r\n"), "403");
}

// Browsers show a certificate for every page, but only to a server with the right name.
TEST_F(TransportTest, WithClientCertificatesOriginsAreChecked) {
    settings_.tls = write(server_, "server");
    settings_.tls->client_ca = ca_.pem_file();
    start();
    const auto own = ca_.issue("DNS:somebody.internal");
    const auto status = [&](const std::string& headers) {
        TlsClient client(port_, ca_.pem_file(), &own);
        EXPECT_TRUE(client.shakes_hands());
        return client.call("GET /archives HTTP/1.1\r\n" + headers + kClosing + "\r\n").substr(9, 3);
    };
    const std::string evil = "Host: zip.example\r\nOrigin: https://evil.example\r\n";
    EXPECT_EQ(status("Host: zip.example\r\n"), "200");
    EXPECT_EQ(status("Host: zip.example\r\nOrigin: https://zip.example\r\n"), "200");
    EXPECT_EQ(status(evil), "403");
    EXPECT_EQ(status("Host: zip.example\r\nSec-Fetch-Site: cross-site\r\n"), "403");
    // The tokens file knows the certificate: it goes with every page, too.
    config::TokenEntry entry;
    entry.name = "somebody";
    entry.certificates = {"somebody.internal"};
    entry.read = true;
    access_.replace({entry}, std::nullopt);
    EXPECT_EQ(status("Host: zip.example\r\n"), "200");
    EXPECT_EQ(status(evil), "403");
}

int listening_socket(in_addr_t address_number, bool listens = true) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(address_number);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (listens) EXPECT_EQ(listen(fd, 16), 0);
    return fd;
}

TEST_F(TransportTest, AnInheritedSocketIsServed) {
    settings_.inherited = {listening_socket(INADDR_LOOPBACK)};
    start();
    EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(TransportTest, InheritedSocketsThatDoNotDo) {
    start();
    settings_.inherited = {listening_socket(INADDR_LOOPBACK, false)};
    EXPECT_FALSE(ApiServer::listen(settings_, *jobs_, engine_, access_).has_value());
    // From everywhere, by everybody.
    settings_.inherited = {listening_socket(INADDR_ANY)};
    const auto open = ApiServer::listen(settings_, *jobs_, engine_, access_);
    ASSERT_FALSE(open.has_value());
    EXPECT_THAT(open.error().detail, HasSubstr("without tokens"));
    access_.replace({}, config::Sha256Digest{});
    settings_.inherited = {listening_socket(INADDR_ANY)};
    EXPECT_TRUE(ApiServer::listen(settings_, *jobs_, engine_, access_).has_value());
}

}  // namespace
}  // namespace s3zipd
