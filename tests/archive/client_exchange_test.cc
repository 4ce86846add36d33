// S3Client against a server whose answers do not belong to its requests: they come early, late,
// twice, with bytes behind them, or are of something else than was asked for.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <map>

#include "../s3client/scripted_http.h"
#include "base/encoding.h"
#include "base/log.h"
#include "engine_fixture.h"
#include "s3client/client.h"

namespace s3client {
namespace {

using archive::IoChoice;
using archive::test::kMiB;
using archive::test::plain_crc32;

constexpr std::string_view kBody = "0123456789";
constexpr std::string_view kEtag = "ETag: \"e\"\r\n";

class TextReceiver final : public BodyReceiver {
  public:
    base::Bytes buffer() override { return block_; }
    void received(std::size_t n) override {
        text += base::as_text(base::ByteView(block_).first(n));
    }
    std::string text;

  private:
    std::array<std::byte, 1000> block_{};
};

class ClientExchangeTest : public testing::TestWithParam<IoChoice> {
  protected:
    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        reactor = std::make_unique<io::Reactor>(std::move(*io::make_backend(
            GetParam() == IoChoice::uring ? io::BackendChoice::uring : io::BackendChoice::epoll)));
    }
    void serve(ScriptedHttp::Script script) {
        client.reset();
        server = std::make_unique<ScriptedHttp>(std::move(script));
        ClientConfig config;
        config.endpoint = *parse_endpoint(server->url());
        config.credentials = std::move(*static_credentials({"key", "secret", {}, std::nullopt}));
        config.retry.attempts_max = 3;
        config.retry.patience = {};
        config.retry.transient_base = std::chrono::milliseconds(1);
        config.idle_timeout = std::chrono::seconds(10);
        client = std::make_unique<S3Client>(*reactor, config);
    }
    template <typename T>
    T run(io::Task<T> task) {
        return reactor->run_until_done(std::move(task));
    }
    // Of an object of 10 bytes.
    base::Result<std::string> get(ByteRange range = {0, 10}, std::string key = "k",
                                  std::string version_id = {}) {
        TextReceiver receiver;
        const auto done = run(client->get_object({.object = {"bkt", std::move(key), version_id},
                                                  .etag = "e",
                                                  .object_size = 10,
                                                  .range = range},
                                                 receiver, {}));
        if (!done) return std::unexpected(done.error());
        return receiver.text;
    }
    base::Result<ObjectHead> head(std::string key = "k") {
        return run(client->head_object({"bkt", std::move(key), {}}, WithChecksum::no, {}));
    }
    base::Result<WrittenObject> put(const std::string& text) {
        const std::array<base::ByteView, 1> pieces = {base::as_bytes(text)};
        return run(
            client->put_object("bkt", "k", {}, {pieces, text.size(), plain_crc32(text)}, {}));
    }
    // What went wrong, or the bytes.
    static std::string outcome(const base::Result<std::string>& got) {
        return got ? *got : got.error().code;
    }
    static std::string range_answer(ByteRange range, std::string_view etag = kEtag) {
        return ScriptedHttp::answer("206 Partial Content",
                                    fmt::format("{}Content-Range: bytes {}-{}/10\r\n", etag,
                                                range.offset, range.offset + range.length - 1),
                                    kBody.substr(range.offset, range.length));
    }
    static std::string head_answer(std::string_view etag, std::string_view after = {}) {
        return fmt::format("HTTP/1.1 200 OK\r\nETag: \"{}\"\r\nContent-Length: 10\r\n\r\n{}", etag,
                           after);
    }

    std::unique_ptr<io::Reactor> reactor;
    std::unique_ptr<ScriptedHttp> server;
    std::unique_ptr<S3Client> client;
};
ON_ENGINES(ClientExchangeTest);

TEST_P(ClientExchangeTest, TheServerKeepsItsConnections) {
    serve([](const ScriptedRequest&) { return ScriptedReply{.bytes = range_answer({0, 10})}; });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(get()), kBody);
    EXPECT_EQ(server->connections(), 1);
}

