#include "archive/verification.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "zip/crc32.h"
#include "zip/verifier.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

constexpr std::uint64_t kChunkBytes = 4 << 20;  // one read
constexpr std::size_t kRunsWindow = 12;         // runs of entries scanned side by side
constexpr std::uint64_t kRunBytes = 16 << 20;   // a run has at least this much, but for the last

// Where the bytes of an archive are.
class ArchiveReader {
  public:
    virtual ~ArchiveReader() = default;
    virtual io::Task<Result<std::uint64_t>> open() = 0;  // its size
    virtual io::Task<Status> read(std::uint64_t offset, io::PartMemory& to) = 0;
};

class MemoryReceiver final : public s3client::BodyReceiver {
  public:
    explicit MemoryReceiver(io::PartMemory& memory) : memory_(memory) {}
    base::Bytes buffer() override { return memory_.at(at_, memory_.size() - at_); }
    void received(std::size_t n) override { at_ += n; }

  private:
    io::PartMemory& memory_;
    std::size_t at_ = 0;
};

class S3Reader final : public ArchiveReader {
  public:
    S3Reader(const ShardContext& context, VerifyRequest source)
        : context_(context), source_(std::move(source)) {}

    io::Task<Result<std::uint64_t>> open() override {
        auto head =
            co_await context_.client.head_object({source_.bucket, source_.key, source_.version_id},
                                                 s3client::WithChecksum::no, context_.call);
        if (!head) co_return std::unexpected(head.error());
        head_ = std::move(*head);
        co_return head_.size;
    }
    io::Task<Status> read(std::uint64_t offset, io::PartMemory& to) override {
        MemoryReceiver receiver(to);
        co_return co_await context_.client.get_object(
            {.object = {source_.bucket, source_.key, source_.version_id},
             .etag = head_.etag,
             .object_size = head_.size,
             .range = {offset, to.size()}},
            receiver, context_.call);
    }

  private:
    const ShardContext context_;
    const VerifyRequest source_;
    s3client::ObjectHead head_;
};

class FileReader final : public ArchiveReader {
  public:
    FileReader(const ShardContext& context, io::WorkerThread& worker, VerifyRequest source)
        : context_(context), worker_(worker), source_(std::move(source)) {}
    ~FileReader() override {
        if (file_ >= 0) ::close(file_);
    }

    io::Task<Result<std::uint64_t>> open() override {
        co_return co_await worker_.run(context_.reactor, [this]() -> Result<std::uint64_t> {
            struct stat status{};
            file_ = ::open(source_.path.c_str(), O_RDONLY | O_CLOEXEC);
            if (file_ < 0 || ::fstat(file_, &status) < 0)
                return std::unexpected(failed("opening", errno));
            if (!S_ISREG(status.st_mode)) return std::unexpected(failed("opening", EISDIR));
            return static_cast<std::uint64_t>(status.st_size);
        });
    }
    io::Task<Status> read(std::uint64_t offset, io::PartMemory& to) override {
        co_return co_await worker_.run(context_.reactor, [&]() -> Status {
            for (std::size_t done = 0; done < to.size();) {
                const base::Bytes piece = to.at(done, to.size() - done);
                const ssize_t n =
                    ::pread(file_, piece.data(), piece.size(), static_cast<off_t>(offset + done));
                if (n <= 0) return std::unexpected(failed("reading", n == 0 ? EIO : errno));
                done += static_cast<std::size_t>(n);
            }
            return {};
        });
    }

  private:
    base::Error failed(std::string_view what, int error) const {
        const auto kind = error == ENOENT ? base::ErrorKind::not_found : base::ErrorKind::denied;
        return {kind, "file", fmt::format("{} {}: {}", what, source_.path, std::strerror(error)),
                0,    {},     source_.path};
    }

    const ShardContext context_;
    io::WorkerThread& worker_;
    const VerifyRequest source_;
    int file_ = -1;
};

class Verification {
  public:
    Verification(const ShardContext& context, ArchiveReader& reader, Engine::OnProgress on_progress)
        : context_(context), reader_(reader), on_progress_(std::move(on_progress)) {}

