// HTTP/1.1 responses: however they are cut on their way, the parser says the same.
//
// Input: what the peer sends, up to three responses; from the back: options, then where it is cut.
#include "s3client/http1.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz_input.h"

namespace {

using s3client::BodyKind;

constexpr std::size_t kBodyMax_bytes = 1000;
constexpr std::size_t kResponsesMax = 3;

struct Response {
    bool has_head = false, is_done = false;
    s3client::ResponseHead head;
    std::string body;  // unless there is an error: how much came before it depends on the cuts
    // Ends the connection. The code alone: of two things wrong in one head, the cuts decide which
    // is seen first.
    std::string error;
};

struct Peer {
    std::string_view wire;
    bool head_request = false;
    bool closes = false;  // after the last byte
};

class Connection {
  public:
    Connection(const Peer& peer, const std::vector<std::size_t>& cuts) : peer_(peer), cuts_(cuts) {}

    std::vector<Response> read() {
        std::vector<Response> responses;
        std::size_t at = 0;
        do {
            responses.push_back(read_one(at));
        } while (responses.back().is_done && responses.back().error.empty() &&
                 at < peer_.wire.size() && responses.size() < kResponsesMax);
        return responses;
    }

  private:
    Response read_one(std::size_t& at) {
        Response response;
        parser_.start(peer_.head_request);
        const s3client::BodySink sink = s3client::collect_into(response.body, kBodyMax_bytes);
        base::Status ok;
        while (ok && at < peer_.wire.size() && !parser_.done()) {
            const std::size_t end = end_of_piece(at);
            while (ok && at < end && !parser_.done()) ok = feed(at, end, sink);
        }
        const bool closed = ok && peer_.closes && at == peer_.wire.size() && !parser_.done();
        if (closed) ok = parser_.end_of_stream();
        if (!ok) {
            response.error = ok.error().code;
            response.body.clear();
        }
        response.has_head = parser_.head_done();
        response.is_done = parser_.done();
        if (response.has_head) response.head = parser_.head();
        CHECK(!response.is_done || response.has_head);
        return response;
    }

    base::Status feed(std::size_t& at, std::size_t end, const s3client::BodySink& sink) {
        const bool had_head = parser_.head_done();
        const base::ByteView bytes = base::as_bytes(peer_.wire.substr(at, end - at));
        const auto taken = had_head ? parser_.feed_body(bytes, sink) : parser_.feed_head(bytes);
        if (!taken) return base::fail(taken.error());
        CHECK(*taken > 0 && *taken <= bytes.size());
        CHECK(*taken == bytes.size() || parser_.head_done());
        at += *taken;
        return {};
    }

    // Some bytes on; a cut of 0 is none.
    std::size_t end_of_piece(std::size_t at) {
        const std::size_t size = cuts_.empty() ? 0 : cuts_[turn_++ % cuts_.size()];
        return size == 0 ? peer_.wire.size() : std::min(at + size, peer_.wire.size());
    }

    const Peer& peer_;
    const std::vector<std::size_t>& cuts_;
    std::size_t turn_ = 0;
    s3client::ResponseParser parser_;
};

void check_head(const s3client::ResponseHead& head, bool head_request) {
    CHECK(head.status >= 200 && head.status <= 599);
    CHECK(head.headers.size() <= s3client::kResponseHeadersMax);
    CHECK(!head_request || head.body == BodyKind::none);
    CHECK(head.body != BodyKind::length || head.content_length.value_or(0) > 0);
    CHECK(!head.keep_alive || head.body != BodyKind::until_close);
    for (const auto& [name, value] : head.headers) {
        CHECK(std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }));
        CHECK(!value.ends_with(' ') && !value.ends_with('\t'));
        CHECK(value.find_first_of("\r\n") == std::string::npos);
    }
}

void check_same(const Response& a, const Response& b) {
    CHECK(a.has_head == b.has_head && a.is_done == b.is_done && a.error == b.error);
    CHECK(a.head.status == b.head.status && a.head.headers == b.head.headers);
    CHECK(a.head.content_length == b.head.content_length && a.head.body == b.head.body);
    CHECK(a.head.keep_alive == b.head.keep_alive && a.body == b.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const unsigned options = input.byte();
    std::vector<std::size_t> cuts(input.below(6));
    for (std::size_t& cut : cuts) cut = input.byte();
    if (cuts.empty()) cuts = {1};
    const Peer peer{input.rest(), (options & 1) != 0, (options & 2) != 0};
    const std::vector<Response> whole = Connection(peer, {}).read();
    const std::vector<Response> cut = Connection(peer, cuts).read();
    CHECK(whole.size() == cut.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        if (whole[i].has_head) check_head(whole[i].head, peer.head_request);
        check_same(whole[i], cut[i]);
        const bool is_whole = whole[i].is_done && whole[i].head.body == BodyKind::length;
        if (is_whole && whole[i].error.empty())
            CHECK(whole[i].body.size() == *whole[i].head.content_length);
    }
    return 0;
}
