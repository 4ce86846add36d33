// Bodies of PutObject and UploadPart in the encoding aws-chunked: data in chunks, each signed or
// not, and perhaps a checksum behind them. An AwsChunks belongs to one request and checks framing,
// signatures and lengths as the bytes come.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "s3sim/checksum.h"
#include "s3sim/errors.h"

namespace s3sim {

inline constexpr std::string_view kSignedChunks = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
inline constexpr std::string_view kSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
inline constexpr std::string_view kUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

// True if x-amz-content-sha256 announces such a body.
bool is_aws_chunked(std::string_view payload_hash);

struct ChunkSignatures {
    std::string amz_date, scope;
    Sha256 key{};
    std::string previous;  // at first the request's own signature
};

class AwsChunks {
  public:
    // `trailer` is what the x-amz-trailer header names, empty for bodies without one.
    AwsChunks(std::string_view payload_hash, std::uint64_t decoded_size, std::string trailer,
              ChunkSignatures signatures);

    // Gives the data among the bytes to `take`, in order and never more than the declared size.
    Answered<void> feed(base::ByteView bytes, const std::function<void(base::ByteView)>& take);
    Answered<void> finish();  // the body has ended

    std::uint64_t decoded_size() const { return decoded_size_; }
    // Lower-case names; values stay where they are.
    const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

  private:
    enum class State : std::uint8_t { size, data, data_end, trailer, done };
    Answered<void> take_line();
    Answered<void> take_size_line();
    Answered<void> take_trailer_line();
    Answered<void> check_chunk();
    Answered<void> check_trailer();
    std::string sign(std::string_view kind, std::string_view middle, std::string_view hash);

    const bool signed_;
    const bool has_trailer_;
    const std::uint64_t decoded_size_;
    const std::string trailer_name_;
    ChunkSignatures signatures_;
    State state_ = State::size;
    std::string line_;
    std::uint64_t chunk_size_ = 0, chunk_left_ = 0;
    bool had_small_chunk_ = false;
    std::uint64_t received_ = 0;
    std::string chunk_signature_, trailer_signature_;
    std::unique_ptr<Digest> chunk_digest_;
    std::vector<std::pair<std::string, std::string>> trailers_;
};

}  // namespace s3sim