// Whatever is read with an answer, or waits in the kernel when the connection is used again.
TEST_P(ClientExchangeTest, BytesBehindAnAnswerEndTheConnection) {
    for (const std::string tail : {"x", "\r\n", "HTTP/1.1 200 O"}) {
        for (const bool same_segment : {true, false}) {
            serve([&](const ScriptedRequest& request) {
                ScriptedReply reply{.bytes = range_answer({0, 10})};
                if (request.nth == 0) (same_segment ? reply.bytes : reply.then) += tail;
                return reply;
            });
            EXPECT_EQ(outcome(get()), kBody) << tail;
            server->wait_until_sent();
            EXPECT_EQ(outcome(get()), kBody) << tail;
            EXPECT_EQ(server->connections(), 2) << tail << same_segment;
            EXPECT_EQ(server->requests().back().connection, 1);
        }
    }
}

// A GET whose bytes are those of the range is right whatever follows; what a write has done is
// known only from its answer.
TEST_P(ClientExchangeTest, AWriteWithBytesBehindItsAnswerIsInDoubt) {
    serve([](const ScriptedRequest& request) {
        ScriptedReply reply{.bytes = ScriptedHttp::answer("200 OK", kEtag, "")};
        if (request.nth == 0) reply.bytes += "HTTP/1.1 200 OK\r\n";
        return reply;
    });
    EXPECT_TRUE(put("text"));
    EXPECT_EQ(server->count("PUT"), 2);
    EXPECT_EQ(server->connections(), 2);
}

TEST_P(ClientExchangeTest, AnAnswerThatComesWithTheNextRequest) {
    const std::string other = range_answer({0, 10}, "ETag: \"other\"\r\n");
    const std::string elsewhere = range_answer({5, 5});
    const std::string without_etag = range_answer({0, 10}, "");
    for (const std::string& stale : {other, elsewhere, without_etag}) {
        serve([&](const ScriptedRequest& request) {
            ScriptedReply reply{.bytes = range_answer({0, 10})};
            if (request.nth == 0) reply.with_next = stale;
            return reply;
        });
        EXPECT_EQ(outcome(get()), kBody);
        EXPECT_EQ(outcome(get()), kBody) << stale;
        EXPECT_EQ(server->connections(), 2);
        EXPECT_EQ(client->stats().requests[static_cast<std::size_t>(Operation::get_object)], 3U)
            << stale;
    }
}

// The answer to a HEAD has a length and no body: taken for the answer to a GET, the bytes of the
// true answer would be taken for the object's.
TEST_P(ClientExchangeTest, ACopyOfAHeadIsNotTheAnswerToAGet) {
    serve([](const ScriptedRequest& request) {
        if (request.is("HEAD"))
            return ScriptedReply{.bytes = head_answer("e"), .with_next = head_answer("e")};
        return ScriptedReply{.bytes = range_answer({0, 10})};
    });
    EXPECT_TRUE(head());
    EXPECT_EQ(outcome(get()), kBody);
}

TEST_P(ClientExchangeTest, ASuccessBeforeTheBodyIsNone) {
    for (const bool close : {false, true}) {
        serve([&](const ScriptedRequest& request) {
            const std::string headers =
                fmt::format("{}{}", kEtag, close ? "Connection: close\r\n" : "");
            return ScriptedReply{.bytes = ScriptedHttp::answer("200 OK", headers, ""),
                                 .before_body = request.nth == 0,
                                 .close = close};
        });
        EXPECT_TRUE(put(std::string(16 * kMiB, 'x')));
        EXPECT_EQ(server->count("PUT"), 2) << close;
        EXPECT_EQ(server->connections(), 2) << close;
    }
}

// 100 Continue may come at any time; it is no answer.
TEST_P(ClientExchangeTest, InterimAnswersAreTolerated) {
    const std::string interim =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
    serve([&](const ScriptedRequest& request) {
        if (request.is("GET")) return ScriptedReply{.bytes = interim + range_answer({0, 10})};
        return ScriptedReply{.bytes = "HTTP/1.1 100 Continue\r\n\r\n",
                             .before_body = true,
                             .then = interim + ScriptedHttp::answer("200 OK", kEtag, "")};
    });
    EXPECT_EQ(outcome(get()), kBody);
    EXPECT_TRUE(put("text"));
    EXPECT_TRUE(put(std::string(16 * kMiB, 'x')));
    EXPECT_EQ(server->requests().size(), 3U);
    EXPECT_EQ(server->connections(), 1);
}

TEST_P(ClientExchangeTest, AHeadWithABody) {
    serve([](const ScriptedRequest& request) {
        return ScriptedReply{.bytes = head_answer("e", request.nth == 0 ? kBody : "")};
    });
    EXPECT_TRUE(head());
    EXPECT_TRUE(head("other"));
    EXPECT_EQ(server->connections(), 2);
}

