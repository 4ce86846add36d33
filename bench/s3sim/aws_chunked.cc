#include "s3sim/aws_chunked.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "s3sim/claim.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"

namespace s3sim {
namespace {

constexpr std::uint64_t kSmallChunk = 8192;
constexpr std::size_t kLineMax = 1024;

std::unexpected<Refusal> bad_framing(std::string_view what) {
    return refuse(400, "InvalidRequest", fmt::format("The aws-chunked body is wrong: {}.", what));
}
std::unexpected<Refusal> bad_trailer() {
    return refuse(400, "MalformedTrailerError",
                  "The request contained trailing data that was not well-formed or did not conform "
                  "to our published schema.");
}

bool is_checksum_header(std::string_view name) {
    constexpr std::array<std::string_view, 5> kNames = {
        "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
        "x-amz-checksum-sha1", "x-amz-checksum-sha256"};
    return contains(kNames, name);
}

}  // namespace

bool is_aws_chunked(std::string_view payload_hash) {
    return payload_hash == kSignedChunks || payload_hash == kSignedTrailer ||
           payload_hash == kUnsignedTrailer;
}

AwsChunks::AwsChunks(std::string_view payload_hash, std::uint64_t decoded_size, std::string trailer,
                     ChunkSignatures signatures)
    : signed_(payload_hash != kUnsignedTrailer),
      has_trailer_(payload_hash != kSignedChunks),
      decoded_size_(decoded_size),
      trailer_name_(std::move(trailer)),
      signatures_(std::move(signatures)) {}

Answered<void> AwsChunks::feed(base::ByteView bytes,
                               const std::function<void(base::ByteView)>& take) {
    while (!bytes.empty()) {
        if (state_ == State::done) return bad_framing("bytes follow its end");
        if (state_ == State::data) {
            const base::ByteView data =
                bytes.first(std::min<std::uint64_t>(bytes.size(), chunk_left_));
            if (chunk_digest_) chunk_digest_->update(data);
            chunk_left_ -= data.size();
            if (chunk_left_ == 0) state_ = State::data_end;
            bytes = bytes.subspan(data.size());
            take(data);
            continue;
        }
        const std::string_view text = base::as_text(bytes);
        const auto end = text.find('\n');
        const std::size_t size = std::min(end, text.size() - 1) + 1;
        line_.append(text.substr(0, size));
        bytes = bytes.subspan(size);
        if (line_.size() > kLineMax) return bad_framing("a line has no end");
        if (end == std::string_view::npos) continue;
        if (!line_.ends_with("\r\n")) return bad_framing("a line does not end in CR LF");
        line_.resize(line_.size() - 2);
        auto taken = take_line();
        line_.clear();
        if (!taken) return taken;
    }
    return {};
}

Answered<void> AwsChunks::take_line() {
    switch (state_) {
        case State::size: return take_size_line();
        case State::data_end:
            if (!line_.empty()) return bad_framing("a chunk is longer than its size");
            state_ = State::size;
            return check_chunk();
        case State::trailer: return take_trailer_line();
        case State::data:
        case State::done: break;
    }
    return {};
}

Answered<void> AwsChunks::take_size_line() {
    constexpr std::string_view kSignature = ";chunk-signature=";
    const auto semicolon = std::min(line_.find(';'), line_.size());
    const std::string_view rest = std::string_view(line_).substr(semicolon);
    const auto [end, error] =
        std::from_chars(line_.data(), line_.data() + semicolon, chunk_size_, 16);
    if (semicolon == 0 || error != std::errc() || end != line_.data() + semicolon)
        return bad_framing("a chunk has no size");
    if (signed_ != rest.starts_with(kSignature) || (!signed_ && !rest.empty()))
        return bad_framing(signed_ ? "a chunk has no chunk-signature" : "a chunk is signed");
    if (signed_) chunk_signature_ = rest.substr(kSignature.size());
    if (chunk_size_ > 0 && had_small_chunk_) {
        return refuse(403, "InvalidChunkSizeError",
                      "Only the last chunk is allowed to have a size less than 8192 bytes");
    }
    if (chunk_size_ > decoded_size_ - received_)
        return bad_framing("it has more than x-amz-decoded-content-length");
    received_ += chunk_size_;
    had_small_chunk_ = chunk_size_ < kSmallChunk;
    if (signed_) chunk_digest_ = std::make_unique<Digest>(DigestKind::sha256);
    chunk_left_ = chunk_size_;
    if (chunk_size_ > 0) {
        state_ = State::data;
        return {};
    }
    state_ = State::trailer;
    return check_chunk();
}

Answered<void> AwsChunks::take_trailer_line() {
    if (line_.empty()) {
        state_ = State::done;
        return check_trailer();
    }
    const auto colon = line_.find(':');
    if (!has_trailer_ || colon == std::string::npos) return bad_trailer();
    std::string name = line_.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
    });
    const std::string value(trim(std::string_view(line_).substr(colon + 1)));
    if (!trailer_signature_.empty()) return bad_trailer();  // it is the last one
    if (signed_ && name == "x-amz-trailer-signature") {
        trailer_signature_ = value;
        return {};
    }
    if (name != trailer_name_ || !trailers_.empty()) return bad_trailer();
    trailers_.emplace_back(std::move(name), value);
    return {};
}

