#include "s3client/http1.h"

#include <fmt/format.h>
#include <llhttp.h>
#include <algorithm>
#include <utility>

#include "base/check.h"

namespace s3client {
namespace {

using base::ErrorKind;

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

BodySink collect_into(std::string& body, std::size_t body_max_bytes) {
    return [&body, body_max_bytes](base::ByteView bytes) -> base::Status {
        if (bytes.size() > body_max_bytes - std::min(body.size(), body_max_bytes)) {
            return base::fail(ErrorKind::corrupt, "body_too_large",
                              fmt::format("the answer's body exceeds {} bytes", body_max_bytes));
        }
        body.append(base::as_text(bytes));
        return {};
    };
}

// The callbacks run within llhttp_execute(). on_headers_complete pauses it, so that it stops
// exactly behind the head; a body that is fed here resumes it, and on_message_complete pauses it
// again behind the body.
struct ResponseParser::Impl {
    enum class Phase : std::uint8_t { head, body, done, broken };

    llhttp_t parser;
    Phase phase = Phase::head;
    bool head_request = false;
    bool paused_after_head = false;
    bool in_message = false;  // between the first byte of an answer and its end
    std::size_t head_size_bytes = 0;
    std::string name;  // of the header being read
    std::string value;
    bool in_value = false;
    ResponseHead response;
    const BodySink* sink = nullptr;  // within feed_body() only
    base::Status refused;            // the reason when a callback stopped the parse

