#include "archive/archive_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "archive/access_hint.h"
#include "base/encoding.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

// S3 gives some 90 MB/s a connection and answers after 50 ms or so: many at a time.
constexpr std::size_t kObjectReadsPerLane = 32;
// The page cache is fast, and all reads stand in line for one worker thread, which others need too:
// one that is read, one that is scanned meanwhile.
constexpr std::size_t kFileReadsPerLane = 2;

io::Task<Result<io::PartMemory>> reserve_block(ShardContext context, std::uint64_t size) {
    co_return co_await context.slab.reserve(
        std::min<std::uint64_t>(size, io::BufferSlab::kBlockBytes), {.cancel = context.call.cancel},
        context.call.flow);
}

class SinkReceiver final : public s3client::BodyReceiver {
  public:
    SinkReceiver(base::Bytes block, const ArchiveReader::Sink& sink) : block_(block), sink_(sink) {}
    base::Bytes buffer() override { return block_; }
    void received(std::size_t n) override { sink_(block_.first(n)); }

  private:
    const base::Bytes block_;
    const ArchiveReader::Sink& sink_;
};

class ObjectReader final : public ArchiveReader {
  public:
    ObjectReader(s3client::ObjectVersion object, s3client::Access access)
        : object_(std::move(object)), access_(std::move(access)) {}

    io::Task<Result<Opened>> open(ShardContext context) override {
        auto head = co_await context.client.head_object(object_, s3client::WithChecksum::yes,
                                                        context.call_with(access_));
        if (!head) co_return std::unexpected(with_access_hint(head.error(), access_));
        size_ = head->size;
        etag_ = head->etag;
        co_return Opened{size_, parse_full_crc32(head->checksum_crc32)};
    }

    io::Task<Status> read(ShardContext context, zip::ByteRange range,
                          const Sink& sink) const override {
        auto memory = co_await reserve_block(context, range.size);
        if (!memory) co_return std::unexpected(memory.error());
        SinkReceiver receiver(memory->at(0, memory->size()), sink);
        auto done = co_await context.client.get_object({.object = object_,
                                                        .etag = etag_,
                                                        .object_size = size_,
                                                        .range = {range.offset, range.size}},
                                                       receiver, context.call_with(access_));
        if (done) co_return Status{};
        if (done.error().code == "PreconditionFailed") {
            done.error().code = "archive_changed";
            done.error().detail = "the archive changed while it was read: " + done.error().detail;
        }
        co_return std::unexpected(std::move(done.error()));
    }

    std::size_t reads_per_lane_max() const override { return kObjectReadsPerLane; }

  private:
    const s3client::ObjectVersion object_;
    const s3client::Access access_;
    std::uint64_t size_ = 0;
    std::string etag_;
};

class FileReader final : public ArchiveReader {
  public:
    FileReader(std::string path, io::WorkerThread& worker)
        : path_(std::move(path)), worker_(worker) {}
    ~FileReader() override {
        if (file_ >= 0) ::close(file_);
    }

    io::Task<Result<Opened>> open(ShardContext context) override {
        co_return co_await worker_.run(context.reactor, [this] { return open_now(); });
    }

    io::Task<Status> read(ShardContext context, zip::ByteRange range,
                          const Sink& sink) const override {
        auto memory = co_await reserve_block(context, range.size);
        if (!memory) co_return std::unexpected(memory.error());
        for (std::uint64_t done = 0; done < range.size;) {
            const base::Bytes to = memory->at(0, range.size - done);
            auto got = co_await worker_.run(context.reactor,
                                            [&] { return read_now(range.offset + done, to); });
            if (!got) co_return got;
            sink(to);
            done += to.size();
            if (context.call.cancel->cancelled()) {
                co_return base::fail(base::ErrorKind::cancelled, "cancelled",
                                     "the verification was cancelled");
            }
        }
        co_return Status{};
    }

    std::size_t reads_per_lane_max() const override { return kFileReadsPerLane; }

  private:
    // These two on the worker.
    Result<Opened> open_now() {
        struct stat status{};
        // A pipe without a writer must not hold up the worker.
        file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file_ < 0 || ::fstat(file_, &status) < 0)
            return std::unexpected(failed("opening", errno));
        if (!S_ISREG(status.st_mode)) {
            return std::unexpected(base::Error{
                base::ErrorKind::invalid, "file", path_ + " is not a regular file", 0, {}, path_});
        }
        return Opened{static_cast<std::uint64_t>(status.st_size)};
    }
    Status read_now(std::uint64_t offset, base::Bytes to) const {
        while (!to.empty()) {
            const ssize_t n = ::pread(file_, to.data(), to.size(), static_cast<off_t>(offset));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return std::unexpected(failed("reading", errno));
            if (n == 0) {
                return base::fail(base::ErrorKind::precondition, "archive_changed",
                                  path_ + " became shorter while it was read");
            }
            to = to.subspan(static_cast<std::size_t>(n));
            offset += static_cast<std::uint64_t>(n);
        }
        return {};
    }
    base::Error failed(std::string_view what, int error) const {
        const auto kind = error == ENOENT ? base::ErrorKind::not_found : base::ErrorKind::denied;
        return {kind, "file", fmt::format("{} {}: {}", what, path_, std::strerror(error)),
                0,    {},     path_};
    }

    const std::string path_;
    io::WorkerThread& worker_;
    int file_ = -1;
};

}  // namespace

std::optional<std::uint32_t> parse_full_crc32(std::string_view text) {
    const auto bytes = base::base64_decode(text);
    if (!bytes || bytes->size() != 4) return std::nullopt;
    std::uint32_t crc = 0;
    for (const char c : *bytes) crc = crc << 8 | static_cast<unsigned char>(c);
    return crc;
}

std::unique_ptr<ArchiveReader> make_archive_reader(const VerifyRequest& request,
                                                   io::WorkerThread& worker) {
    if (!request.path.empty()) return std::make_unique<FileReader>(request.path, worker);
    return std::make_unique<ObjectReader>(
        s3client::ObjectVersion{request.bucket, request.key, request.version_id}, request.access);
}

}  // namespace archive
