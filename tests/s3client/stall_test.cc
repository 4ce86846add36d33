// Stores that are silent, or that crawl: every call ends without progress for stall_timeout, names
// the store, the operation, the key and the time; and reads go on over another connection before.
// Times are bounds with room for a busy machine: a call may end later, never earlier.
#include <gmock/gmock.h>
#include <map>

#include "../io/on_backends.h"
#include "s3client/client.h"
#include "scripted_server.h"

namespace s3client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using Peer = test::ScriptedServer::Peer;

constexpr std::string_view kEtag = "0123456789abcdef0123456789abcdef";

std::string head(int status, std::size_t length, const std::string& more = {}) {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\ncontent-length: " + std::to_string(length) + "\r\netag: \"" + std::string(kEtag) +
           "\"\r\n" + more + "\r\n";
}

class TextReceiver final : public BodyReceiver {
  public:
    base::Bytes buffer() override { return block_; }
    void received(std::size_t n) override {
        text.append(reinterpret_cast<const char*>(block_.data()), n);
    }
    std::string text;

  private:
    std::vector<std::byte> block_ = std::vector<std::byte>(10'000);
};

const std::string kObject = [] {
    std::string text;
    for (int i = 0; text.size() < 10'000; ++i) text += std::to_string(i) + ' ';
    return text;
}();

// What is left of kObject, by the request's Range.
std::string object_answer(const std::string& request) {
    const auto at = request.find("range: bytes=");
    const std::size_t from = std::stoul(request.substr(at + 13));
    const std::string range = std::to_string(from) + "-" + std::to_string(kObject.size() - 1);
    return head(206, kObject.size() - from,
                "content-range: bytes " + range + "/" + std::to_string(kObject.size()) + "\r\n") +
           kObject.substr(from);
}

class StallTest : public testing::TestWithParam<io::BackendChoice> {
  protected:
    using Script = test::ScriptedServer::Script;
    void start(Script script, int receive_bytes = 0) {
        server = std::make_unique<test::ScriptedServer>(std::move(script), receive_bytes);
        ClientConfig config;
        config.endpoint = *parse_endpoint(server->url());
        config.credentials = std::move(*static_credentials({"a", "b", {}, std::nullopt}));
        config.idle_timeout = idle_timeout;
        config.stall_timeout = stall_timeout;
        config.retry.patience = patience;
        config.retry.throttled_base = config.retry.transient_base = milliseconds(5);
        client = std::make_unique<S3Client>(reactor, config);
    }
    void TearDown() override {
        client.reset();
        server.reset();
    }
    template <typename T>
    base::Status run(io::Task<base::Result<T>> task) {
        const auto began = steady_clock::now();
        auto done = reactor.run_until_done(std::move(task));
        took = steady_clock::now() - began;
        return done ? base::Status{} : base::Status(std::unexpected(done.error()));
    }
    base::Status get(TextReceiver& receiver) {
        return run(client->get_object({.object = {"bkt", "key", {}},
                                       .etag = std::string(kEtag),
                                       .object_size = kObject.size(),
                                       .range = {0, kObject.size()}},
                                      receiver, {}));
    }
    base::Status list() { return run(client->list_objects("bkt", "p/", {}, {})); }
    base::Status head_object() {
        return run(client->head_object({"bkt", "key", {}}, WithChecksum::no, {}));
    }
    base::Status upload_part() {
        views = {base::as_bytes(body)};
        return run(client->upload_part({"bkt", "key", "id"}, 1, Body{views, body.size(), 1}, {}));
    }
    base::Status complete() {
        return run(client->complete_multipart_upload({.upload = {"bkt", "key", "id"},
                                                      .parts = {{1, "etag", {}}},
                                                      .object_size = 1,
                                                      .crc32 = 1},
                                                     {}));
    }
    std::map<std::string, base::Status> run_all() {
        TextReceiver receiver;
        std::map<std::string, base::Status> ends;
        const auto add = [&](const char* name, base::Status status) {
            expect_stalled(name, status);
            ends[name] = std::move(status);
        };
        add("GetObject", get(receiver));
        add("ListObjects", list());
        add("HeadObject", head_object());
        add("UploadPart", upload_part());
        add("CompleteMultipartUpload", complete());
        return ends;
    }
    void expect_stalled(const std::string& operation, const base::Status& status) {
        SCOPED_TRACE(operation);
        ASSERT_FALSE(status);
        const base::Error& error = status.error();
        EXPECT_EQ(error.code, "timeout");
        EXPECT_EQ(error.kind, base::ErrorKind::transient);
        EXPECT_THAT(error.detail, HasSubstr(operation));
        EXPECT_THAT(error.detail, HasSubstr(operation.starts_with("List") ? "bkt/" : "bkt/key"));
        EXPECT_THAT(error.detail, HasSubstr(server->url()));
        EXPECT_THAT(error.detail, HasSubstr("no progress for "));
        EXPECT_GE(took, stall_timeout * 9 / 10);
        EXPECT_LT(took, kSoon);
    }

    // Far less than all the attempts with all their timeouts would take.
    static constexpr std::chrono::seconds kSoon{20};
    base::Duration idle_timeout = milliseconds(200), stall_timeout = milliseconds(450);
    base::Duration patience = std::chrono::seconds(90);
    base::Duration took{};
    std::string body = std::string(1 << 20, 'x');
    std::vector<base::ByteView> views;
    io::Reactor reactor{*io::make_backend(GetParam())};
    std::unique_ptr<test::ScriptedServer> server;
    std::unique_ptr<S3Client> client;
};
INSTANTIATE_TEST_SUITE_P(Io, StallTest, testing::ValuesIn(io::backends_to_test()),
                         io::backend_label);

TEST_P(StallTest, AStoreThatAcceptsAndNeverAnswers) {
    start([](Peer& peer) { peer.hang(); });
    run_all();
}

TEST_P(StallTest, AStoreThatReadsRequestsAndNeverAnswers) {
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        peer.read_body(request.starts_with("PUT") ? 1 << 20 : 0);
        peer.hang();
    });
    run_all();
}

