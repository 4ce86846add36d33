// The response parser, with every answer cut at every byte.
#include "s3client/http1.h"

#include <gtest/gtest.h>

namespace s3client {
namespace {

struct Parsed {
    ResponseHead head;
    std::string body;
    std::string rest;  // what follows the response on the connection
    std::string error;
    bool done = false;
};

// Feeds `wire` in the pieces given by `cuts`, then, if asked, the end of the stream.
Parsed parse(std::string_view wire, const std::vector<std::size_t>& cuts, bool head_request = false,
             bool end = false) {
    Parsed out;
    ResponseParser parser;
    parser.start(head_request);
    const BodySink sink = collect_into(out.body, 1000);
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const std::size_t stop = i < cuts.size() ? cuts[i] : wire.size();
        std::string_view piece = wire.substr(begin, stop - begin);
        begin = stop;
        while (!piece.empty() && !parser.done()) {
            const auto taken = parser.head_done() ? parser.feed_body(base::as_bytes(piece), sink)
                                                  : parser.feed_head(base::as_bytes(piece));
            if (!taken) {
                out.error = taken.error().code;
                return out;
            }
            piece.remove_prefix(*taken);
            if (!parser.head_done() && !piece.empty()) ADD_FAILURE() << "head left bytes behind";
        }
        out.rest += piece;
    }
    if (end) {
        if (const base::Status ok = parser.end_of_stream(); !ok) out.error = ok.error().code;
    }
    if (parser.head_done()) out.head = parser.head();
    out.done = parser.done();
    return out;
}

// Whole, one byte at a time, and cut in two at every place.
std::vector<std::vector<std::size_t>> all_cuts(std::size_t size) {
    std::vector<std::vector<std::size_t>> cuts = {{}};
    std::vector<std::size_t> every;
    for (std::size_t i = 1; i < size; ++i) {
        cuts.push_back({i});
        every.push_back(i);
    }
    cuts.push_back(every);
    return cuts;
}

struct Case {
    const char* name;
    std::string wire;
    bool head_request;
    bool end;
    int status;
    BodyKind kind;
    bool keep_alive;
    std::string body;
    std::string rest;
};

const Case kCases[] = {
    {"length",
     "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", false,
     false, 206, BodyKind::length, true, "hello", "HTTP/1.1"},
    {"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-amz-id-2: \r\n\r\nrest", false, false, 200,
     BodyKind::none, true, "", "rest"},
    {"no content", "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", false, false, 204, BodyKind::none,
     true, "", ""},
    {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nrest", false, false,
     204, BodyKind::none, true, "", "rest"},
    {"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, false, 304,
     BodyKind::none, true, "", ""},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 123456789012\r\n\r\n", true, false, 200,
     BodyKind::none, true, "", ""},
    {"HEAD without a length", "HTTP/1.1 403 Forbidden\r\nx: y\r\n\r\nrest", true, false, 403,
     BodyKind::none, true, "", "rest"},
    {"HEAD chunked", "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\nrest", true,
     false, 404, BodyKind::none, false, "", "rest"},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nC;x=y\r\n wonderful "
     "w\r\n4\r\norld\r\n"
     "0\r\nX-Trailer: 1\r\n\r\nrest",
     false, false, 200, BodyKind::chunked, true, "hello wonderful world", "rest"},
    {"until close", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of this", false, true, 200,
     BodyKind::until_close, false, "all of this", ""},
    {"connection close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
     false, false, 200, BodyKind::length, false, "ok", ""},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, false, 200,
     BodyKind::length, false, "ok", ""},
    {"HTTP/1.0 keep-alive",
     "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", false, false, 200,
     BodyKind::length, true, "ok", ""},
    {"interim",
     "HTTP/1.1 100 Continue\r\nx-interim: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 "
     "OK\r\n"
     "Content-Length: 2\r\n\r\nok",
     false, false, 200, BodyKind::length, true, "ok", ""},
    {"interim with a length",
     "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     false, false, 200, BodyKind::length, true, "ok", ""},
    {"interim and chunked",
     "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     false, false, 200, BodyKind::length, true, "ok", ""},
    {"no reason", "HTTP/1.1 503 \r\nContent-Length: 2\r\n\r\nno", false, false, 503,
     BodyKind::length, true, "no", ""},
};

TEST(ResponseParser, EveryAnswerCutAtEveryByte) {
    for (const Case& c : kCases) {
        for (const auto& cuts : all_cuts(c.wire.size())) {
            const Parsed parsed = parse(c.wire, cuts, c.head_request, c.end);
            SCOPED_TRACE(std::string(c.name) + " cut at " +
                         (cuts.empty() ? "-" : std::to_string(cuts[0])));
            ASSERT_EQ(parsed.error, "");
            ASSERT_TRUE(parsed.done);
            ASSERT_EQ(parsed.head.status, c.status);
            ASSERT_EQ(parsed.head.body, c.kind);
            ASSERT_EQ(parsed.head.keep_alive, c.keep_alive);
            ASSERT_EQ(parsed.body, c.body);
            ASSERT_EQ(parsed.rest, c.rest);
            ASSERT_EQ(parsed.head.find("x-interim"), nullptr);
        }
    }
}

TEST(ResponseParser, HeadersAreWholeWhereverTheyAreCut) {
    const std::string wire =
        "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nX-Amz-Meta-A:   two words \t \r\nx-empty:\r\nETAG: b\r\n"
        "Content-Length: 12345678901\r\n\r\n";
    for (const auto& cuts : all_cuts(wire.size())) {
        const Parsed parsed = parse(wire, cuts);
        ASSERT_EQ(parsed.error, "");
        ASSERT_EQ(parsed.head.headers, (std::vector<std::pair<std::string, std::string>>{
                                           {"etag", "\"a\""},
                                           {"x-amz-meta-a", "two words"},
                                           {"x-empty", ""},
                                           {"etag", "b"},
                                           {"content-length", "12345678901"}}));
        ASSERT_EQ(parsed.head.content_length, 12345678901U);
        ASSERT_EQ(parsed.head.body_length(), 12345678901U);
        ASSERT_FALSE(parsed.done);
    }
}

TEST(ResponseParser, StopsRightBehindTheHead) {
    ResponseParser parser;
    const std::string_view wire = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody bytes";
    const auto taken = parser.feed_head(base::as_bytes(wire));
    ASSERT_TRUE(taken);
    EXPECT_EQ(wire.substr(*taken), "body bytes");
    EXPECT_TRUE(parser.head_done());
    EXPECT_FALSE(parser.done());
}

// A pool reads known lengths by itself and uses the parser for one response after the other.
TEST(ResponseParser, ServesOneResponseAfterTheOther) {
    ResponseParser parser;
    std::string body;
    const BodySink sink = collect_into(body, 100);
    for (int round = 0; round < 3; ++round) {
        for (const Case& c : kCases) {
            parser.start(c.head_request);
            EXPECT_FALSE(parser.head_done());
            const auto taken = parser.feed_head(base::as_bytes(c.wire));
            ASSERT_TRUE(taken) << c.name;
            EXPECT_EQ(parser.head().status, c.status) << c.name;
            if (c.kind != BodyKind::chunked) continue;  // its body is received elsewhere
            body.clear();
            ASSERT_TRUE(
                parser.feed_body(base::as_bytes(std::string_view(c.wire).substr(*taken)), sink));
            EXPECT_EQ(body, c.body);
        }
    }
}

TEST(ResponseParser, StartAfterAnErrorIsAFreshStart) {
    ResponseParser parser;
    EXPECT_FALSE(parser.feed_head(base::as_bytes("garbage")));
    EXPECT_FALSE(parser.feed_head(base::as_bytes("HTTP/1.1 200 OK\r\n\r\n")));
    parser.start(false);
    EXPECT_TRUE(parser.feed_head(base::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
    EXPECT_TRUE(parser.done());
}

TEST(ResponseParser, GarbageIsAnError) {
    for (const std::string_view wire :
         {std::string_view("GET / HTTP/1.1\r\n\r\n"),
          std::string_view("\x16\x03\x01\x02\x00\x01", 6),
          std::string_view("HTTP/2.0 200 OK\r\n\r\n"), std::string_view("HTTP/1.1 99 Low\r\n\r\n"),
          std::string_view(
              "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
          std::string_view("HTTP/1.1 600 High\r\n\r\n"), std::string_view("HTTP/1.1 abc\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
          std::string_view(
              "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nbad header\r\n\r\n"),
          std::string_view("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", 27),
          std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
          std::string_view(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n")}) {
        for (const auto& cuts : all_cuts(wire.size())) {
            ASSERT_EQ(parse(wire, cuts).error, "bad_http_response") << wire;
        }
    }
}

TEST(ResponseParser, TheHeadIsBounded) {
    std::string few = "HTTP/1.1 200 OK\r\nx: ";
    few.append(kResponseHeadMax_bytes, 'a').append("\r\n\r\n");
    EXPECT_EQ(parse(few, {}).error, "bad_http_response");
    EXPECT_EQ(parse(few, {100, 5000, 60000}).error, "bad_http_response");

    // Interim answers do not reset the count.
    std::string interim;
    while (interim.size() <= kResponseHeadMax_bytes) interim += "HTTP/1.1 100 Continue\r\n\r\n";
    EXPECT_EQ(parse(interim, {}).error, "bad_http_response");

    const auto with_headers = [](std::size_t count) {
        std::string wire = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n";
        for (std::size_t i = 1; i < count; ++i) wire += "a: b\r\n";
        return wire + "\r\n";
    };
    EXPECT_EQ(parse(with_headers(kResponseHeadersMax), {}).error, "");
    EXPECT_EQ(parse(with_headers(kResponseHeadersMax + 1), {}).error, "bad_http_response");
}

TEST(ResponseParser, AHeadOfTheGreatestSizePasses) {
    std::string wire = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ";
    wire.append(kResponseHeadMax_bytes - wire.size() - 4, 'a').append("\r\n\r\n");
    ASSERT_EQ(wire.size(), kResponseHeadMax_bytes);
    EXPECT_EQ(parse(wire + "rest", {}).error, "");
    EXPECT_EQ(parse(wire + "rest", {}).rest, "rest");
}

TEST(ResponseParser, TheBodyIsBoundedByTheSink) {
    const std::string wire =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for (const std::size_t limit : {4U, 5U}) {
        ResponseParser parser;
        std::string body;
        const auto taken = parser.feed_head(base::as_bytes(wire));
        ASSERT_TRUE(taken);
        const auto fed = parser.feed_body(base::as_bytes(std::string_view(wire).substr(*taken)),
                                          collect_into(body, limit));
        ASSERT_EQ(fed.has_value(), limit == 5);
        EXPECT_EQ(parser.done(), limit == 5);
        if (!fed) {
            EXPECT_EQ(fed.error().code, "body_too_large");
        }
    }
}

TEST(ResponseParser, TheEndOfTheStreamIsAnErrorUnlessItEndsTheBody) {
    const struct {
        const char* wire;
        const char* error;
    } cases[] = {
        {"", "connection_closed"},
        {"HTTP/1.1 200", "connection_closed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "connection_closed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
         "connection_closed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
        {"HTTP/1.1 200 OK\r\n\r\n", ""},
        {"HTTP/1.1 200 OK\r\n\r\nhello", ""},
        {"HTTP/1.1 100 Continue\r\n\r\n", "connection_closed"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(parse(c.wire, {}, false, true).error, c.error) << c.wire;
    }
}

}  // namespace
}  // namespace s3client
