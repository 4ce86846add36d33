#include "archive/upload_release.h"

#include <fmt/format.h>
#include <algorithm>
#include <set>

#include "archive/access_hint.h"
#include "archive/destination.h"
#include "base/log.h"

namespace archive {
namespace {

using base::Result;
using s3client::ListedUpload;

// Of listing and looking; aborting has a time of its own.
constexpr base::Duration kLookTimeout = std::chrono::seconds(40);
// A listing of 1,000 uploads each. The prefix of the listing is a whole key.
constexpr unsigned kPagesMax = 100;
// Initiated and Date are cut to whole seconds: up to one each, and what the answer was under way.
constexpr base::Duration kClockTolerance = std::chrono::seconds(2);

// CRC32 of the whole object, as our CreateMultipartUpload asks for. Of a store that says nothing of
// checksums, anything could be ours.
bool has_our_checksum(const ListedUpload& upload, bool says_checksums) {
    const auto is = [says_checksums](const std::string& said, std::string_view ours) {
        return said == ours || (said.empty() && !says_checksums);
    };
    return is(upload.checksum_algorithm, "CRC32") && is(upload.checksum_type, "FULL_OBJECT");
}

class UploadSearch {
  public:
    UploadSearch(s3client::S3Client& client, const UploadClaim& claim,
                 s3client::CallContext context)
        : client_(client),
          claim_(claim),
          context_(context),
          deadline_(client.reactor().now() + kLookTimeout) {}

    // The id of the one upload that can be ours; "" for none.
    struct Found {
        std::string upload_id;
        bool ambiguous = false;
    };
    io::Task<Result<Found>> run() {
        if (auto listed = co_await list(); !listed) co_return std::unexpected(listed.error());
        Found found;
        for (const ListedUpload& upload : candidates_) {
            const auto ours = co_await may_be_ours(upload);
            if (!ours) co_return std::unexpected(ours.error());
            if (!*ours) continue;
            found.ambiguous = !found.upload_id.empty();
            if (found.ambiguous) break;
            found.upload_id = upload.upload_id;
        }
        co_return found;
    }

  private:
    io::Task<base::Status> list() {
        std::set<std::string> seen;  // a store may show one twice, when others end meanwhile
        std::string key_marker, id_marker;
        for (unsigned pages = 0; pages < kPagesMax; ++pages) {
            if (auto time = take_time(); !time) co_return time;
            auto page = co_await client_.list_multipart_uploads(claim_.bucket, claim_.key,
                                                                key_marker, id_marker, context_);
            if (!page) co_return std::unexpected(page.error());
            const base::Duration offset = page->answered_at
                                              ? *page->answered_at - client_.reactor().utc_now()
                                              : base::Duration::zero();
            for (ListedUpload& upload : page->uploads) {
                if (may_be_claimed(upload, claim_, offset, false) &&
                    seen.insert(upload.upload_id).second)
                    candidates_.push_back(std::move(upload));
            }
            if (!page->truncated) co_return base::Status{};
            key_marker = std::move(page->next_key_marker);
            id_marker = std::move(page->next_upload_id_marker);
        }
        co_return base::fail(
            base::ErrorKind::exhausted, "too_many_uploads",
            fmt::format("{} has more open uploads below {} than are looked through", claim_.bucket,
                        claim_.key));
    }

    // Ours has no part: nobody had its id. What the listing did not say of the checksum may stand
    // here.
    io::Task<Result<bool>> may_be_ours(ListedUpload upload) {
        if (auto time = take_time(); !time) co_return std::unexpected(time.error());
        const auto parts =
            co_await client_.list_parts({claim_.bucket, claim_.key, upload.upload_id}, 0, context_);
        if (!parts) {
            const base::Error& error = parts.error();
            // It has ended since, or another key than ours encrypts it, or none does.
            const bool other = error.code == "NoSuchUpload" ||
                               (claim_.access.customer_key && error.http_status == 400);
            if (other) co_return false;
            co_return base::fail(error);
        }
        if (upload.checksum_algorithm.empty())
            upload.checksum_algorithm = parts->checksum_algorithm;
        if (upload.checksum_type.empty()) upload.checksum_type = parts->checksum_type;
        co_return parts->parts.empty() && has_our_checksum(upload, client_.is_aws());
    }

    base::Status take_time() {
        context_.timeout = deadline_ - client_.reactor().now();
        if (context_.timeout > base::Duration::zero()) return {};
        return base::fail(base::ErrorKind::transient, "timeout",
                          "looking for an upload that was left behind took too long");
    }

    s3client::S3Client& client_;
    const UploadClaim& claim_;
    s3client::CallContext context_;
    const base::SteadyTime deadline_;
    std::vector<ListedUpload> candidates_;
};

}  // namespace

bool may_be_claimed(const ListedUpload& upload, const UploadClaim& claim,
                    base::Duration clock_offset, bool says_checksums) {
    const base::UtcTime initiated{std::chrono::seconds(upload.initiated_s)};
    const auto in_our_time = [clock_offset](base::UtcTime time) {
        return time + std::chrono::duration_cast<base::UtcTime::duration>(clock_offset);
    };
    return upload.key == claim.key &&
           initiated >= in_our_time(claim.created_from) - kClockTolerance &&
           initiated <= in_our_time(claim.created_until) + kClockTolerance &&
           std::ranges::find(claim.known, upload.upload_id) == claim.known.end() &&
           has_our_checksum(upload, says_checksums);
}

io::Task<Result<Release>> release_upload(s3client::S3Client& client, UploadClaim claim,
                                         s3client::CallContext context) {
    context.access = &claim.access;
    context.job = claim.job;
    if (claim.upload_id.empty()) {
        UploadSearch search(client, claim, context);
        const auto found = co_await search.run();
        if (!found) co_return base::fail(with_access_hint(found.error(), claim.access));
        if (found->ambiguous) {
            base::log_warn(
                "more than one upload may be what a job has left behind: none is touched",
                {{"job", claim.job}, {"bucket", claim.bucket}, {"key", claim.key}});
            co_return Release::ambiguous;
        }
        if (found->upload_id.empty()) co_return Release::none_found;
        claim.upload_id = found->upload_id;
    }
    const auto gone =
        co_await abort_upload(client, {claim.bucket, claim.key, claim.upload_id}, context);
    if (gone) co_return Release::gone;
    if (gone.error().code == "upload_still_there") co_return Release::still_there;
    co_return base::fail(with_access_hint(gone.error(), claim.access));
}

}  // namespace archive
