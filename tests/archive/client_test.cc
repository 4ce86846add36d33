// S3Client against an s3sim: each call, its checks of what comes back, its retries and its bounds.
// It lives here because s3client's own tests need no server.
#include "s3client/client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <set>
#include <thread>

#include "base/encoding.h"
#include "base/log.h"
#include "engine_fixture.h"
#include "io/task_scope.h"

namespace s3client {
namespace {

using archive::IoChoice;
using archive::test::HourAhead;
using archive::test::kMiB;
using archive::test::plain_crc32;
using archive::test::random_text;

class TextReceiver final : public BodyReceiver {
  public:
    base::Bytes buffer() override { return base::Bytes(block_).first(block_.size()); }
    void received(std::size_t n) override {
        text.append(reinterpret_cast<const char*>(block_.data()), n);
    }
    std::string text;

  private:
    std::vector<std::byte> block_ = std::vector<std::byte>(10'000);
};

class ClientTest : public testing::TestWithParam<IoChoice> {
  protected:
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        reactor = std::make_unique<io::Reactor>(std::move(*io::make_backend(
            GetParam() == IoChoice::uring ? io::BackendChoice::uring : io::BackendChoice::epoll)));
        start_server({});
    }
    void start_server(s3sim::Options options) {
        options.buckets = {"bkt"};
        server = std::move(*s3sim::Server::start(std::move(options)));
        start_client(server->endpoint());
    }
    void start_client(const std::string& url) {
        ClientConfig config;
        config.endpoint = *parse_endpoint(url);
        config.credentials =
            std::move(*static_credentials({"s3sim", "s3simsecret", {}, std::nullopt}));
        config.retry.attempts_max = 3;
        config.retry.patience = {};
        config.retry.throttled_base = std::chrono::milliseconds(10);
        config.idle_timeout = idle_timeout;
        client = std::make_unique<S3Client>(*reactor, config);
    }
    template <typename T>
    T run(io::Task<T> task) {
        return reactor->run_until_done(std::move(task));
    }
    base::Result<std::string> get(std::string key, ByteRange range, std::uint64_t size,
                                  std::string etag = {}) {
        TextReceiver receiver;
        const auto done = run(client->get_object({.object = {"bkt", std::move(key), {}},
                                                  .etag = std::move(etag),
                                                  .object_size = size,
                                                  .range = range},
                                                 receiver, {}));
        if (!done) return std::unexpected(done.error());
        return receiver.text;
    }
    // A body of one piece; `text` must stay.
    Body body_of(const std::string& text) {
        views = {base::as_bytes(text)};
        return {views, text.size(), plain_crc32(text)};
    }

    base::Duration idle_timeout = std::chrono::seconds(30);
    std::vector<base::ByteView> views;
    std::unique_ptr<io::Reactor> reactor;
    std::unique_ptr<s3sim::Server> server;
    std::unique_ptr<S3Client> client;
};
ON_ENGINES(ClientTest);

TEST_P(ClientTest, ListsPageByPage) {
    for (int i = 0; i < 1001; ++i)
        ASSERT_TRUE(server->put("bkt", "p/" + std::to_string(1000 + i), std::to_string(i)));
    ASSERT_TRUE(server->put("bkt", "q", ""));
    auto page = run(client->list_objects("bkt", "p/", {}, {}));
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->objects.size(), 1000U);
    EXPECT_EQ(page->objects[7].key, "p/1007");
    EXPECT_EQ(page->objects[7].size, 1U);
    EXPECT_EQ(page->objects[7].etag, server->head("bkt", "p/1007")->etag);
    ASSERT_FALSE(page->next_continuation_token.empty());
    page = run(client->list_objects("bkt", "p/", page->next_continuation_token, {}));
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->objects.size(), 1U);
    EXPECT_EQ(page->objects[0].key, "p/2000");
    EXPECT_TRUE(page->next_continuation_token.empty());
}

