// A blocking S3 client of the tests' own, as small as it can be: it signs like the AWS documents
// say and shares nothing with the simulator's check but the HMAC. One connection, kept until the
// server closes it.
#pragma once

#include <gtest/gtest.h>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3sim/server.h"

namespace s3sim::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Answer {
    int status = 0;  // 0: the connection ended before an answer was whole
    std::map<std::string, std::string> headers;  // names in lower case
    std::string head;                            // as it came
    std::string body;
    bool cut = false;  // fewer body bytes than promised

    std::string xml(std::string_view name) const;  // text of the first such element
    std::vector<std::string> all(std::string_view name) const;
    std::string code() const { return xml("Code"); }
};

class Client {
  public:
    explicit Client(std::uint16_t port) : port_(port) {}
    ~Client() { disconnect(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Signs and sends. `path` is already percent-encoded; query names and values too. A body is
    // sent unsigned (UNSIGNED-PAYLOAD) unless a x-amz-content-sha256 header says otherwise.
    Answer call(std::string_view method, std::string_view path, std::string_view query = {},
                std::string_view body = {}, Headers headers = {});
    bool send_raw(std::string_view bytes);
    Answer receive(bool head_request = false);
    std::string receive_raw(std::size_t size);  // less if the connection ends before
    void disconnect();
    bool connected();  // after an answer: has the server closed it?

    std::string access_key = "s3sim";
    std::string secret_key = "s3simsecret";
    std::string region = "us-east-1";
    std::string host = "127.0.0.1";
    std::size_t body_cut = SIZE_MAX;  // so many bytes of a body are sent, then no more
    // Makes the body from the request's date and signature, as aws-chunked with signatures needs.
    std::function<std::string(const std::string& date, const std::string& signature)> make_body;
    bool wait_for_answer = true;         // of call(); else receive() has it
    // If set, called between head and body; call() then returns without reading an answer.
    std::function<void()> before_body;
    std::chrono::milliseconds ahead{0};  // of the system's clock: what requests are dated with

  private:
    bool connect();
    bool receive_chunks(std::string& body, const std::function<bool()>& more);
    std::uint16_t port_;
    int fd_ = -1;
    std::string buffer_;
};

// A server in memory with the bucket "bkt", and a client on it.
class ServerTest : public testing::Test {
  protected:
    void start(Options options = {}) {
        options.buckets.emplace_back("bkt");
        auto started = Server::start(std::move(options));
        ASSERT_TRUE(started) << started.error().to_string();
        server = std::move(*started);
        client = std::make_unique<Client>(server->port());
    }
    // CreateMultipartUpload; returns the id.
    std::string create(std::string_view key, Headers headers = {}) {
        return client->call("POST", "/bkt/" + std::string(key), "uploads=", {}, std::move(headers))
            .xml("UploadId");
    }
    std::unique_ptr<Server> server;
    std::unique_ptr<Client> client;
};

bool until(const std::function<bool()>& condition);  // false after half a minute
std::string part_xml(int number, std::string_view etag, std::string_view crc = {});
std::string complete_xml(const std::vector<std::string>& parts);
std::string crc_base64(std::string_view bytes);

}  // namespace s3sim::test
