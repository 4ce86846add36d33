#include "s3sim/chunked_body.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace s3sim {
namespace {

class TextBody final : public Body {
  public:
    explicit TextBody(std::string text) : text_(std::move(text)) {}
    std::uint64_t size() const override { return text_.size(); }
    std::size_t gather(std::uint64_t offset, std::uint64_t length,
                       std::span<iovec> out) const override {
        if (out.empty() || offset >= text_.size()) return 0;
        out[0] = {const_cast<char*>(text_.data()) + offset,
                  std::min<std::size_t>(length, text_.size() - offset)};
        return 1;
    }

  private:
    std::string text_;
};

// A file's bytes as memory. Should the file shrink, sending fails and the connection ends.
class MappedBody final : public Body {
  public:
    MappedBody(void* at, std::uint64_t size) : at_(static_cast<char*>(at)), size_(size) {}
    ~MappedBody() override { ::munmap(at_, size_); }
    std::uint64_t size() const override { return size_; }
    std::size_t gather(std::uint64_t offset, std::uint64_t length,
                       std::span<iovec> out) const override {
        if (out.empty() || offset >= size_) return 0;
        out[0] = {at_ + offset, std::min(length, size_ - offset)};
        return 1;
    }

  private:
    char* at_;
    std::uint64_t size_;
};

// The data lies between lines of framing; both are pieces in the order of sending.
class ChunkedBody final : public Body {
  public:
    ChunkedBody(std::shared_ptr<const Body> inner, std::uint64_t offset, std::uint64_t length,
                bool odd_extensions);
    std::uint64_t size() const override { return pieces_.back().start; }
    std::size_t gather(std::uint64_t offset, std::uint64_t length,
                       std::span<iovec> out) const override;

  private:
    struct Piece {
        std::uint64_t start;  // in this body; a piece ends where the next one starts
        std::uint64_t from;   // in inner_ or frames_
        bool framing;
    };
    void add(bool framing, std::uint64_t from, std::uint64_t size) {
        pieces_.back() = {pieces_.back().start, from, framing};
        pieces_.push_back({pieces_.back().start + size, 0, true});
    }
    void add_line(std::string_view line) {
        frames_ += line;
        add(true, frames_.size() - line.size(), line.size());
    }

    std::shared_ptr<const Body> inner_;
    std::string frames_;
    std::vector<Piece> pieces_{{0, 0, true}};  // and one for the end
};

ChunkedBody::ChunkedBody(std::shared_ptr<const Body> inner, std::uint64_t offset,
                         std::uint64_t length, bool odd_extensions)
    : inner_(std::move(inner)) {
    constexpr std::array<std::uint64_t, 6> kSizes = {1, 7, 0xfff, 0x10000, 3, 0x165};
    constexpr std::uint64_t kLater = 0xffff1;  // so that a large body has few pieces
    using Extensions = std::array<std::string_view, 5>;
    constexpr Extensions kUsual = {"", ";name=value", ";quoted=\"a;b c\"", ";lone", ";n=\"\""};
    // A quoted pair, and more than one: llhttp 8 takes neither.
    constexpr Extensions kOdd = {"", ";name=value", ";quoted=\"a;b\\\"c\"", ";lone", ";a=1;b=2"};
    const Extensions& extensions = odd_extensions ? kOdd : kUsual;
    std::size_t n = 0;
    for (const std::uint64_t end = offset + length; offset < end; ++n) {
        const std::uint64_t size = std::min(end - offset, n < kSizes.size() ? kSizes[n] : kLater);
        const std::string digits =
            n % 3 == 1 ? fmt::format("{:016X}", size) : fmt::format("{:x}", size);
        add_line(fmt::format("{}{}{}\r\n", n == 0 ? "" : "\r\n", digits,
                             extensions[n % extensions.size()]));
        add(false, offset, size);
        offset += size;
    }
    add_line(fmt::format("{}000;last\r\nX-S3sim-Trailer: the end\r\nx-empty:\r\n\r\n",
                         n == 0 ? "" : "\r\n"));
}

std::size_t ChunkedBody::gather(std::uint64_t offset, std::uint64_t length,
                                std::span<iovec> out) const {
    std::size_t used = 0;
    const std::uint64_t end = std::min(offset + length, size());
    auto next = std::ranges::upper_bound(pieces_, offset, {}, &Piece::start);
    while (offset < end && used < out.size()) {
        const Piece& piece = *(next - 1);
        const std::uint64_t from = piece.from + (offset - piece.start);
        const std::uint64_t size = std::min(end, next->start) - offset;
        if (piece.framing) {
            out[used++] = {const_cast<char*>(frames_.data()) + from, size};
        } else {
            const std::size_t views = inner_->gather(from, size, out.subspan(used));
            if (views == 0) break;
            std::uint64_t got = 0;
            for (std::size_t i = 0; i < views; ++i) got += out[used + i].iov_len;
            used += views;
            if (got < size) break;  // no room for more views
        }
        offset += size;
        ++next;
    }
    return used;
}

}  // namespace

void send_as_body(Response& response) {
    response.length = response.text.size();
    response.offset = 0;
    response.body = std::make_shared<TextBody>(std::exchange(response.text, {}));
}

void send_chunked(Response& response, bool odd_extensions) {
    if (!response.body) send_as_body(response);
    if (response.body->fd() >= 0) {
        const std::uint64_t size = response.body->size();
        void* at = size == 0 ? nullptr
                             : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, response.body->fd(), 0);
        if (at == MAP_FAILED) return;  // then without the fault
        response.body = size == 0 ? std::shared_ptr<const Body>(std::make_shared<TextBody>(""))
                                  : std::make_shared<MappedBody>(at, size);
    }
    response.body = std::make_shared<ChunkedBody>(std::move(response.body), response.offset,
                                                  response.length, odd_extensions);
    response.offset = 0;
    response.length = response.body->size();
    response.chunked = true;
}

}  // namespace s3sim