TEST_P(ClientTest, HeadsAndGetsRanges) {
    const std::string bytes = random_text(1, 300'000);
    ASSERT_TRUE(server->put("bkt", "a b/\xC3\xA4", bytes));
    const auto head = run(client->head_object({"bkt", "a b/\xC3\xA4", {}}, WithChecksum::no, {}));
    ASSERT_TRUE(head) << head.error().to_string();
    EXPECT_EQ(head->size, bytes.size());
    EXPECT_EQ(head->checksum_crc32, "");
    EXPECT_EQ(head->etag, server->head("bkt", "a b/\xC3\xA4")->etag);
    EXPECT_EQ(get("a b/\xC3\xA4", {0, bytes.size()}, bytes.size(), head->etag), bytes);
    EXPECT_EQ(get("a b/\xC3\xA4", {99'999, 1}, bytes.size()), bytes.substr(99'999, 1));
    EXPECT_EQ(get("a b/\xC3\xA4", {299'000, 1000}, bytes.size()), bytes.substr(299'000));
    EXPECT_EQ(client->stats().bytes_received, bytes.size() + 1 + 1000);
}

TEST_P(ClientTest, TakesOnlyTheObjectItWasAskedFor) {
    ASSERT_TRUE(server->put("bkt", "k", "0123456789"));
    EXPECT_EQ(get("k", {0, 4}, 10, "another").error().kind, base::ErrorKind::precondition);
    EXPECT_EQ(get("k", {0, 4}, 11).error().code, "wrong_range");
    EXPECT_EQ(get("k", {8, 4}, 12).error().kind, base::ErrorKind::corrupt);
    const auto gone = get("gone", {0, 1}, 1);
    EXPECT_EQ(gone.error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(gone.error().key, "bkt/gone");
}

TEST_P(ClientTest, PutsWhatTheChecksumSays) {
    const std::string bytes = random_text(1, kMiB);
    const auto put =
        run(client->put_object("bkt", "k", {{"x-amz-meta-a", "b"}}, body_of(bytes), {}));
    ASSERT_TRUE(put) << put.error().to_string();
    EXPECT_EQ(put->etag, server->head("bkt", "k")->etag);
    EXPECT_EQ(server->get("bkt", "k"), bytes);
    EXPECT_EQ(server->head("bkt", "k")->metadata.at("a"), "b");
    const auto head = run(client->head_object({"bkt", "k", {}}, WithChecksum::yes, {}));
    EXPECT_EQ(head->checksum_crc32, base::crc32_base64(plain_crc32(bytes)));
    Body wrong = body_of(bytes);
    wrong.crc32 ^= 1;
    EXPECT_FALSE(run(client->put_object("bkt", "other", {}, wrong, {})));
    EXPECT_FALSE(server->head("bkt", "other"));
}

TEST_P(ClientTest, UploadsParts) {
    const std::string one = random_text(1, 5 * kMiB), two = random_text(2, 7), all = one + two;
    auto id = run(client->create_multipart_upload("bkt", "k", {}, {}));
    ASSERT_TRUE(id) << id.error().to_string();
    const UploadTarget& upload = *id;
    EXPECT_TRUE(upload.checked);
    const auto first = run(client->upload_part(upload, 1, body_of(one), {}));
    const auto second = run(client->upload_part(upload, 2, body_of(two), {}));
    ASSERT_TRUE(first && second);
    CompleteUpload complete{.upload = upload,
                            .parts = {{1, *first, base::crc32_base64(plain_crc32(one))},
                                      {2, *second, base::crc32_base64(plain_crc32(two))}},
                            .object_size = all.size(),
                            .crc32 = plain_crc32(all) ^ 1};
    EXPECT_FALSE(run(client->complete_multipart_upload(complete, {})));
    EXPECT_FALSE(server->head("bkt", "k")) << "completed with a wrong checksum";
    complete.crc32 ^= 1;
    const auto done = run(client->complete_multipart_upload(complete, {}));
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(done->etag, server->head("bkt", "k")->etag);
    EXPECT_EQ(server->get("bkt", "k"), all);
}

TEST_P(ClientTest, AbortsAnUploadOnce) {
    const auto id = run(client->create_multipart_upload("bkt", "k", {}, {}));
    ASSERT_TRUE(id);
    EXPECT_EQ(server->open_uploads().size(), 1U);
    EXPECT_TRUE(run(client->abort_multipart_upload({"bkt", "k", id->upload_id}, {})));
    EXPECT_TRUE(server->open_uploads().empty());
    const auto again = run(client->abort_multipart_upload({"bkt", "k", id->upload_id}, {}));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, "NoSuchUpload");
    EXPECT_EQ(again.error().kind, base::ErrorKind::not_found);
}

// Ceph's gateway says NoSuchKey of an upload that is gone.
TEST_P(ClientTest, PartsOfAnUploadThatIsGone) {
    const auto id = run(client->create_multipart_upload("bkt", "k", {}, {}));
    ASSERT_TRUE(id);
    const s3client::UploadTarget upload{"bkt", "k", id->upload_id};
    for (const char* code : {"NoSuchKey", "NoSuchUpload"}) {
        ASSERT_TRUE(server->set_faults(std::string("ListParts status=404 code=") + code));
        const auto parts = run(client->list_parts(upload, 0, {}));
        ASSERT_FALSE(parts);
        EXPECT_EQ(parts.error().code, "NoSuchUpload");
        EXPECT_EQ(parts.error().kind, base::ErrorKind::not_found);
    }
}

TEST_P(ClientTest, ListsUploadsPageByPage) {
    std::set<std::string> ids;
    for (int i = 0; i < 1001; ++i)
        ids.insert(run(client->create_multipart_upload("bkt", "p/a b", {}, {}))->upload_id);
    ASSERT_TRUE(run(client->create_multipart_upload("bkt", "q", {}, {})));
    auto page = run(client->list_multipart_uploads("bkt", "p/a b", {}, {}, {}));
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->uploads.size(), 1000U);
    const ListedUpload first = page->uploads.front();
    EXPECT_EQ(first.key, "p/a b");
    EXPECT_EQ(first.storage_class, "STANDARD");
    EXPECT_EQ(first.checksum_algorithm, "CRC32");
    EXPECT_EQ(first.checksum_type, "FULL_OBJECT");
    EXPECT_EQ(first.initiator_id, "s3sim");
    ASSERT_TRUE(page->answered_at);
    EXPECT_LE(std::chrono::abs(*page->answered_at - reactor->utc_now()), std::chrono::minutes(1));
    EXPECT_TRUE(page->truncated);
    for (const ListedUpload& upload : page->uploads) EXPECT_EQ(ids.erase(upload.upload_id), 1U);
    page = run(client->list_multipart_uploads("bkt", "p/a b", page->next_key_marker,
                                              page->next_upload_id_marker, {}));
    ASSERT_TRUE(page) << page.error().to_string();
    ASSERT_EQ(page->uploads.size(), 1U);
    EXPECT_TRUE(ids.contains(page->uploads[0].upload_id));
    EXPECT_FALSE(page->truncated);
    EXPECT_EQ(client->stats().requests[static_cast<std::size_t>(Operation::list_multipart_uploads)],
              2U);
}

TEST_P(ClientTest, KeepsItsConnection) {
    ASSERT_TRUE(server->put("bkt", "k", "0123456789"));
    const std::string etag = server->head("bkt", "k")->etag;
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_EQ(get("k", {i, 1}, 10, etag), std::to_string(i));
    EXPECT_FALSE(get("gone", {0, 1}, 1, etag));  // an error's answer is read to its end, too
    EXPECT_TRUE(get("k", {0, 1}, 10, etag));
    EXPECT_EQ(server->stats().connections_accepted, 1U);
    EXPECT_EQ(client->stats().connections_opened, 1U);
    // Nothing would show that an answer is of another object.
    EXPECT_TRUE(get("k", {0, 1}, 10));
    EXPECT_EQ(client->stats().connections_opened, 2U);
}

TEST_P(ClientTest, AKeptConnectionThatDiedCostsNoAttempt) {
    ASSERT_TRUE(server->put("bkt", "k", "0123456789"));
    ASSERT_TRUE(server->set_faults("* nth=2 reset-early"));
    const std::string etag = server->head("bkt", "k")->etag;
    ASSERT_TRUE(get("k", {0, 1}, 10, etag));
    EXPECT_TRUE(get("k", {0, 1}, 10, etag));
    EXPECT_EQ(client->stats().retries, 0U);
    EXPECT_EQ(server->stats().connections_accepted, 2U);
}

TEST_P(ClientTest, ATransferThatBreaksGoesOnWhereItStopped) {
    const std::string bytes = random_text(1, 2'000'000);
    ASSERT_TRUE(server->put("bkt", "k", bytes));
    // More breaks than attempts: each has moved on.
    ASSERT_TRUE(server->set_faults("GetObject times=5 short=300000"));
    EXPECT_TRUE(get("k", {0, bytes.size()}, bytes.size()) == bytes);
    EXPECT_EQ(client->stats().bytes_received, bytes.size());
}

TEST_P(ClientTest, ATransferThatHardlyMovesRunsOutOfAttempts) {
    const std::string bytes = random_text(1, 2'000'000);
    ASSERT_TRUE(server->put("bkt", "k", bytes));
    ASSERT_TRUE(server->set_faults("GetObject short=1000"));
    EXPECT_FALSE(get("k", {0, bytes.size()}, bytes.size()));
    EXPECT_EQ(server->stats().count("GetObject"), 3U);
}

// The next refusal, by a server whose clock is right, sets it right again.
TEST_P(ClientTest, OneWrongClockAmongManyIsNotBelievedForEver) {
    ASSERT_TRUE(server->put("bkt", "k", "abc"));
    ASSERT_TRUE(server->set_faults("GetObject nth=1 skew=7200"));
    EXPECT_EQ(get("k", {0, 3}, 3), "abc");
    EXPECT_EQ(server->stats().count("GetObject"), 3U);
    EXPECT_EQ(get("k", {0, 3}, 3), "abc");
    EXPECT_EQ(server->stats().count("GetObject"), 4U);
}

io::Task<void> get_one(S3Client& client, base::Status& status) {
    TextReceiver receiver;
    const auto got = co_await client.get_object(
        {.object = {"bkt", "k", {}}, .etag = {}, .object_size = 3, .range = {0, 3}}, receiver, {});
    status = got ? base::Status{} : std::unexpected(got.error());
}
io::Task<bool> get_several(io::Reactor& reactor, S3Client& client, std::span<base::Status> all) {
    io::TaskScope scope(reactor);
    for (base::Status& status : all) scope.spawn(get_one(client, status));
    co_await scope.join();
    co_return true;
}

// All are sent before the first refusal arrives; whoever learns the time first must not leave the
// others with their refusals.
TEST_P(ClientTest, CallsSideBySideAllLearnTheTime) {
    HourAhead clock;
    s3sim::Options options;
    options.clock = &clock;
    options.latency_ms = 100;
    start_server(std::move(options));
    ASSERT_TRUE(server->put("bkt", "k", "abc"));
    std::vector<base::Status> all(8, base::fail(base::ErrorKind::bug, "unset", ""));
    run(get_several(*reactor, *client, all));
    for (const base::Status& status : all) EXPECT_TRUE(status) << status.error().to_string();
    client.reset();
    server.reset();  // before its clock
}

TEST_P(ClientTest, GivesUpAfterItsAttempts) {
    ASSERT_TRUE(server->set_faults("HeadObject status=500 no-body"));
    const auto head = run(client->head_object({"bkt", "k", {}}, WithChecksum::no, {}));
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().http_status, 500);
    EXPECT_EQ(head.error().kind, base::ErrorKind::transient);
    EXPECT_EQ(server->stats().count("HeadObject"), 3U);
    EXPECT_EQ(client->stats().retries, 2U);
}

TEST_P(ClientTest, EndsAtItsDeadline) {
    ASSERT_TRUE(server->set_faults("HeadObject stall"));
    const auto begin = std::chrono::steady_clock::now();
    const auto head = run(client->head_object({"bkt", "k", {}}, WithChecksum::no,
                                              {.timeout = std::chrono::milliseconds(200)}));
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().kind, base::ErrorKind::transient);
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(took, std::chrono::milliseconds(190));
    EXPECT_LT(took, std::chrono::seconds(20));
}