std::string AwsChunks::sign(std::string_view kind, std::string_view middle, std::string_view hash) {
    return hex(hmac_sha256(signatures_.key,
                           fmt::format("{}\n{}\n{}\n{}\n{}{}", kind, signatures_.amz_date,
                                       signatures_.scope, signatures_.previous, middle, hash)));
}

Answered<void> AwsChunks::check_chunk() {
    if (!signed_) return {};
    const std::string hash = base::hex(base::as_bytes(chunk_digest_->finish()));
    const std::string wanted = sign("AWS4-HMAC-SHA256-PAYLOAD", hex(sha256("")) + "\n", hash);
    if (wanted != chunk_signature_) return refuse("SignatureDoesNotMatch");
    signatures_.previous = wanted;
    return {};
}

Answered<void> AwsChunks::check_trailer() {
    if (!has_trailer_) return {};
    if (trailers_.empty()) return bad_trailer();
    if (!signed_) return {};
    const auto& [name, value] = trailers_.front();
    const std::string hash = hex(sha256(fmt::format("{}:{}\n", name, value)));
    if (sign("AWS4-HMAC-SHA256-TRAILER", "", hash) != trailer_signature_)
        return refuse("SignatureDoesNotMatch");
    return {};
}

Answered<void> AwsChunks::finish() {
    if (state_ != State::done || received_ != decoded_size_) return refuse("IncompleteBody");
    return {};
}

void take_chunks(Exchange& exchange, base::ByteView bytes, base::Bytes scratch) {
    const auto fed = exchange.chunks->feed(
        bytes, [&](base::ByteView data) { take_bytes(exchange, data, false, scratch); });
    if (fed || exchange.refusal) return;
    exchange.refusal = fed.error();
    exchange.writer = make_discarding_writer();
}

Answered<void> Service::expect_chunks(Exchange& exchange, Signed signed_as) {
    const Request& request = exchange.request;
    const std::string trailer(request.header("x-amz-trailer"));
    const std::string hash = signed_as.payload_hash;
    if (!is_aws_chunked(hash)) {
        if (trailer.empty()) return {};
        return refuse(400, "InvalidRequest",
                      "x-amz-trailer needs an x-amz-content-sha256 that announces a trailer.");
    }
    if (exchange.operation != Operation::PutObject && exchange.operation != Operation::UploadPart)
        return refuse(400, "InvalidRequest", "aws-chunked is not supported for this operation.");
    const auto& denial = hash == kSignedChunks ? profile_.signed_chunks : profile_.trailing_chunks;
    if (denial) return refuse(denial->status, denial->code, denial->message);
    const auto size = parse_number(request.header("x-amz-decoded-content-length"));
    if (!size) return refuse("MissingContentLength");
    if ((hash == kSignedChunks) != trailer.empty() ||
        (!trailer.empty() && !is_checksum_header(trailer))) {
        return refuse(400, "InvalidRequest",
                      "The value specified in the x-amz-trailer header is not supported",
                      {{"ArgumentValue", trailer}});
    }
    exchange.chunks = std::make_unique<AwsChunks>(
        hash, *size, trailer,
        ChunkSignatures{std::move(signed_as.amz_date), std::move(signed_as.scope), signed_as.key,
                        std::move(signed_as.signature)});
    return {};
}

}  // namespace s3sim
