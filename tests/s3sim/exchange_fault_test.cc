// Faults of exchanges: which bytes come, when, and what has been stored by then.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>

#include "client.h"
#include "s3sim/faults.h"
#include "s3sim/storm.h"

namespace s3sim::test {
namespace {

class ExchangeFaultTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.min_part_size_bytes = 1;
        start(options);
        for (const auto& [key, bytes] : objects) ASSERT_TRUE(server->put("bkt", key, bytes));
    }
    void plan(std::string_view text) {
        const auto set = server->set_faults(text);
        ASSERT_TRUE(set) << set.error().to_string();
    }
    Answer get(std::string_view key, Headers headers = {}) {
        return client->call("GET", fmt::format("/bkt/{}", key), {}, {}, std::move(headers));
    }
    std::string etag(std::string_view key) const {
        return '"' + server->head("bkt", key)->etag + '"';
    }
    // Sends a PUT, or a POST, whose answer is read before its body is sent.
    Answer answered_early(std::string_view method, std::string_view path, std::string_view query,
                          std::string_view body) {
        Answer answer;
        Headers headers;
        if (method == "PUT") headers = {{"x-amz-checksum-crc32", crc_base64(body)}};
        client->before_body = [&] { answer = client->receive(); };
        client->call(method, path, query, body, headers);
        client->before_body = {};
        return answer;
    }

    const std::map<std::string, std::string> objects = {
        {"a", std::string(5000, 'a')}, {"b", std::string(7000, 'b')}, {"c", "ccc"}};
};

TEST_F(ExchangeFaultTest, ACopyInTheSameSegment) {
    plan("GetObject nth=1 double");
    const Answer first = get("a");
    EXPECT_EQ(first.body, objects.at("a"));
    const Answer copy = client->receive();
    EXPECT_EQ(copy.head, first.head);
    EXPECT_EQ(copy.body, first.body);
    EXPECT_EQ(get("b").body, objects.at("b"));
    EXPECT_EQ(server->stats().connections_accepted, 1U);
}

TEST_F(ExchangeFaultTest, ACopyOfABodyThatIsLarge) {
    const std::string large(3'000'000, 'l');
    ASSERT_TRUE(server->put("bkt", "large", large));
    plan("GetObject nth=1 double");
    EXPECT_EQ(get("large").body, large);
    EXPECT_EQ(client->receive().body, large);
    EXPECT_EQ(get("c").body, "ccc");
}

TEST_F(ExchangeFaultTest, ACopyLater) {
    for (const char* action : {"double=300", "double=4000", "late=300"}) {
        plan(fmt::format("GetObject nth=1 {}", action));
        const Answer first = get("a");
        const Answer copy = client->receive();  // nothing has been asked
        EXPECT_EQ(copy.head, first.head) << action;
        EXPECT_EQ(copy.body, first.body);
        EXPECT_EQ(get("b").body, objects.at("b"));
    }
}

TEST_F(ExchangeFaultTest, ACopyWithTheNextRequest) {
    plan("GetObject nth=1 double=next");
    EXPECT_EQ(get("a").body, objects.at("a"));
    const Answer stale = get("b");
    EXPECT_EQ(stale.body, objects.at("a"));
    EXPECT_EQ(stale.headers.at("etag"), etag("a"));
    EXPECT_EQ(client->receive().body, objects.at("b"));
    EXPECT_EQ(get("c").body, "ccc");
    EXPECT_EQ(server->stats().count("GetObject"), 3U);  // requests, not copies
}

TEST_F(ExchangeFaultTest, ACopyComesBeforeTheNextBodyIsRead) {
    plan("HeadObject double=next");
    EXPECT_EQ(client->call("HEAD", "/bkt/a").headers.at("content-length"), "5000");
    client->before_body = [&] {
        EXPECT_EQ(client->receive(true).headers.at("content-length"), "5000");
    };
    client->call("PUT", "/bkt/new", {}, "v");
    client->before_body = {};
    EXPECT_EQ(client->receive().status, 200);
    EXPECT_EQ(server->get("bkt", "new"), "v");
}

TEST_F(ExchangeFaultTest, AnEarlierAnswerLate) {
    plan("GetObject nth=2 late; GetObject nth=3 late=0; HeadObject late=next");
    const Answer first = get("a");
    EXPECT_EQ(get("b").body, objects.at("b"));
    const Answer stale = client->receive();
    EXPECT_EQ(stale.body, objects.at("a"));
    EXPECT_EQ(stale.headers.at("x-amz-request-id"), first.headers.at("x-amz-request-id"));
    EXPECT_EQ(get("c").body, "ccc");
    EXPECT_EQ(client->receive().body, objects.at("b"));
    EXPECT_EQ(client->call("HEAD", "/bkt/c").headers.at("content-length"), "3");
    EXPECT_EQ(get("a").headers.at("etag"), etag("c"));  // of the GET, for no other HEAD came before
    EXPECT_EQ(client->receive().body, objects.at("a"));
    plan("GetObject late=0");  // a new plan does not answer with what was asked under the old one
    EXPECT_EQ(get("b").body, objects.at("b"));
    EXPECT_EQ(client->receive().body, objects.at("b"));
}