TEST_P(StallTest, AStoreThatAnswersTheHeadAndStalls) {
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        peer.read_body(request.starts_with("PUT") ? 1 << 20 : 0);
        if (request.starts_with("HEAD")) {
            peer.write("HTTP/1.1 200 OK\r\ncontent-le");
        } else if (request.contains("range: ")) {
            peer.write(object_answer(request).substr(0, 300));
        } else {
            peer.write(head(200, 1'000));
        }
        peer.hang();
    });
    run_all();
}

// Each byte comes in time; all of them would take minutes.
TEST_P(StallTest, AStoreThatDripsItsAnswers) {
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        peer.read_body(request.starts_with("PUT") ? 1 << 20 : 0);
        std::string answer = head(200, 10'000) + "<" + std::string(9'999, 'x');
        if (request.contains("range: ")) answer = object_answer(request);
        peer.write(answer, 1, milliseconds(30));
        peer.hang();
    });
    run_all();
}

// As above, but the head comes at once.
TEST_P(StallTest, AStoreThatDripsItsBodies) {
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        peer.read_body(request.starts_with("PUT") ? 1 << 20 : 0);
        const std::string answer = request.contains("range: ")
                                       ? object_answer(request)
                                       : head(200, 10'000) + "<" + std::string(9'999, 'x');
        const std::size_t body_at = answer.find("\r\n\r\n") + 4;
        if (peer.write(answer.substr(0, body_at)))
            peer.write(answer.substr(body_at), 1, milliseconds(30));
        peer.hang();
    });
    TextReceiver receiver;
    expect_stalled("GetObject", get(receiver));
    EXPECT_EQ(receiver.text, kObject.substr(0, receiver.text.size()));
    expect_stalled("ListObjects", list());
    expect_stalled("CompleteMultipartUpload", complete());
    expect_stalled("UploadPart", upload_part());
}

