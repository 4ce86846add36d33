#include "archive/verification.h"

#include <fmt/format.h>
#include <algorithm>
#include <atomic>

#include "archive/archive_reader.h"
#include "zip/body_plan.h"

namespace archive {
namespace {

using base::Result;
using base::Status;

// One read of the body. With some 50 ms before its first byte, a connection of 90 MB/s is busy two
// thirds of the time; and a gigabyte makes enough of them for all lanes.
constexpr std::uint64_t kPieceBytes = 8 << 20;

// What one lane does for one verification. It ends early with the engine, or when another lane has
// failed. Shared, since "stop" may arrive when it has ended.
struct LaneWork final : io::CancelHook {
    io::CancelSource cancel;

    void follow(io::CancelSource& shutdown) {
        if (shutdown.cancelled())
            cancel.cancel();
        else
            shutdown.hook(*this);
    }
    void on_cancel() override { cancel.cancel(); }
};

// Lives on the home lane. Other lanes ask it by message for pieces of the body and bring the
// results; what else they touch is read-only by then.
class Verification {
  public:
    Verification(EngineParts& engine, EngineLane& home, VerifyRequest request,
                 Engine::OnProgress on_progress)
        : engine_(engine),
          home_(home),
          reactor_(home.lane->reactor()),
          request_(std::move(request)),
          on_progress_(std::move(on_progress)),
          reader_(make_archive_reader(request_, engine.worker)) {}

    io::Task<Result<VerifyReport>> run() {
        const base::SteadyTime began = reactor_.now();
        auto lease = engine_.lease(request_.role_arn, request_.external_id);
        if (!lease) co_return std::unexpected(lease.error());
        credentials_ = std::move(*lease);
        const ShardContext context = context_on(home_, *home_.shutdown);
        if (auto safe = check_secrets(engine_, request_.access); !safe)
            co_return std::unexpected(safe.error());
        auto opened = co_await reader_->open(context);
        if (!opened) co_return std::unexpected(opened.error());
        report_.archive_size = opened->size;
        zip::Verifier verifier(opened->size, {.check_names = request_.check_names});
        if (auto read = co_await read_directory(context, verifier); !read)
            co_return std::unexpected(read.error());
        if (auto scanned = co_await scan_body(verifier); !scanned)
            co_return std::unexpected(scanned.error());
        report_.entries = verifier.count();
        report_.bytes_read = bytes_read_.load();
        compare(CrcWitness::request, request_.expected_crc32, "what was asked for is");
        compare(CrcWitness::s3, opened->crc32, "S3 has noted");
        take_findings();
        report_.duration_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(reactor_.now() - began).count());
        co_return std::move(report_);
    }

  private:
    io::Task<Status> read_directory(ShardContext context, zip::Verifier& verifier) {
        const ArchiveReader::Sink sink = [&](base::ByteView bytes) {
            count(bytes.size());
            // A range may turn out to be nonsense when only a part of it has come.
            if (verifier.next_range()) verifier.feed(bytes);
        };
        while (const auto range = verifier.next_range()) {
            if (auto read = co_await reader_->read(context, *range, sink); !read) co_return read;
        }
        co_return Status{};
    }

    io::Task<Status> scan_body(const zip::Verifier& verifier) {
        zip::BodyPlan plan(verifier, kPieceBytes);
        zip::BodyTally tally(verifier);
        verifier_ = &verifier;
        plan_ = &plan;
        tally_ = &tally;
        io::TaskScope scope(reactor_);
        for (EngineLane& lane : engine_.lanes) {
            works_.push_back(std::make_shared<LaneWork>());
            scope.spawn(work_on(lane, works_.back()));
        }
        co_await scope.join();
        findings_.merge(tally.findings());
        if (verifier.has_directory()) report_.crc32 = tally.crc32();
        co_return failure_;
    }

    io::Task<void> work_on(EngineLane& lane, std::shared_ptr<LaneWork> work) {
        co_await io::run_on(reactor_, *lane.lane, [&] { return scan_pieces(lane, *work); });
    }

