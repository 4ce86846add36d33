#include "s3client/connection.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <utility>

#include "s3client/proxy_tunnel.h"

namespace s3client {
namespace {

constexpr std::size_t kInboxBytes = 16 * 1024;
constexpr int kProxyAuthenticationRequired = 407;
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// "PUT /a HTTP/1.1" becomes "PUT http://host/a HTTP/1.1". Host stays the origin's.
std::string in_absolute_form(std::string head, const AbsoluteForm& form) {
    head.insert(head.find(' ') + 1, form.origin);
    if (!form.authorization.empty())
        head.insert(head.find("\r\n") + 2, "proxy-authorization: " + form.authorization + "\r\n");
    return head;
}

}  // namespace

Connection::Connection(std::unique_ptr<io::Stream> stream, std::optional<AbsoluteForm> form)
    : stream_(std::move(stream)), form_(std::move(form)), inbox_(kInboxBytes) {}

io::Task<base::Status> Connection::send(std::string head, std::span<const base::ByteView> body,
                                        io::Bounds bounds) {
    sent_ = complete_ = fed_ = repeated_ = false;
    if (form_) head = in_absolute_form(std::move(head), *form_);
    std::vector<base::ByteView> pieces;
    pieces.reserve(body.size() + 2);
    pieces.push_back(base::as_bytes(head));
    for (const base::ByteView piece : body) {
        if (!piece.empty()) pieces.push_back(piece);
    }
    // The end of the body is held back for a moment: whatever answers before it has been sent
    // cannot be the answer to this request, unless it refuses it.
    base::ByteView held_back;
    if (pieces.size() > 1) {
        base::ByteView& last = pieces.back();
        held_back = last.last(std::min(last.size(), kHeldBack_bytes));
        last = last.first(last.size() - held_back.size());
    }
    if (auto sent = co_await send_pieces(pieces, bounds); !sent) co_return sent;
    if (!held_back.empty()) {
        if (auto alone = co_await look_for_early_answer(bounds); !alone) co_return alone;
        const std::array<base::ByteView, 1> rest = {held_back};
        if (auto sent = co_await send_pieces(rest, bounds); !sent) co_return sent;
    }
    sent_ = true;
    co_return base::Status{};
}

io::Task<base::Status> Connection::send_pieces(std::span<const base::ByteView> pieces,
                                               io::Bounds bounds) {
    for (std::size_t at = 0; at < pieces.size(); at += io::Stream::kPiecesMax) {
        const std::size_t count = std::min(io::Stream::kPiecesMax, pieces.size() - at);
        auto sent = co_await stream_->send_all(pieces.subspan(at, count), bounds);
        if (!sent) co_return sent;
    }
    co_return base::Status{};
}

// Interim answers (100 Continue) are legal before the end of a body.
io::Task<base::Status> Connection::look_for_early_answer(io::Bounds bounds) {
    for (;;) {
        const auto unread = co_await stream_->has_unread(bounds);
        if (!unread) co_return std::unexpected(unread.error());
        if (!*unread) co_return base::Status{};
        if (!std::exchange(fed_, true)) parser_.start(false);
        if (auto filled = co_await fill(bounds); !filled) co_return filled;
        while (begin_ != end_ && !parser_.head_done()) {
            const auto used = parser_.feed_head(pending());
            if (!used) co_return std::unexpected(used.error());
            begin_ += *used;
        }
        if (!parser_.head_begun()) continue;
        doubtful_ = true;
        co_return base::fail(base::ErrorKind::corrupt, "doubtful_answer",
                             "an answer came before the whole request was sent");
    }
}

io::Task<base::Status> Connection::fill(io::Bounds bounds) {
    begin_ = end_ = 0;
    auto got = co_await stream_->recv(inbox_, bounds);
    if (!got) co_return std::unexpected(got.error());
    end_ = *got;
    if (*got == 0) {
        if (auto ended = parser_.end_of_stream(); !ended) co_return ended;
    }
    co_return base::Status{};
}

io::Task<base::Status> Connection::receive_head(bool head_request, io::Bounds bounds) {
    if (!std::exchange(fed_, false)) parser_.start(head_request);
    while (!parser_.head_done()) {
        if (begin_ == end_) {
            if (auto filled = co_await fill(bounds); !filled) co_return filled;
        }
        auto used = parser_.feed_head(pending());
        if (!used) co_return std::unexpected(used.error());
        begin_ += *used;
    }
    if (form_ && head().status == kProxyAuthenticationRequired) {
        base::Error refused = proxy_refusal(head().status, form_->origin);
        refused.detail = fmt::format("through proxy {}: {}", form_->proxy, refused.detail);
        co_return std::unexpected(std::move(refused));
    }
    complete_ = parser_.head().body == BodyKind::none;
    stray_chunk_ = head_request && head().find("transfer-encoding") != nullptr;
    note_request_id();
    co_return base::Status{};
}

void Connection::note_request_id() {
    const std::string_view id = parser_.head().get("x-amz-request-id");
    repeated_ = !id.empty() && id == request_id_;
    request_id_ = id;
}

io::Task<base::Status> Connection::check_end(Look look, io::Bounds bounds) {
    if (stray_chunk_ && kLastChunk.starts_with(base::as_text(pending()))) begin_ = end_;
    bool more = begin_ != end_;
    if (!more && look == Look::kernel) {
        const auto unread = co_await stream_->has_unread(bounds);
        more = unread && *unread;
    }
    if (!more) co_return base::Status{};
    doubtful_ = true;
    co_return base::fail(base::ErrorKind::corrupt, "doubtful_answer",
                         "bytes follow the end of an answer");
}

io::Task<base::Status> Connection::receive_body(BodyReceiver& receiver, io::Bounds bounds) {
    CHECK(head().body == BodyKind::length && head().content_length.has_value());
    std::uint64_t due = *head().content_length;
    while (due > 0) {
        base::Bytes to = receiver.buffer();
        to = to.first(std::min<std::uint64_t>(to.size(), due));
        CHECK(!to.empty());
        std::size_t n = 0;
        if (begin_ != end_) {
            n = std::min(to.size(), end_ - begin_);
            std::copy_n(pending().begin(), n, to.begin());
            begin_ += n;
        } else {
            auto got = co_await stream_->recv(to, bounds);
            if (!got) co_return std::unexpected(got.error());
            if (*got == 0) {
                co_return base::fail(base::ErrorKind::transient, "connection_closed",
                                     "the peer closed in the middle of a body, " +
                                         std::to_string(due) + " bytes before its end");
            }
            n = *got;
        }
        receiver.received(n);
        due -= n;
    }
    complete_ = true;
    co_return base::Status{};
}

io::Task<base::Result<std::string>> Connection::receive_text(std::size_t size_max,
                                                             io::Bounds bounds) {
    std::string text;
    if (complete_) co_return text;
    const BodySink sink = collect_into(text, size_max);
    std::size_t seen = 0;
    while (!parser_.done()) {
        if (begin_ == end_) {
            if (auto filled = co_await fill(bounds); !filled)
                co_return std::unexpected(filled.error());
            if (begin_ == end_) break;  // the body ended with the connection
        }
        auto used = parser_.feed_body(pending(), sink);
        if (!used) co_return std::unexpected(used.error());
        begin_ += *used;
        // Blanks before a document keep the connection; what follows has to make progress.
        const auto fresh = std::string_view(text).substr(seen);
        if (bounds.pace != nullptr && fresh.find_first_not_of(" \t\r\n") != fresh.npos)
            bounds.pace->keep_alive(false);
        seen = text.size();
    }
    complete_ = parser_.done();
    co_return text;
}

}  // namespace s3client
