#include "daemon/job_view.h"

namespace s3zipd {

constexpr std::uint64_t kTextBytes = sizeof(std::string);

std::uint64_t estimate_bytes(const archive::ArchiveRequest& request) {
    std::uint64_t bytes = sizeof(archive::Job) + 1024;
    for (const auto& source : request.sources) {
        bytes += sizeof source + source.bucket.size() + source.prefix.size();
        for (const auto& pattern : source.include) bytes += kTextBytes + pattern.size();
        for (const auto& pattern : source.exclude) bytes += kTextBytes + pattern.size();
        if (!source.objects) continue;
        for (const auto& object : *source.objects) {
            bytes += sizeof object + object.key.size() + object.name.size();
        }
    }
    for (const auto& [name, value] : request.destination.metadata) {
        bytes += name.size() + value.size();
    }
    return bytes + request.options.comment.size();
}

std::uint64_t estimate_bytes(const archive::JobSnapshot& snapshot) {
    std::uint64_t bytes = 0;
    if (!snapshot.result) return bytes;
    for (const auto& skipped : snapshot.result->report->skipped()) {
        bytes += sizeof skipped + skipped.key.size();
    }
    for (const auto& renamed : snapshot.result->report->renamed()) {
        bytes += sizeof renamed + renamed.key.size() + renamed.name.size();
    }
    return bytes;
}

}  // namespace s3zipd
