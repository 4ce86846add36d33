#include "archive/finisher.h"

#include <fmt/format.h>

#include "archive/archive_write.h"
#include "archive/destination.h"
#include "archive/stored_parts.h"
#include "base/encoding.h"
#include "zip/central_directory.h"
#include "zip/crc32.h"

namespace archive {
namespace {

using base::Result;

class Finisher {
  public:
    Finisher(const ShardContext& context, const Plan& plan, PartBoard& board,
             s3client::UploadTarget upload, Destination destination, std::string job_id,
             Use conditional)
        : context_(context),
          plan_(plan),
          board_(board),
          upload_(std::move(upload)),
          destination_(std::move(destination)),
          write_(context_.client, destination_, std::move(job_id), conditional, to_),
          directory_(plan.layout(), plan.manifest(), board.entry_crcs(), plan.comment()) {}

    io::Task<Result<WrittenArchive>> run() {
        for (std::size_t p = plan_.tail(); p < plan_.parts().size(); ++p) {
            if (board_.is_stored(p)) continue;  // by an earlier process
            if (auto sent = co_await send_part(p); !sent) co_return std::unexpected(sent.error());
        }
        auto written = plan_.single_put() ? std::move(put_) : co_await complete();
        if (!written || plan_.single_put()) co_return written;
        // Without a mark the object may be another's with the same bytes: then our upload is open.
        const bool gone = !written->settled || co_await abort_upload(context_.client, upload_, to_);
        if (gone && context_.recorder != nullptr) context_.recorder->upload_over(upload_.upload_id);
        co_return written;
    }

  private:
    io::Task<base::Status> send_part(std::size_t part_index) {
        const ShardPlan shard = plan_.shard_of(part_index, upload_);
        const ShardPart& part = shard.parts.front();
        auto memory = co_await context_.slab.reserve(part.size, {.cancel = context_.call.cancel},
                                                     context_.call.flow);
        if (!memory) co_return std::unexpected(memory.error());
        PartBuilder builder(context_, shard, part, std::move(*memory));
        if (auto fetched = co_await builder.fetch(); !fetched) co_return fetched;
        if (auto ok = builder.write_headers(); !ok) co_return ok;
        // The directory holds the CRCs of these entries, too.
        if (auto same = board_.record_pieces(builder.pieces()); !same) co_return same;
        board_.record_compared(builder.compared());
        builder.write_directory(directory_);

        std::vector<base::ByteView> views;
        const s3client::Body body = builder.body(views);
        PartResult result{part.number, part.size, body.crc32, {}};
        co_await builder.record(body.crc32);
        if (plan_.single_put()) {
            put_ = co_await write_.put(body, {part.size, body.crc32});
            if (!put_) co_return std::unexpected(put_.error());
            result.etag = put_->object.etag;
        } else {
            auto etag = co_await context_.client.upload_part(upload_, part.number, body, to_);
            if (!etag) co_return std::unexpected(etag.error());
            result.etag = std::move(*etag);
            if (context_.recorder != nullptr)
                context_.recorder->part_stored(part.number, result.etag);
        }
        board_.record_part(std::move(result));
        co_return base::Status{};
    }

    io::Task<Result<WrittenArchive>> complete() {
        auto written = co_await complete_with(board_.results());
        if (!written && written.error().code == "InvalidPart") {
            // A part that was sent twice has the ETag of whichever came in last.
            auto there = co_await parts_there();
            if (!there) co_return std::unexpected(there.error());
            written = co_await complete_with(*there);
        }
        co_return written;
    }

    io::Task<Result<WrittenArchive>> complete_with(const std::vector<PartResult>& parts) {
        s3client::CompleteUpload request;
        request.upload = upload_;
        std::vector<std::byte> part_crcs;
        for (const PartResult& part : parts) {
            request.parts.push_back({part.number, part.etag, base::crc32_base64(part.crc32)});
            for (int shift = 24; shift >= 0; shift -= 8)
                part_crcs.push_back(static_cast<std::byte>(part.crc32 >> shift));
        }
        request.object_size = plan_.layout().archive_size();
        request.crc32 = board_.archive_crc();
        const std::string composite =
            fmt::format("{}-{}", base::crc32_base64(zip::crc32_update(0, part_crcs)), parts.size());
        co_return co_await write_.complete(
            std::move(request), {plan_.layout().archive_size(), board_.archive_crc(), composite});
    }

    // Our parts under the ETags that S3 has for them now. Errors: corrupt "part_changed", if one is
    // not what we sent.
    io::Task<Result<std::vector<PartResult>>> parts_there() {
        auto there = co_await stored_parts(context_.client, upload_, board_.results(),
                                           WithoutCrc32::trusted, to_);
        if (!there || there->size() == board_.results().size()) co_return there;
        const std::string where = destination_.bucket + "/" + destination_.key;
        co_return base::fail(
            {base::ErrorKind::corrupt,
             "part_changed",
             fmt::format("{}: the store has not all parts that it said it had", where),
             0,
             {},
             where});
    }

    const ShardContext context_;
    const Plan& plan_;
    PartBoard& board_;
    const s3client::UploadTarget upload_;
    const Destination destination_;
    const s3client::CallContext to_ = context_.call_with(destination_.access);
    ArchiveWrite write_;
    zip::CentralDirectory directory_;
    Result<WrittenArchive> put_;
};

}  // namespace

io::Task<Result<ArchiveResult>> finish_archive(ShardContext context, const Plan& plan,
                                               PartBoard& board, s3client::UploadTarget upload,
                                               Destination destination, std::string job_id,
                                               Use conditional) {
    Finisher finisher(context, plan, board, std::move(upload), destination, std::move(job_id),
                      conditional);
    auto written = co_await finisher.run();
    if (!written) co_return std::unexpected(written.error());
    co_return ArchiveResult{.bucket = destination.bucket,
                            .key = destination.key,
                            .etag = std::string(s3client::quote_etag(written->object.etag)),
                            .version_id = written->object.version_id,
                            .size = plan.layout().archive_size(),
                            .entries = plan.layout().count(),
                            .crc32 = board.archive_crc(),
                            .report = plan.manifest().report(),
                            .checked = written->object.checked,
                            .compared = board.compared(),
                            .guard = written->guard,
                            .confirmed = written->confirmed};
}

}  // namespace archive