TEST_F(ExchangeFaultTest, AnAnswerThatIsHeldBack) {
    plan("PutObject nth=1 late=held");
    Client other(server->port());
    other.before_body = [] {};
    other.call("PUT", "/bkt/new", {}, "v");
    while (!server->get("bkt", "new")) std::this_thread::yield();
    EXPECT_TRUE(other.connected());
    EXPECT_EQ(server->stats().answers.count("PutObject 200"), 0U);
    other.disconnect();
    EXPECT_EQ(get("new").body, "v");
}

TEST_F(ExchangeFaultTest, AnEarlyAnswerOfAPut) {
    plan("PutObject nth=1 early; PutObject nth=2 early=stored");
    const std::string body(100'000, 'p');
    Answer answer = answered_early("PUT", "/bkt/lost", {}, body);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("x-amz-checksum-crc32"), crc_base64(body));
    EXPECT_EQ(get("lost").status, 404);  // on the same connection, once the body has been read
    answer = answered_early("PUT", "/bkt/stored", {}, body);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(get("stored").body, body);
    EXPECT_EQ(answer.headers.at("etag"), etag("stored"));
    EXPECT_EQ(server->stats().connections_accepted, 1U);
    EXPECT_EQ(server->stats().answers.at("PutObject 200"), 2U);
}

TEST_F(ExchangeFaultTest, AnEarlyAnswerAndTheEnd) {
    plan("PutObject nth=1 early=close; PutObject nth=2 early=stored,close");
    for (const char* key : {"lost", "stored"}) {
        std::string head;
        client->before_body = [&] {
            while (!head.ends_with("\r\n\r\n") && client->connected())
                head += client->receive_raw(1);
        };
        client->call("PUT", fmt::format("/bkt/{}", key), {}, "body");
        client->before_body = {};
        EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos) << head;
        EXPECT_EQ(client->receive_raw(1), "");  // the end
        client->disconnect();
    }
    EXPECT_EQ(get("lost").status, 404);
    EXPECT_EQ(get("stored").body, "body");
}

TEST_F(ExchangeFaultTest, EarlyAnswersOfAnUpload) {
    const std::string id = create("z");
    plan(
        "UploadPart nth=1 early; UploadPart nth=2 early=stored; CompleteMultipartUpload nth=1 "
        "early;"
        "CompleteMultipartUpload nth=2 early=stored");
    const std::string query = "partNumber=1&uploadId=" + id;
    EXPECT_EQ(answered_early("PUT", "/bkt/z", query, "part").status, 200);
    EXPECT_EQ(client->call("GET", "/bkt/z", "uploadId=" + id).xml("ETag"), "");
    const Answer part = answered_early("PUT", "/bkt/z", query, "part");
    const std::string part_etag = client->call("GET", "/bkt/z", "uploadId=" + id).xml("ETag");
    EXPECT_EQ(part_etag, part.headers.at("etag"));
    const std::string xml = complete_xml({part_xml(1, part_etag)});
    EXPECT_EQ(answered_early("POST", "/bkt/z", "uploadId=" + id, xml).xml("Key"), "z");
    EXPECT_EQ(get("z").status, 404);
    EXPECT_EQ(server->open_uploads().size(), 1U);
    const Answer done = answered_early("POST", "/bkt/z", "uploadId=" + id, xml);
    EXPECT_EQ(get("z").body, "part");
    EXPECT_EQ(done.xml("ETag"), etag("z"));
    EXPECT_TRUE(server->open_uploads().empty());
}

TEST_F(ExchangeFaultTest, ARefusalIsNotAnsweredEarly) {
    plan("PutObject early");
    EXPECT_EQ(client->call("PUT", "/nowhere/k", {}, "body").code(), "NoSuchBucket");
    plan("GetObject nth=1 early");
    EXPECT_EQ(get("a").body, objects.at("a"));
    EXPECT_EQ(server->stats().faults_fired, 1U);  // a GET has no body
}

TEST_F(ExchangeFaultTest, AnswersOfOthers) {
    plan("GetObject nth=1,3 swap; HeadObject nth=1 swap; PutObject nth=2 swap");
    const Answer neighbour = get("a", {{"range", "bytes=0-1"}, {"if-match", etag("a")}});
    EXPECT_EQ(neighbour.body, "bb");
    EXPECT_EQ(neighbour.headers.at("etag"), etag("b"));
    EXPECT_EQ(neighbour.headers.at("content-range"), "bytes 0-1/7000");
    EXPECT_EQ(get("c").body, "ccc");
    EXPECT_EQ(get("a", {{"range", "bytes=1-2"}}).body, "ccc");  // the newest one
    EXPECT_EQ(client->call("HEAD", "/bkt/c").headers.at("etag"), etag("a"));
    client->call("PUT", "/bkt/first", {}, "1");
    EXPECT_EQ(client->call("PUT", "/bkt/second", {}, "2").headers.at("etag"), etag("first"));
    EXPECT_EQ(server->get("bkt", "second"), "2");
}

