#include "archive/stored_parts.h"

#include <algorithm>

#include "base/encoding.h"

namespace archive {
namespace {

bool is_same(const s3client::ListedPart& there, const PartResult& ours,
             WithoutCrc32 without_crc32) {
    if (there.size != ours.size) return false;
    if (!there.checksum_crc32.empty())
        return there.checksum_crc32 == base::crc32_base64(ours.crc32);
    return without_crc32 == WithoutCrc32::trusted ||
           (!ours.etag.empty() && there.etag == ours.etag);
}

}  // namespace

io::Task<base::Result<std::vector<PartResult>>> stored_parts(s3client::S3Client& client,
                                                             s3client::UploadTarget upload,
                                                             std::vector<PartResult> sent,
                                                             WithoutCrc32 without_crc32,
                                                             s3client::CallContext context) {
    std::vector<PartResult> stored;
    for (std::uint32_t after = 0;;) {
        auto page = co_await client.list_parts(upload, after, context);
        if (!page) co_return std::unexpected(page.error());
        for (const s3client::ListedPart& there : page->parts) {
            const auto ours = std::ranges::lower_bound(sent, there.number, {}, &PartResult::number);
            if (ours == sent.end() || ours->number != there.number) continue;
            if (!is_same(there, *ours, without_crc32)) continue;
            stored.push_back(*ours);
            stored.back().etag = there.etag;
        }
        // A store that does not move on would be asked for ever.
        if (page->next_part_number_marker.value_or(0) <= after) break;
        after = *page->next_part_number_marker;
    }
    // Whatever order the store has them in.
    std::ranges::sort(stored, {}, &PartResult::number);
    const auto same = std::ranges::unique(stored, {}, &PartResult::number);
    stored.erase(same.begin(), same.end());
    co_return stored;
}

}  // namespace archive
