// Where the bytes of an archive that is verified come from: an object in S3 or a local file. It is
// opened on one lane and then read on any of them, side by side.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "archive/part_builder.h"
#include "archive/verify.h"
#include "io/worker_thread.h"
#include "zip/verifier.h"

namespace archive {

class ArchiveReader {
  public:
    // Takes the bytes as they come. Called on the reading lane; must not block.
    using Sink = std::function<void(base::ByteView)>;

    struct Opened {
        std::uint64_t size = 0;
        std::optional<std::uint32_t> crc32{};  // of all of it, if S3 keeps that
    };

    virtual ~ArchiveReader() = default;
    virtual io::Task<base::Result<Opened>> open(ShardContext context) = 0;
    // Feeds the bytes of `range` to the sink, each once and in order; holds one block of the lane's
    // memory meanwhile.
    virtual io::Task<base::Status> read(ShardContext context, zip::ByteRange range,
                                        const Sink& sink) const = 0;
    virtual std::size_t reads_per_lane_max() const = 0;
};

// x-amz-checksum-crc32: base64, big-endian. None if it is the checksum of the parts' checksums,
// "...-N", which says nothing of the whole.
std::optional<std::uint32_t> parse_full_crc32(std::string_view text);

// The worker must outlive the reader.
std::unique_ptr<ArchiveReader> make_archive_reader(const VerifyRequest& request,
                                                   io::WorkerThread& worker);

}  // namespace archive