TEST_F(ExchangeFaultTest, ARangeOfTheSameObject) {
    plan("GetObject nth=2 swap");
    get("a", {{"range", "bytes=0-9"}});
    const Answer other = get("a", {{"range", "bytes=10-19"}});
    EXPECT_EQ(other.headers.at("content-range"), "bytes 0-9/5000");
    EXPECT_EQ(other.headers.at("etag"), etag("a"));
}

TEST_F(ExchangeFaultTest, BytesBehindTheEnd) {
    const std::pair<const char*, std::string> tails[] = {
        {"tail", "these bytes belong to no answer"},
        {"tail=crlf", "\r\n"},
        {"tail=status", "HTTP/1.1 200 O"}};
    for (const auto& [action, bytes] : tails) {
        plan(fmt::format("* nth=1 {}", action));
        EXPECT_EQ(get("a").body, objects.at("a"));
        EXPECT_EQ(client->receive_raw(bytes.size()), bytes);
        EXPECT_EQ(get("c").body, "ccc");
    }
}

TEST_F(ExchangeFaultTest, CutAtEveryByte) {
    const Answer whole = get("c");
    const std::size_t size = whole.head.size() + whole.body.size();
    for (std::size_t n = 0; n < size; ++n) {
        plan(fmt::format("GetObject nth=1 cut={}", n));
        const Answer answer = get("c");
        ASSERT_EQ(answer.status, n < whole.head.size() ? 0 : 200) << n;
        ASSERT_EQ(answer.cut, n >= whole.head.size()) << n;
        if (answer.cut) ASSERT_EQ(answer.body.size(), n - whole.head.size());
    }
    plan("GetObject nth=1 cut=last; PutObject nth=1 cut=0");
    EXPECT_EQ(get("a").body.size(), 4999U);
    EXPECT_EQ(client->call("PUT", "/bkt/new", {}, "v").status, 0);
    EXPECT_EQ(get("new").body, "v");
}

TEST_F(ExchangeFaultTest, HintsBeforeTheAnswer) {
    plan("GetObject nth=1 continue=hints");
    Answer answer = get("a");
    EXPECT_EQ(answer.status, 103);
    EXPECT_TRUE(answer.headers.contains("link"));
    EXPECT_EQ(client->receive().status, 103);
    EXPECT_EQ(client->receive().body, objects.at("a"));
}

TEST_F(ExchangeFaultTest, OnFilesToo) {
    const std::string root = testing::TempDir() + "exchange_fault_test";
    Options options;
    options.root = root;
    start(options);
    ASSERT_TRUE(server->put("bkt", "k", "in a file"));
    plan("GetObject nth=1 double; GetObject nth=2 cut=last; PutObject early=stored");
    EXPECT_EQ(get("k").body, "in a file");
    EXPECT_EQ(client->receive().body, "in a file");
    EXPECT_TRUE(get("k").cut);
    answered_early("PUT", "/bkt/early", {}, "early");
    EXPECT_EQ(get("early").body, "early");
}

// What a storm draws of these kinds, and for which requests.
TEST(ExchangeStorm, DrawsEveryVariant) {
    const auto drawn = [](std::string_view kind, FaultTarget target) {
        FaultPlan plan;
        EXPECT_TRUE(plan.set(fmt::format("rate=1 seed=5 kinds={}", kind)));
        std::map<std::string, int> variants;
        for (int i = 0; i < 400; ++i) {
            const auto fault = plan.next(target);
            if (!fault) continue;
            ++variants[fault->code.empty() && fault->number > 0 ? "number" : fault->code];
        }
        std::string names;
        for (const auto& [name, count] : variants) names += name + (count > 40 ? ";" : "(rare);");
        return names;
    };
    const FaultTarget get{"GetObject", "k", ""};
    const FaultTarget put{
        .operation = "PutObject", .key = "k", .part_number = "", .has_body = true};
    EXPECT_EQ(drawn("double", get), ";next;number;");
    EXPECT_EQ(drawn("late", get), ";next;number;");
    EXPECT_EQ(drawn("early", put), ";close;stored;stored,close;");
    EXPECT_EQ(drawn("early", get), "");
    EXPECT_EQ(drawn("swap", get), ";");
    EXPECT_EQ(drawn("tail", get), ";crlf;status;");
    EXPECT_EQ(drawn("cut", put), "(rare);last;number;");
}

}  // namespace
}  // namespace s3sim::test