    // On `lane`, as is scan_in_turn.
    io::Task<bool> scan_pieces(EngineLane& lane, LaneWork& work) {
        work.follow(*lane.shutdown);
        io::TaskScope scope(lane.lane->reactor());
        const std::size_t blocks = lane.slab->total_bytes() / io::BufferSlab::kBlockBytes;
        const std::size_t reads = std::min(reader_->reads_per_lane_max(), blocks);
        for (std::size_t i = 0; i < reads; ++i) scope.spawn(scan_in_turn(lane, work));
        co_await scope.join();
        work.unhook();
        co_return true;
    }

    io::Task<void> scan_in_turn(EngineLane& lane, LaneWork& work) {
        io::Reactor& here = lane.lane->reactor();
        for (;;) {
            const auto piece = co_await io::run_on(here, *home_.lane, [&] { return take(); });
            if (!piece) co_return;
            auto result = co_await scan(context_on(lane, work.cancel), *piece);
            co_await io::run_on(here, *home_.lane, [&] { return finish(std::move(result)); });
        }
    }

    io::Task<Result<zip::PieceResult>> scan(ShardContext context, zip::BodyPiece piece) {
        zip::PieceScanner scanner(*verifier_, piece);
        const ArchiveReader::Sink sink = [&](base::ByteView bytes) {
            count(bytes.size());
            scanner.feed(bytes);
        };
        if (piece.range.size > 0) {  // entries that overlap may leave nothing between them
            if (auto read = co_await reader_->read(context, piece.range, sink); !read)
                co_return std::unexpected(read.error());
        }
        co_return scanner.finish();
    }

    // On the home lane, as is finish().
    io::Task<std::optional<zip::BodyPiece>> take() {
        if (!failure_) co_return std::nullopt;
        co_return plan_->next();
    }

    io::Task<bool> finish(Result<zip::PieceResult> result) {
        if (result) {
            tally_->add(std::move(*result));
        } else if (failure_) {
            failure_ = std::unexpected(std::move(result.error()));
            for (std::size_t i = 0; i < works_.size(); ++i) {
                engine_.lanes[i].lane->reactor().post(
                    [work = works_[i]] { work->cancel.cancel(); });
            }
        }
        co_return true;
    }

    ShardContext context_on(EngineLane& lane, io::CancelSource& cancel) const {
        return {lane.lane->reactor(),
                *lane.client,
                *lane.slab,
                {.cancel = &cancel, .credentials = credentials_.get(), .flow = flow_}};
    }

    void count(std::size_t bytes) {
        const std::uint64_t all = bytes_read_.fetch_add(bytes) + bytes;
        if (on_progress_) on_progress_(all, report_.archive_size);
    }

    void compare(CrcWitness witness, std::optional<std::uint32_t> expected, std::string_view says) {
        if (!expected || !report_.crc32) return;
        report_.compared_with.push_back(witness);
        if (*expected == *report_.crc32) return;
        zip::Findings differs;
        differs.add(0, {},
                    fmt::format("the archive's CRC-32 is {:08x}, {} {:08x}", *report_.crc32, says,
                                *expected));
        findings_.merge(differs);
    }

    void take_findings() {
        report_.findings_total = findings_.total();
        for (const zip::Finding& finding : findings_.list())
            report_.findings.push_back({finding.offset, finding.entry, finding.what});
    }

    EngineParts& engine_;
    EngineLane& home_;
    io::Reactor& reactor_;
    const VerifyRequest request_;
    const Engine::OnProgress on_progress_;
    const std::unique_ptr<ArchiveReader> reader_;
    EngineCredentials::Lease credentials_;
    const io::Flow flow_ = engine_.new_flow();
    std::atomic<std::uint64_t> bytes_read_{0};
    const zip::Verifier* verifier_ = nullptr;
    zip::BodyPlan* plan_ = nullptr;
    zip::BodyTally* tally_ = nullptr;
    std::vector<std::shared_ptr<LaneWork>> works_;
    zip::Findings findings_;
    Status failure_;
    VerifyReport report_;
};

}  // namespace

io::Task<Result<VerifyReport>> verify_archive(EngineParts& engine, EngineLane& home,
                                              VerifyRequest request,
                                              Engine::OnProgress on_progress) {
    Verification verification(engine, home, std::move(request), std::move(on_progress));
    co_return co_await verification.run();
}

}  // namespace archive
