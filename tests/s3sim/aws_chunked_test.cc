// Bodies in aws-chunked: what SDKs send for uploads, and everything that is wrong with such a body.
#include <fmt/format.h>
#include <algorithm>

#include "base/encoding.h"
#include "client.h"
#include "s3sim/aws_chunked.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

constexpr std::string_view kSecret = "s3simsecret";

Sha256 signing_key(std::string_view secret, const std::string& date, std::string_view region) {
    Sha256 key = hmac_sha256(base::as_bytes("AWS4" + std::string(secret)), date.substr(0, 8));
    for (const std::string_view step :
         {region, std::string_view("s3"), std::string_view("aws4_request")}) {
        key = hmac_sha256(key, step);
    }
    return key;
}

// Builds the framing; every member may be set wrong on purpose.
struct Encoder {
    bool is_signed = true;
    std::string trailer_name{};  // empty: no trailer
    std::string trailer_value{};
    std::size_t chunk_size = 64 << 10;
    int wrong_signature_at = -1;  // index of the chunk, the last empty one too
    bool wrong_trailer_signature = false;

    std::string encode(std::string_view data, const std::string& date,
                       const std::string& seed) const {
        const Sha256 key = signing_key(kSecret, date, "us-east-1");
        const std::string scope = date.substr(0, 8) + "/us-east-1/s3/aws4_request";
        std::string previous = seed;
        const auto sign = [&](std::string_view kind, const std::string& tail) {
            return hex(hmac_sha256(
                key, fmt::format("{}\n{}\n{}\n{}\n{}", kind, date, scope, previous, tail)));
        };
        std::string wire;
        for (int n = 0;; ++n) {
            const std::string_view chunk = data.substr(0, chunk_size);
            data.remove_prefix(chunk.size());
            wire += fmt::format("{:x}", chunk.size());
            if (is_signed) {
                previous =
                    sign("AWS4-HMAC-SHA256-PAYLOAD", hex(sha256("")) + "\n" + hex(sha256(chunk)));
                wire += ";chunk-signature=" +
                        (n == wrong_signature_at ? hex(sha256("wrong")) : previous);
            }
            wire += "\r\n";
            if (chunk.empty()) break;
            wire.append(chunk).append("\r\n");
        }
        if (!trailer_name.empty()) {
            wire += trailer_name + ":" + trailer_value + "\r\n";
            const std::string hash =
                hex(sha256(fmt::format("{}:{}\n", trailer_name, trailer_value)));
            if (is_signed) {
                wire += "x-amz-trailer-signature:" +
                        (wrong_trailer_signature ? hex(sha256("wrong"))
                                                 : sign("AWS4-HMAC-SHA256-TRAILER", hash)) +
                        "\r\n";
            }
        }
        return wire + "\r\n";
    }
};

class AwsChunkedTest : public ServerTest {
  protected:
    void SetUp() override { start(); }

    static Headers headers(const Encoder& encoder, std::size_t size) {
        const std::string_view kind = encoder.trailer_name.empty() ? kSignedChunks
                                      : encoder.is_signed          ? kSignedTrailer
                                                                   : kUnsignedTrailer;
        Headers made = {{"content-encoding", "aws-chunked"},
                        {"x-amz-content-sha256", std::string(kind)},
                        {"x-amz-decoded-content-length", std::to_string(size)}};
        if (!encoder.trailer_name.empty()) made.emplace_back("x-amz-trailer", encoder.trailer_name);
        return made;
    }
    Answer send(const Encoder& encoder, std::string_view data, std::string_view query = {}) {
        client->make_body = [&](const std::string& date, const std::string& signature) {
            return encoder.encode(data, date, signature);
        };
        Answer answer = client->call("PUT", "/bkt/k", query, {}, headers(encoder, data.size()));
        client->make_body = {};
        return answer;
    }
    // With a body as it is; the kind is unsigned, with a CRC32 trailer.
    Answer send_wire(std::string_view wire, std::size_t declared) {
        return client->call(
            "PUT", "/bkt/k", {}, wire,
            headers({.is_signed = false, .trailer_name = "x-amz-checksum-crc32"}, declared));
    }
    static Encoder with_crc(std::string_view data, bool is_signed) {
        return {.is_signed = is_signed,
                .trailer_name = "x-amz-checksum-crc32",
                .trailer_value = crc_base64(data)};
    }
    static std::string text(std::size_t size) {
        std::string made(size, 0);
        for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<char>(i * 7 + (i >> 9));
        return made;
    }
};