// What the kernels hold between us is sent soon; the rest at a crawl.
TEST_P(StallTest, AStoreThatTakesAPartAtACrawl) {
    start(
        [](Peer& peer) {
            peer.read_head();
            peer.read_body(1 << 30, 4, milliseconds(30));
        },
        4'096);
    body.assign(64 << 20, 'x');
    expect_stalled("UploadPart", upload_part());
    EXPECT_LE(server->connections(), 6U);
}

TEST_P(StallTest, AnAnswerThatCrawlsGoesOnOverAnotherConnection) {
    std::mutex mutex;
    std::vector<std::size_t> from;
    stall_timeout = std::chrono::minutes(10);  // what counts is that it moves on long before
    start([&](Peer& peer) {
        for (std::string request; !(request = peer.read_head()).empty();) {
            const std::string answer = object_answer(request);
            {
                const std::lock_guard lock(mutex);
                from.push_back(std::stoul(request.substr(request.find("range: bytes=") + 13)));
            }
            const std::size_t fast = answer.find("\r\n\r\n") + 4 + 1'000;
            if (peer.number >= 2) {  // two of them crawl
                peer.write(answer);
                continue;
            }
            peer.write(answer.substr(0, fast));
            peer.write(answer.substr(fast), 1, milliseconds(30));
        }
    });
    TextReceiver receiver;
    const auto got = get(receiver);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(receiver.text, kObject);
    EXPECT_LT(took, kSoon);
    EXPECT_EQ(client->stats().hedged, 0U) << "it must not take the budget for hedges";
    EXPECT_EQ(client->stats().retries, 2U);
    ASSERT_EQ(from.size(), 3U);
    EXPECT_EQ(from[0], 0U);
    EXPECT_GE(from[1], 1'000U);
    EXPECT_GE(from[2], from[1] + 1'000U);
    EXPECT_LT(from[2], 4'000U);
}

TEST_P(StallTest, AHeadThatDoesNotComeIsLookedForOnAnotherConnection) {
    idle_timeout = std::chrono::seconds(1);
    stall_timeout = std::chrono::minutes(10);
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        if (peer.number > 0) peer.write(object_answer(request));
        peer.hang();
    });
    TextReceiver receiver;
    const auto got = get(receiver);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(receiver.text, kObject);
    EXPECT_LT(took, kSoon);
    EXPECT_EQ(client->stats().retries, 1U);
}

// More than the limit, for longer than any timeout: that is slow, and no fault.
TEST_P(StallTest, ATransferThatIsSlowAndSteadyIsLeftInPeace) {
    idle_timeout = std::chrono::seconds(4);  // crawls below 512 bytes in a second
    stall_timeout = std::chrono::seconds(2);
    start([](Peer& peer) {
        const std::string request = peer.read_head();
        peer.write(object_answer(request), 100, milliseconds(30));
        peer.hang();
    });
    TextReceiver receiver;
    const auto got = get(receiver);
    ASSERT_TRUE(got) << got.error().to_string();
    EXPECT_EQ(receiver.text, kObject);
    EXPECT_GT(took, stall_timeout);
    EXPECT_EQ(client->stats().retries, 0U);
}

TEST_P(StallTest, APartThatIsTakenSlowlyAndSteadilyIsLeftInPeace) {
    stall_timeout = std::chrono::seconds(2);
    idle_timeout = std::chrono::seconds(2);
    body.assign(16 << 20, 'x');
    start(
        [this](Peer& peer) {
            peer.read_head();
            if (peer.read_body(body.size(), 64 << 10, milliseconds(12))) peer.write(head(200, 0));
            peer.hang();
        },
        64 << 10);
    const auto done = upload_part();
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_GT(took, stall_timeout);
    EXPECT_EQ(client->stats().retries, 0U);
}

// S3 sends blanks while it puts the parts together.
TEST_P(StallTest, BlanksBeforeTheAnswerOfCompleteAreNoCrawl) {
    idle_timeout = std::chrono::seconds(2);
    stall_timeout = std::chrono::seconds(2);
    start([](Peer& peer) {
        peer.read_head();
        const std::string document =
            "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>";
        const std::string blanks(30, ' ');
        if (!peer.write(head(200, blanks.size() + document.size()))) return;
        if (!peer.write(blanks + "<", 1, milliseconds(100))) return;
        peer.write(document.substr(1));
        peer.hang();
    });
    const auto done = complete();
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_GT(took, stall_timeout);
    EXPECT_EQ(client->stats().retries, 0U);
}

// The same from a call that has no reason to send them.
TEST_P(StallTest, BlanksBeforeAListingAreACrawl) {
    start([](Peer& peer) {
        peer.read_head();
        if (peer.write(head(200, 10'000))) peer.write(std::string(9'000, ' '), 1, milliseconds(30));
        peer.hang();
    });
    expect_stalled("ListObjects", list());
}

// Refusals come at once, and are no silence.
TEST_P(StallTest, AnErrorThatWasAnsweredIsReportedAsItIs) {
    patience = stall_timeout * 3;
    start([](Peer& peer) {
        while (!peer.read_head().empty()) {
            if (!peer.write("HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")) return;
        }
    });
    const auto done = head_object();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().http_status, 500);
    EXPECT_GE(took, stall_timeout) << "as long as it is tried";
    EXPECT_LT(took, kSoon);
}

}  // namespace
}  // namespace s3client