TEST_P(ClientTest, EndsWhenCancelled) {
    io::CancelSource cancel;
    cancel.cancel();
    const auto head =
        run(client->head_object({"bkt", "k", {}}, WithChecksum::no, {.cancel = &cancel}));
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().kind, base::ErrorKind::cancelled);
    EXPECT_EQ(server->stats().count("HeadObject"), 0U);
}

// A peer that answers 503 without reading the body, and keeps the connection: what is left of the
// body must not be taken for the next request.
class EarlyAnswerer {
  public:
    EarlyAnswerer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
        EXPECT_EQ(::listen(fd_, 8), 0);
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
        url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~EarlyAnswerer() {
        ::shutdown(fd_, SHUT_RDWR);  // ends accept()
        thread_.join();
        for (const int peer : peers_) ::close(peer);
        ::close(fd_);
    }
    std::string url;

  private:
    void serve() {
        for (int peer = 0; (peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            peers_.push_back(peer);
            char byte = 0;
            std::string head;
            while (!head.ends_with("\r\n\r\n") && ::recv(peer, &byte, 1, 0) == 1) head += byte;
            constexpr std::string_view kAnswer =
                "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n";
            EXPECT_EQ(::send(peer, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL),
                      std::ssize(kAnswer));
        }
    }
    int fd_;
    std::vector<int> peers_;
    std::thread thread_;
};

TEST_P(ClientTest, DoesNotReuseAConnectionWithHalfABodyOnIt) {
    EarlyAnswerer peer;
    idle_timeout = std::chrono::milliseconds(300);
    start_client(peer.url);
    const std::string bytes(64 * kMiB, 'x');  // more than the sockets' buffers take
    const auto put = run(client->put_object("bkt", "k", {}, body_of(bytes), {}));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().http_status, 503);
    EXPECT_EQ(client->stats().connections_opened, 3U) << "one for each attempt";
    EXPECT_EQ(client->stats().requests[static_cast<std::size_t>(Operation::put_object)], 3U);
}

}  // namespace
}  // namespace s3client