TEST_P(ClientExchangeTest, NoContentWithContent) {
    serve([](const ScriptedRequest& request) {
        return ScriptedReply{.bytes = std::string("HTTP/1.1 204 No Content\r\n\r\n") +
                                      (request.nth == 0 ? "content" : "")};
    });
    EXPECT_TRUE(
        run(client->abort_multipart_upload({.bucket = "bkt", .key = "k", .upload_id = "u"}, {})));
    EXPECT_TRUE(
        run(client->abort_multipart_upload({.bucket = "bkt", .key = "k", .upload_id = "u"}, {})));
    EXPECT_EQ(server->connections(), 2);
}

// Where an answer ends must not be a matter of opinion (RFC 9112, 6.3).
TEST_P(ClientExchangeTest, TwoLengths) {
    const char* doubtful[] = {"Content-Length: 10\r\nContent-Length: 3\r\n",
                              "Content-Length: 10\r\nTransfer-Encoding: chunked\r\n",
                              "Content-Length: 10, 3\r\n"};
    for (const char* lengths : doubtful) {
        serve([&](const ScriptedRequest& request) {
            if (request.nth > 0) return ScriptedReply{.bytes = range_answer({0, 10})};
            return ScriptedReply{.bytes = fmt::format("HTTP/1.1 206 Partial Content\r\n{}"
                                                      "Content-Range: bytes 0-9/10\r\n{}\r\n{}",
                                                      kEtag, lengths, kBody)};
        });
        EXPECT_EQ(outcome(get()), kBody) << lengths;
        EXPECT_EQ(server->connections(), 2) << lengths;
    }
}

TEST_P(ClientExchangeTest, TheAnswerIsOfTheObjectThatWasAskedFor) {
    const std::pair<const char*, const char*> cases[] = {
        {"ETag: \"e\"\r\n", ""},
        {"ETag: W/\"e\"\r\n", ""},
        {"ETag: \"E\"\r\n", "precondition"},
        {"ETag: W/\"f\"\r\n", "precondition"},
        {"ETag: \"e\"\r\nx-amz-version-id: v1\r\n", ""},
        {"ETag: \"e\"\r\nx-amz-version-id: v2\r\n", "precondition"},
    };
    for (const auto& [headers, kind] : cases) {
        serve([&](const ScriptedRequest&) {
            return ScriptedReply{.bytes = range_answer({0, 10}, headers)};
        });
        const auto got = get({0, 10}, "k", "v1");
        EXPECT_EQ(got ? "" : base::to_string(got.error().kind), kind) << headers;
        if (got) {
            EXPECT_EQ(*got, kBody);
        } else {
            EXPECT_EQ(got.error().key, "bkt/k");
        }
    }
}

struct RangeCase {
    const char* status;
    const char* headers;
    std::string_view body;
    const char* code;  // "": it is right
};

TEST_P(ClientExchangeTest, TheAnswerIsOfTheRangeThatWasAskedFor) {
    const RangeCase cases[] = {
        {"206 Partial", "Content-Range: bytes 2-5/10\r\n", "2345", ""},
        {"206 Partial", "Content-Range: bytes 2-5/*\r\n", "2345", ""},
        {"206 Partial", "Content-Range: bytes 3-6/10\r\n", "3456", "wrong_range"},
        {"206 Partial", "Content-Range: bytes 2-5/11\r\n", "2345", "wrong_range"},
        {"206 Partial", "Content-Range: bytes 2-6/10\r\n", "23456", "wrong_range"},
        {"206 Partial", "Content-Range: items 2-5/10\r\n", "2345", "wrong_range"},
        {"206 Partial", "", "2345", "wrong_range"},
        {"200 OK", "", "0123456789", "wrong_range"},
        {"200 OK", "", "2345", "wrong_range"},
        {"204 No Content", "Content-Range: bytes 2-5/10\r\n", "", "wrong_range"},
        {"206 Partial", "Content-Range: bytes 2-5/10\r\n", "234", "wrong_length"},
        {"206 Partial", "Content-Range: bytes 2-5/10\r\n", "234567", "wrong_length"},
    };
    for (const RangeCase& c : cases) {
        serve([&](const ScriptedRequest&) {
            return ScriptedReply{.bytes = ScriptedHttp::answer(
                                     c.status, fmt::format("{}{}", kEtag, c.headers), c.body)};
        });
        const std::string right = "2345";
        EXPECT_EQ(outcome(get({2, 4})), *c.code == '\0' ? right : c.code) << c.headers << c.body;
        // Another connection may lead to another server: tried before it is an error.
        EXPECT_EQ(server->connections(), *c.code == '\0' ? 1 : 4) << c.headers << c.body;
    }
}