TEST_F(AwsChunkedTest, AllKindsAndSizes) {
    for (const std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(65'536),
                                   std::size_t(65'537), std::size_t(1'000'003)}) {
        const std::string data = text(size);
        for (const Encoder& encoder : {Encoder{}, with_crc(data, true), with_crc(data, false)}) {
            const Answer sent = send(encoder, data);
            ASSERT_EQ(sent.status, 200) << sent.body;
            EXPECT_TRUE(server->get("bkt", "k") == data) << size;
            const Answer head =
                client->call("HEAD", "/bkt/k", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
            EXPECT_EQ(head.headers.at("content-length"), std::to_string(size));
            EXPECT_FALSE(head.headers.contains("content-encoding"));
            EXPECT_EQ(head.headers.contains("x-amz-checksum-crc32"), !encoder.trailer_name.empty());
        }
    }
}

TEST_F(AwsChunkedTest, ThePartsOfAnUpload) {
    const std::string id = create("k", {{"x-amz-checksum-algorithm", "CRC32"}});
    const std::string query = "partNumber=1&uploadId=" + id;
    const std::string data = text(6 << 20);
    EXPECT_EQ(send({}, data, query).code(), "InvalidRequest") << "no checksum";
    const Answer sent = send(with_crc(data, false), data, query);
    ASSERT_EQ(sent.status, 200) << sent.body;
    EXPECT_EQ(sent.headers.at("x-amz-checksum-crc32"), crc_base64(data));
    const Answer done =
        client->call("POST", "/bkt/k", "uploadId=" + id,
                     complete_xml({part_xml(1, sent.headers.at("etag"), crc_base64(data))}));
    EXPECT_EQ(done.status, 200) << done.body;
    EXPECT_TRUE(server->get("bkt", "k") == data);
}

TEST_F(AwsChunkedTest, Sha256InTheTrailer) {
    Encoder encoder{.is_signed = false, .trailer_name = "x-amz-checksum-sha256"};
    const Sha256 digest = sha256("data");
    encoder.trailer_value = base::base64(base::ByteView(digest));
    EXPECT_EQ(send(encoder, "data").status, 200);
    EXPECT_EQ(send(encoder, "date").code(), "BadDigest");
}

TEST_F(AwsChunkedTest, OtherEncodingsStay) {
    const Encoder encoder = with_crc("data", false);
    Headers more = headers(encoder, 4);
    more[0].second = "aws-chunked, gzip";
    EXPECT_EQ(
        client->call("PUT", "/bkt/k", {}, encoder.encode("data", "20261130", ""), more).status,
        200);
    EXPECT_EQ(client->call("HEAD", "/bkt/k").headers.at("content-encoding"), "gzip");
}

TEST_F(AwsChunkedTest, SignaturesThatAreWrong) {
    const std::string data = text(100'000);
    for (const int chunk : {0, 1, 2}) {  // the last one is empty
        EXPECT_EQ(send({.wrong_signature_at = chunk}, data).code(), "SignatureDoesNotMatch");
    }
    Encoder encoder = with_crc(data, true);
    encoder.wrong_trailer_signature = true;
    EXPECT_EQ(send(encoder, data).code(), "SignatureDoesNotMatch");
    client->secret_key = "other";
    EXPECT_EQ(send({}, data).code(), "SignatureDoesNotMatch") << "the request's own";
    EXPECT_FALSE(server->get("bkt", "k"));
}

TEST_F(AwsChunkedTest, ChecksumsThatAreWrong) {
    for (const bool is_signed : {true, false}) {
        Encoder encoder = with_crc("data", is_signed);
        EXPECT_EQ(send(encoder, "date").code(), "BadDigest");
        encoder.trailer_value = "no base64";
        EXPECT_EQ(send(encoder, "data").code(), "InvalidRequest");
    }
    EXPECT_FALSE(server->get("bkt", "k"));
}

TEST_F(AwsChunkedTest, FramingThatIsWrong) {
    const std::string crc = "x-amz-checksum-crc32:" + crc_base64("data") + "\r\n";
    ASSERT_EQ(send_wire("4\r\ndata\r\n0\r\n" + crc + "\r\n", 4).status, 200);
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"4\r\ndata\r\n0\r\n\r\n", "MalformedTrailerError"},                   // no trailer
        {"4\r\ndata\r\n0\r\n" + crc + crc + "\r\n", "MalformedTrailerError"},  // twice
        {"4\r\ndata\r\n0\r\nx-amz-checksum-sha1:AA==\r\n\r\n", "MalformedTrailerError"},
        {"4\r\ndata\r\n0\r\nno colon\r\n\r\n", "MalformedTrailerError"},
        {"4\r\ndata\r\n0\r\n" + crc, "IncompleteBody"},  // no end
        {"4\r\ndata\r\n", "IncompleteBody"},
        {"2\r\nda\r\n0\r\n" + crc + "\r\n", "IncompleteBody"},     // less than declared
        {"5\r\ndata!\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},  // more
        {"4\r\ndata!\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},  // more than the chunk
        {"4\ndata\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},     // LF alone
        {"\r\n4\r\ndata\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},
        {"x\r\ndata\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},
        {"4;chunk-signature=00\r\ndata\r\n0\r\n" + crc + "\r\n", "InvalidRequest"},
        {"1\r\nd\r\n3\r\nata\r\n0\r\n" + crc + "\r\n", "InvalidChunkSizeError"},
        {"4\r\ndata\r\n0\r\n" + crc + "\r\nmore", "InvalidRequest"},
        {std::string(3000, '4'), "InvalidRequest"}};
    for (const auto& [wire, code] : wrong) EXPECT_EQ(send_wire(wire, 4).code(), code) << wire;
    EXPECT_EQ(client->call("GET", "/bkt/k").body, "data") << "the connection goes on";
}

TEST_F(AwsChunkedTest, HeadersThatDoNotFit) {
    const Encoder encoder = with_crc("data", false);
    const auto code = [&](std::string_view method, std::string_view name, std::string_view value) {
        Headers changed = headers(encoder, 4);
        std::erase_if(changed, [&](const auto& header) { return header.first == name; });
        if (!value.empty()) changed.emplace_back(name, value);
        const std::string_view query = method == "POST" ? "uploads=" : "";
        return client
            ->call(method, "/bkt/k", query, encoder.encode("data", "20261130", ""), changed)
            .code();
    };
    EXPECT_EQ(code("PUT", "x-amz-decoded-content-length", ""), "MissingContentLength");
    EXPECT_EQ(code("PUT", "x-amz-decoded-content-length", "four"), "MissingContentLength");
    EXPECT_EQ(code("PUT", "x-amz-trailer", ""), "InvalidRequest");
    EXPECT_EQ(code("PUT", "x-amz-trailer", "x-amz-meta-a"), "InvalidRequest");
    EXPECT_EQ(code("PUT", "x-amz-content-sha256", "UNSIGNED-PAYLOAD"), "InvalidRequest");
    EXPECT_EQ(code("PUT", "x-amz-content-sha256", "STREAMING-OTHER"), "InvalidArgument");
    EXPECT_EQ(code("POST", "x-amz-trailer", "x-amz-checksum-crc32"), "InvalidRequest");
    EXPECT_EQ(code("PUT", "content-encoding", ""), "") << "AWS does not need it";
}

// Byte by byte: a seam of the receiver's buffers may be anywhere.
TEST(AwsChunks, SeamsAnywhere) {
    const std::string data = std::string(9000, 'a') + "end";
    const Encoder encoder{.chunk_size = 9000};
    const std::string wire = encoder.encode(data, "20261130T000000Z", "seed");
    for (const std::size_t step : {1U, 2U, 3U, 7U, 8999U}) {
        AwsChunks chunks(kSignedChunks, data.size(), "",
                         {"20261130T000000Z", "20261130/us-east-1/s3/aws4_request",
                          signing_key(kSecret, "20261130T000000Z", "us-east-1"), "seed"});
        std::string got;
        for (std::size_t at = 0; at < wire.size(); at += step) {
            const auto fed =
                chunks.feed(base::as_bytes(std::string_view(wire).substr(at, step)),
                            [&](base::ByteView bytes) { got += base::as_text(bytes); });
            ASSERT_TRUE(fed) << fed.error().message;
        }
        EXPECT_TRUE(chunks.finish());
        EXPECT_EQ(got, data);
    }
}

// The example of AWS's documentation "Signature calculations for the Authorization header:
// Transferring payload in multiple chunks".
TEST(AwsChunks, AsAwsDocumentsIt) {
    constexpr std::string_view kDate = "20130524T000000Z";
    const Sha256 key =
        signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", std::string(kDate), "us-east-1");
    AwsChunks chunks(kSignedChunks, 66'560, "",
                     {std::string(kDate), "20130524/us-east-1/s3/aws4_request", key,
                      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"});
    const std::string wire =
        "10000;chunk-signature="
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
        std::string(65'536, 'a') +
        "\r\n400;chunk-signature="
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
        std::string(1024, 'a') +
        "\r\n0;chunk-signature="
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
    const auto fed = chunks.feed(base::as_bytes(wire), [](base::ByteView) {});
    ASSERT_TRUE(fed) << fed.error().message;
    EXPECT_TRUE(chunks.finish());
}

TEST(AwsChunked, StoresThatRefuseIt) {
    struct Row {
        std::string store;
        std::string signed_code, trailer_code;
    };
    for (const Row& row : std::vector<Row>{{"swift", "NotImplemented", "NotImplemented"},
                                           {"oss", "InvalidArgument", "InvalidArgument"},
                                           {"rgw", "", "XAmzContentSHA256Mismatch"},
                                           {"gcs", "", "SignatureDoesNotMatch"}}) {
        Options options;
        options.buckets = {"bkt"};
        options.like = row.store;
        const auto server = Server::start(options);
        ASSERT_TRUE(server);
        Client client((*server)->port());
        client.host = "bkt.localhost";
        for (const bool trailer : {false, true}) {
            Encoder encoder{.is_signed = !trailer};
            if (trailer) {
                encoder.trailer_name = "x-amz-checksum-crc32";
                encoder.trailer_value = crc_base64("data");
            }
            client.make_body = [&](const std::string& date, const std::string& signature) {
                return encoder.encode("data", date, signature);
            };
            Headers headers = {
                {"x-amz-decoded-content-length", "4"},
                {"x-amz-content-sha256", std::string(trailer ? kUnsignedTrailer : kSignedChunks)}};
            if (trailer) headers.emplace_back("x-amz-trailer", encoder.trailer_name);
            EXPECT_EQ(client.call("PUT", "/k", {}, {}, headers).code(),
                      trailer ? row.trailer_code : row.signed_code)
                << row.store;
        }
    }
}

}  // namespace
}  // namespace s3sim::test
