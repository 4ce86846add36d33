#include "archive/finisher.h"

#include <fmt/format.h>

#include "archive/destination.h"
#include "archive/stored_parts.h"
#include "base/log.h"
#include "zip/central_directory.h"

namespace archive {
namespace {

using base::Result;
using s3client::WrittenObject;

class Finisher {
  public:
    Finisher(const ShardContext& context, const Plan& plan, PartBoard& board,
             s3client::UploadTarget upload, Destination destination, std::string job_id)
        : context_(context),
          plan_(plan),
          board_(board),
          upload_(std::move(upload)),
          destination_(std::move(destination)),
          job_id_(std::move(job_id)),
          directory_(plan.layout(), plan.manifest(), board.entry_crcs(), plan.comment()) {}

    io::Task<Result<WrittenObject>> run() {
        for (std::size_t p = plan_.tail(); p < plan_.parts().size(); ++p) {
            if (board_.is_stored(p)) continue;  // by an earlier process
            if (auto sent = co_await send_part(p); !sent) co_return std::unexpected(sent.error());
        }
        auto written = plan_.single_put() ? std::move(put_) : co_await complete();
        const bool in_doubt = !written;
        auto settled = co_await settle_write(context_.client, destination_, std::move(written),
                                             plan_.layout().archive_size(), board_.archive_crc(),
                                             to_, job_id_);
        if (!settled || plan_.single_put()) co_return settled;
        // Without a mark the object may be another's with the same bytes: then our upload is open.
        const bool gone = !in_doubt || co_await abort_upload(context_.client, upload_, to_);
        if (gone && context_.recorder != nullptr) context_.recorder->upload_over(upload_.upload_id);
        co_return settled;
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
            put_ = co_await put(body);
            if (put_) result.etag = put_->etag;
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

    io::Task<Result<WrittenObject>> put(s3client::Body body) {
        auto headers = object_headers(destination_, job_id_);
        auto conditional = headers;
        for (auto& header : condition_headers(destination_))
            conditional.push_back(std::move(header));
        auto written = co_await context_.client.put_object(destination_.bucket, destination_.key,
                                                           std::move(conditional), body, to_);
        // A store that knows no conditions (Swift). We have looked once; look as late as can be.
        const bool unconditional =
            !written && written.error().http_status == 501 && !destination_.overwrite;
        if (!unconditional) co_return written;
        auto free = co_await check_destination(context_.client, destination_, to_, job_id_);
        if (!free) co_return std::unexpected(free.error());
        base::log_warn(
            "this store knows no conditional writes: another writer could come between",
            {{"job", job_id_}, {"bucket", destination_.bucket}, {"key", destination_.key}});
        co_return co_await context_.client.put_object(destination_.bucket, destination_.key,
                                                      std::move(headers), body, to_);
    }

    io::Task<Result<WrittenObject>> complete() {
        auto written = co_await complete_with(board_.results());
        if (!written && written.error().code == "InvalidPart") {
            // A part that was sent twice has the ETag of whichever came in last.
            auto there = co_await parts_there();
            if (!there) co_return std::unexpected(there.error());
            written = co_await complete_with(*there);
        }
        if (!written) co_return written;
        // Stores that know neither checksums nor x-amz-mp-object-size have checked nothing: look
        // once.
        auto head = co_await context_.client.head_object(
            {destination_.bucket, destination_.key, {}}, s3client::WithChecksum::no, to_);
        // Another ETag is another's object, written after ours.
        const bool ours = head && (written->etag.empty() || written->etag == head->etag);
        if (ours && head->size != plan_.layout().archive_size()) {
            co_return base::fail(
                base::ErrorKind::corrupt, "wrong_size",
                fmt::format("{}/{} has {} bytes after its upload was completed, {} were sent",
                            destination_.bucket, destination_.key, head->size,
                            plan_.layout().archive_size()));
        }
        if (head && written->etag.empty()) written->etag = head->etag;
        co_return written;
    }

    io::Task<Result<WrittenObject>> complete_with(const std::vector<PartResult>& parts) {
        s3client::S3Client::CompleteUpload request;
        request.upload = upload_;
        for (const PartResult& part : parts) request.parts.push_back({part.number, part.etag, {}});
        request.object_size = plan_.layout().archive_size();
        request.crc32 = board_.archive_crc();
        request.headers = condition_headers(destination_);
        co_return co_await context_.client.complete_multipart_upload(std::move(request), to_);
    }

    // Our parts under the ETags that S3 has for them now. Errors: corrupt "part_changed", if one is
    // not what we sent.
    io::Task<Result<std::vector<PartResult>>> parts_there() {
        auto there = co_await stored_parts(context_.client, upload_, board_.results(),
                                           WithoutCrc32::trusted, to_);
        if (!there || there->size() == board_.results().size()) co_return there;
        co_return base::fail(base::ErrorKind::corrupt, "part_changed",
                             fmt::format("{}/{}: S3 no longer has the parts that were sent to it",
                                         destination_.bucket, destination_.key));
    }

    const ShardContext context_;
    const Plan& plan_;
    PartBoard& board_;
    const s3client::UploadTarget upload_;
    const Destination destination_;
    const std::string job_id_;
    const s3client::CallContext to_ = context_.call_with(destination_.access);
    zip::CentralDirectory directory_;
    Result<WrittenObject> put_;
};

}  // namespace

io::Task<Result<ArchiveResult>> finish_archive(ShardContext context, const Plan& plan,
                                               PartBoard& board, s3client::UploadTarget upload,
                                               Destination destination, std::string job_id) {
    Finisher finisher(context, plan, board, std::move(upload), destination, std::move(job_id));
    auto written = co_await finisher.run();
    if (!written) co_return std::unexpected(written.error());
    co_return ArchiveResult{.bucket = destination.bucket,
                            .key = destination.key,
                            .etag = std::string(s3client::quote_etag(written->etag)),
                            .version_id = written->version_id,
                            .size = plan.layout().archive_size(),
                            .entries = plan.layout().count(),
                            .crc32 = board.archive_crc(),
                            .report = plan.manifest().report(),
                            .checked = written->checked,
                            .compared = board.compared()};
}

}  // namespace archive