    static Impl& of(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

    int refuse(base::Error error) {
        refused = std::unexpected(std::move(error));
        return HPE_USER;
    }
    int refuse(std::string detail) {
        return refuse({ErrorKind::corrupt, "bad_http_response", std::move(detail), 0, {}, {}});
    }

    // A header may come in any number of pieces; it is whole when the next one or the end of the
    // head begins.
    int finish_header() {
        if (!in_value && name.empty()) return 0;
        if (response.headers.size() >= kResponseHeadersMax) return refuse("too many headers");
        while (value.ends_with(' ') || value.ends_with('\t')) value.pop_back();
        response.headers.emplace_back(std::move(name), std::move(value));
        name.clear();
        value.clear();
        in_value = false;
        return 0;
    }

    static int on_field(llhttp_t* p, const char* at, std::size_t size) {
        Impl& self = of(p);
        if (self.phase != Phase::head) return 0;  // a trailer: nothing we ask for comes in one
        if (self.in_value && self.finish_header() != 0) return HPE_USER;
        for (std::size_t i = 0; i < size; ++i) {
            const char c = at[i];
            self.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        return 0;
    }

    static int on_value(llhttp_t* p, const char* at, std::size_t size) {
        Impl& self = of(p);
        if (self.phase != Phase::head) return 0;
        self.in_value = true;
        self.value.append(at, size);
        return 0;
    }

    static int on_head(llhttp_t* p) {
        Impl& self = of(p);
        if (self.finish_header() != 0) return HPE_USER;
        if (p->http_major != 1) return self.refuse("not HTTP/1");
        if (p->status_code < 100 || p->status_code == 101 || p->status_code > 599) {
            return self.refuse(fmt::format("status {}", p->status_code));
        }
        if (p->status_code < 200) {
            self.response = {};
            return 1;  // an interim answer: no body, whatever its headers say; the real one follows
        }
        self.conclude_head();
        return HPE_PAUSED;
    }

    void conclude_head() {
        response.status = parser.status_code;
        if (parser.flags & F_CONTENT_LENGTH) response.content_length = parser.content_length;
        if (head_request || has_no_body(response.status)) {
            response.body = BodyKind::none;
        } else if (parser.flags & F_CHUNKED) {
            response.body = BodyKind::chunked;
        } else if ((parser.flags & F_CONTENT_LENGTH) && !(parser.flags & F_TRANSFER_ENCODING)) {
            response.body = parser.content_length == 0 ? BodyKind::none : BodyKind::length;
        } else {
            response.body = BodyKind::until_close;
        }
        const bool wanted = parser.http_minor == 0 ? (parser.flags & F_CONNECTION_KEEP_ALIVE) != 0
                                                   : (parser.flags & F_CONNECTION_CLOSE) == 0;
        // Swift's HTTP server sends a last chunk although the answer to a HEAD has no body.
        const bool stray_chunk = head_request && (parser.flags & F_CHUNKED) != 0;
        response.keep_alive = wanted && response.body != BodyKind::until_close && !stray_chunk;
        phase = response.body == BodyKind::none ? Phase::done : Phase::body;
        paused_after_head = true;
    }

    static int on_body(llhttp_t* p, const char* at, std::size_t size) {
        Impl& self = of(p);
        base::Status taken = (*self.sink)(base::as_bytes({at, size}));
        return taken ? 0 : self.refuse(std::move(taken.error()));
    }

    static int on_message_begin(llhttp_t* p) {
        of(p).in_message = true;
        return 0;
    }

    static int on_message(llhttp_t* p) {
        Impl& self = of(p);
        self.in_message = false;
        if (self.phase != Phase::body) return 0;  // of an interim answer
        self.phase = Phase::done;
        return HPE_PAUSED;
    }

    static const llhttp_settings_t& settings() {
        static const llhttp_settings_t kSettings = [] {
            llhttp_settings_t s;
            llhttp_settings_init(&s);
            s.on_header_field = on_field;
            s.on_header_value = on_value;
            s.on_headers_complete = on_head;
            s.on_body = on_body;
            s.on_message_begin = on_message_begin;
            s.on_message_complete = on_message;
            return s;
        }();
        return kSettings;
    }

    // Runs llhttp over `bytes`; the number it consumed, or why it stopped for good.
    base::Result<std::size_t> execute(base::ByteView bytes) {
        const std::string_view text = base::as_text(bytes);
        const llhttp_errno_t stop = llhttp_execute(&parser, text.data(), text.size());
        if (stop == HPE_OK) return text.size();
        if (stop == HPE_PAUSED) {
            return static_cast<std::size_t>(llhttp_get_error_pos(&parser) - text.data());
        }
        phase = Phase::broken;
        if (!refused) return std::unexpected(refused.error());
        const char* reason = llhttp_get_error_reason(&parser);
        return base::fail(
            ErrorKind::corrupt, "bad_http_response",
            fmt::format("not an HTTP response: {}",
                        reason != nullptr && *reason != '\0' ? reason : llhttp_errno_name(stop)));
    }
};

ResponseParser::ResponseParser() : impl_(std::make_unique<Impl>()) { start(false); }
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

void ResponseParser::start(bool head_request) {
    Impl& self = *impl_;
    llhttp_init(&self.parser, HTTP_RESPONSE, &Impl::settings());
    self.parser.data = &self;
    self.phase = Impl::Phase::head;
    self.head_request = head_request;
    self.paused_after_head = false;
    self.in_message = false;
    self.head_size_bytes = 0;
    self.name.clear();
    self.value.clear();
    self.in_value = false;
    self.response = {};
    self.refused = {};
}

base::Result<std::size_t> ResponseParser::feed_head(base::ByteView bytes) {
    Impl& self = *impl_;
    if (self.phase == Impl::Phase::broken) {
        return base::fail(ErrorKind::corrupt, "bad_http_response", "the parse failed before");
    }
    CHECK(self.phase == Impl::Phase::head);
    const std::size_t room = kResponseHeadMax_bytes - self.head_size_bytes;
    const auto consumed = self.execute(bytes.first(std::min(bytes.size(), room)));
    if (!consumed) return consumed;
    self.head_size_bytes += *consumed;
    if (self.phase == Impl::Phase::head && self.head_size_bytes >= kResponseHeadMax_bytes) {
        self.phase = Impl::Phase::broken;
        return base::fail(ErrorKind::corrupt, "bad_http_response",
                          fmt::format("the head exceeds {} bytes", kResponseHeadMax_bytes));
    }
    return consumed;
}

bool ResponseParser::head_done() const {
    return impl_->phase == Impl::Phase::body || impl_->phase == Impl::Phase::done;
}

bool ResponseParser::head_begun() const { return impl_->in_message || head_done(); }

const ResponseHead& ResponseParser::head() const {
    CHECK(impl_->response.status != 0);
    return impl_->response;
}

base::Result<std::size_t> ResponseParser::feed_body(base::ByteView bytes, const BodySink& sink) {
    Impl& self = *impl_;
    if (self.phase == Impl::Phase::broken) {
        return base::fail(ErrorKind::corrupt, "bad_http_response", "the parse failed before");
    }
    CHECK(self.phase == Impl::Phase::body);
    if (std::exchange(self.paused_after_head, false)) llhttp_resume(&self.parser);
    self.sink = &sink;
    auto consumed = self.execute(bytes);
    self.sink = nullptr;
    return consumed;
}

bool ResponseParser::done() const { return impl_->phase == Impl::Phase::done; }

base::Status ResponseParser::end_of_stream() {
    Impl& self = *impl_;
    if (self.phase == Impl::Phase::done) return {};
    const bool ends_so =
        self.phase == Impl::Phase::body && self.response.body == BodyKind::until_close;
    if (ends_so) {
        self.phase = Impl::Phase::done;
        return {};
    }
    const char* where = self.phase != Impl::Phase::head ? "in the middle of a body"
                        : self.head_size_bytes == 0     ? "before it answered"
                                                        : "in the middle of a head";
    self.phase = Impl::Phase::broken;
    return base::fail(ErrorKind::transient, "connection_closed",
                      fmt::format("the peer closed the connection {}", where));
}

}  // namespace s3client
