#include "daemon/job_view.h"

#include <algorithm>

namespace s3zipd {

bool has_secrets(const archive::ArchiveRequest& request) {
    return request.destination.access.customer_key != nullptr ||
           std::ranges::any_of(request.sources, [](const archive::Source& source) {
               return source.access.customer_key != nullptr;
           });
}

constexpr std::uint64_t kTextBytes = sizeof(std::string);

std::uint64_t estimate_bytes(const archive::ArchiveRequest& request) {
    std::uint64_t bytes = sizeof(archive::Job) + 1024;
    for (const auto& source : request.sources) {
        bytes += sizeof source + source.bucket.size() + source.prefix.size();
        for (const auto& pattern : source.include) bytes += kTextBytes + pattern.size();
        for (const auto& pattern : source.exclude) bytes += kTextBytes + pattern.size();
        if (!source.objects) continue;
        for (const auto& object : *source.objects) {
            bytes +=
                sizeof object + object.key.size() + object.name.size() + object.version_id.size();
        }
    }
    for (const auto& [name, value] : request.destination.metadata) {
        bytes += name.size() + value.size();
    }
    return bytes + request.options.comment.size() + request.notify_url.size();
}

std::uint64_t estimate_bytes(const archive::JobSnapshot& snapshot) {
    // One report, however many snapshots share it.
    return snapshot.result ? snapshot.result->report->bytes() : 0;
}

}  // namespace s3zipd