TEST_P(ClientExchangeTest, AWrongRangeOnOneConnectionIsRightOnTheNext) {
    for (const char* headers : {"Content-Range: bytes 1-4/10\r\n", ""}) {
        serve([&](const ScriptedRequest& request) {
            if (request.connection > 0) return ScriptedReply{.bytes = range_answer({2, 4})};
            return ScriptedReply{.bytes = ScriptedHttp::answer(
                                     "206 Partial", fmt::format("{}{}", kEtag, headers), "1234")};
        });
        EXPECT_EQ(outcome(get({2, 4})), "2345");
        EXPECT_EQ(server->connections(), 2);
    }
}

TEST_P(ClientExchangeTest, TheWholeObjectMayComeAs200) {
    serve([](const ScriptedRequest&) {
        return ScriptedReply{.bytes = ScriptedHttp::answer("200 OK", kEtag, kBody)};
    });
    EXPECT_EQ(outcome(get()), kBody);
    EXPECT_EQ(server->connections(), 1);
}

// The answer to an earlier LIST, on a connection that was used before.
TEST_P(ClientExchangeTest, AListingIsOfThePrefixAndTheTokenThatWereAskedFor) {
    const auto page = [](std::string_view prefix, std::string_view token, std::string_view key) {
        const std::string repeated =
            token.empty() ? "" : fmt::format("<ContinuationToken>{}</ContinuationToken>", token);
        return ScriptedHttp::answer(
            "200 OK", "",
            fmt::format("<ListBucketResult><Prefix>{}</Prefix>{}<IsTruncated>false</IsTruncated>"
                        "<Contents><Key>{}</Key><Size>1</Size>"
                        "<LastModified>2026-01-02T03:04:05Z</LastModified></Contents>"
                        "</ListBucketResult>",
                        prefix, repeated, key));
    };
    const auto listed = [&](std::string_view prefix, std::string token = {}) {
        const auto got = run(client->list_objects("bkt", std::string(prefix), token, {}));
        return got ? got->objects.front().key : got.error().code;
    };
    serve([&](const ScriptedRequest& request) -> ScriptedReply {
        const bool later = request.head.contains("continuation-token=t");
        const std::string_view prefix = request.head.contains("prefix=b%2F") ? "b/" : "a/";
        if (request.nth == 0) return {.bytes = page("a/", "", "a/1")};
        if (request.nth == 1) return {.bytes = page("a/", "t", "a/2")};
        // From here on connections that were used before give the first page again.
        if (request.connection == 0) return {.bytes = page("a/", "", "a/1")};
        return {.bytes = page(prefix, later ? "t" : "", later ? "a/2" : "b/1")};
    });
    EXPECT_EQ(listed("a/"), "a/1");
    EXPECT_EQ(listed("a/", "t"), "a/2");
    EXPECT_EQ(server->connections(), 1);
    EXPECT_EQ(listed("b/"), "b/1");
    EXPECT_EQ(server->connections(), 2);
}

TEST_P(ClientExchangeTest, AListingWithAnotherTokenIsAskedForAgain) {
    const auto page = [](std::string_view token, std::string_view key) {
        return ScriptedHttp::answer(
            "200 OK", "",
            fmt::format("<ListBucketResult><Prefix></Prefix><ContinuationToken>{}"
                        "</ContinuationToken><IsTruncated>false</IsTruncated><Contents><Key>{}"
                        "</Key><Size>1</Size><LastModified>2026-01-02T03:04:05Z</LastModified>"
                        "</Contents></ListBucketResult>",
                        token, key));
    };
    serve([&](const ScriptedRequest& request) -> ScriptedReply {
        if (request.connection == 0) return {.bytes = page("t1", "one")};
        return {.bytes = page("t2", "two")};
    });
    const auto listed = [&](std::string token) {
        return run(client->list_objects("bkt", "", token, {}))->objects.front().key;
    };
    EXPECT_EQ(listed("t1"), "one");
    EXPECT_EQ(listed("t2"), "two");
    EXPECT_EQ(server->connections(), 2);
}

}  // namespace
}  // namespace s3client