    io::Task<Result<VerifyReport>> run() {
        const base::SteadyTime began = context_.reactor.now();
        auto size = co_await reader_.open();
        if (!size) co_return std::unexpected(size.error());
        report_.archive_size = *size;
        zip::Verifier verifier(*size);
        while (const auto range = verifier.next_range()) {
            auto memory = co_await read(range->offset, range->size);
            if (!memory) co_return std::unexpected(memory.error());
            std::vector<std::byte> bytes(range->size);
            for (std::size_t done = 0; done < bytes.size();) {
                const base::Bytes piece = memory->at(done, bytes.size() - done);
                std::ranges::copy(piece, bytes.begin() + static_cast<std::ptrdiff_t>(done));
                done += piece.size();
            }
            verifier.feed(bytes);
        }
        add(verifier.findings());
        report_.entries = verifier.count();
        if (auto scanned = co_await scan_body(verifier); !scanned)
            co_return std::unexpected(scanned.error());
        report_.crc32 =
            zip::crc32_combine(crc32_, verifier.directory_crc(), *size - verifier.body_size());
        report_.duration_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(context_.reactor.now() - began)
                .count());
        co_return std::move(report_);
    }

  private:
    struct Run {
        std::uint64_t first = 0, last = 0;  // entries
        std::uint64_t size = 0;
        std::uint32_t crc32 = 0;
        zip::Findings findings;
    };

    io::Task<Status> scan_body(const zip::Verifier& verifier) {
        for (std::uint64_t i = 0; i < verifier.count();) {
            Run& run = runs_.emplace_back();
            run.first = i;
            while (i < verifier.count() &&
                   verifier.begin(i) - verifier.begin(run.first) < kRunBytes)
                ++i;
            run.last = i;
        }
        io::TaskScope scope(context_.reactor);
        for (std::size_t i = 0; i < std::min(kRunsWindow, runs_.size()); ++i)
            scope.spawn(scan_some(verifier));
        co_await scope.join();
        for (const Run& run : runs_) {
            crc32_ = zip::crc32_combine(crc32_, run.crc32, run.size);
            add(run.findings);
        }
        co_return failure_;
    }

    io::Task<void> scan_some(const zip::Verifier& verifier) {
        while (next_run_ < runs_.size() && failure_) {
            Run& run = runs_[next_run_++];
            zip::BodyScanner scanner(verifier, run.first, run.last);
            const zip::ByteRange range = scanner.range();
            run.size = range.size;
            for (std::uint64_t done = 0; done < range.size && failure_;) {
                const std::uint64_t n = std::min(kChunkBytes, range.size - done);
                auto memory = co_await read(range.offset + done, n);
                if (!memory) {
                    failure_ = std::unexpected(memory.error());
                    co_return;
                }
                for (std::size_t at = 0; at < n;) {
                    const base::Bytes piece = memory->at(at, n - at);
                    scanner.feed(piece);
                    at += piece.size();
                }
                done += n;
            }
            scanner.finish();
            run.crc32 = scanner.crc();
            run.findings = scanner.findings();
        }
    }

    io::Task<Result<io::PartMemory>> read(std::uint64_t offset, std::uint64_t size) {
        auto memory = co_await context_.slab.reserve(size, {.cancel = context_.call.cancel});
        if (!memory) co_return memory;
        if (auto got = co_await reader_.read(offset, *memory); !got)
            co_return std::unexpected(got.error());
        report_.bytes_read += size;
        if (on_progress_) on_progress_(report_.bytes_read, report_.archive_size);
        co_return memory;
    }

    void add(const zip::Findings& findings) {
        report_.findings_total += findings.total();
        for (const zip::Finding& f : findings.list()) {
            if (report_.findings.size() < zip::kFindingsMax)
                report_.findings.push_back({f.offset, f.entry, f.what});
        }
    }

    const ShardContext context_;
    ArchiveReader& reader_;
    const Engine::OnProgress on_progress_;
    VerifyReport report_;
    std::vector<Run> runs_;
    std::size_t next_run_ = 0;
    Status failure_;
    std::uint32_t crc32_ = 0;
};

}  // namespace

io::Task<Result<VerifyReport>> verify_archive(EngineParts& engine, EngineLane& home,
                                              VerifyRequest request,
                                              Engine::OnProgress on_progress) {
    const ShardContext context{
        home.lane->reactor(), *home.client, *home.slab, {.cancel = home.shutdown.get()}};
    std::unique_ptr<ArchiveReader> reader;
    if (request.path.empty())
        reader = std::make_unique<S3Reader>(context, std::move(request));
    else
        reader = std::make_unique<FileReader>(context, engine.worker, std::move(request));
    Verification verification(context, *reader, std::move(on_progress));
    co_return co_await verification.run();
}

}  // namespace archive
