#include "archive/fingerprint.h"

#include "base/encoding.h"
#include "base/packed.h"
#include "s3client/sigv4.h"

namespace archive {
namespace {

bool is_pinned(const Manifest& manifest) {
    for (std::uint64_t i = 0; i < manifest.count(); ++i) {
        const ManifestEntry& entry = manifest[i];
        const bool same_by_size = entry.size == 0 || !manifest.text_of(i).empty();
        if (!same_by_size && entry.etag().empty() && entry.version_id().empty()) return false;
    }
    return true;
}

void write_map(base::PackedWriter& out, const std::map<std::string, std::string>& texts) {
    out.number(texts.size());
    for (const auto& [name, value] : texts) {
        out.text(name);
        out.text(value);
    }
}

void write_stored_as(base::PackedWriter& out, const Destination& destination) {
    out.text(destination.storage_class);
    write_map(out, destination.tags);
    write_map(out, destination.metadata);
    out.text(destination.content_type);
    out.text(destination.content_disposition);
    out.text(destination.cache_control);
    const ServerSideEncryption& sse = destination.sse;
    out.text(sse.type);
    out.text(sse.key_id);
    out.byte(!sse.bucket_key_enabled ? 0 : *sse.bucket_key_enabled ? 1 : 2);
    write_map(out, sse.context);
}

}  // namespace

std::string fingerprint(const Manifest& manifest, const std::vector<std::string>& chunks,
                        const ArchiveRequest& request) {
    if (request.destination.access.customer_key || !is_pinned(manifest)) return {};
    base::PackedWriter all;
    for (const std::string& chunk : chunks)
        all.text(base::as_text(s3client::sha256(base::as_bytes(chunk))));
    all.text(request.options.comment);
    write_stored_as(all, request.destination);
    return base::hex(s3client::sha256(base::as_bytes(all.take())));
}

}  // namespace archive
