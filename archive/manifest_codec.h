// A Manifest as bytes, for the journal that a job is resumed from and for the fingerprint that
// tells equal archives: everything the plan depends on, so that a resumed job makes the same bytes
// whatever has changed in S3 or in our naming since.
//
// Chunks of at most some kChunkBytes, each to be read by itself in order; equal manifests give
// equal chunks. Keys are written as what differs from the key before, ETags of hex as bytes, a name
// that is the end of its key as where it begins: 30 to 60 bytes an entry of a listing. How buckets
// are accessed is not written (it may hold keys of customers): it is taken from the request again.
//
//   head    version, entries, buckets (name, index of its source), index of the missing list
//   entry*  prefix length, key rest, version, ETag, size, time, bucket, name, why it was renamed
//   rest    objects skipped, text of the missing list
//
// Pure; some 0.1 us an entry. Call it off the reactors for long ones.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "archive/manifest.h"
#include "archive/request.h"
#include "base/error.h"

namespace archive {

class ManifestDecoder {
  public:
    static constexpr std::size_t kChunkBytes = 256 << 10;

    // The request that the manifest was made for; it outlives the decoder.
    explicit ManifestDecoder(const ArchiveRequest& request);
    ~ManifestDecoder();

    // Errors: corrupt "bad_manifest_record".
    base::Status add(std::string_view chunk);
    base::Result<std::shared_ptr<const Manifest>> finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Accesses of buckets are found among those of the request's sources.
std::vector<std::string> encode_manifest(const Manifest& manifest, const ArchiveRequest& request);

// The skipped and renamed objects of a result, and back: what is left of a manifest once its job
// has ended.
std::vector<std::string> encode_report(const ObjectReport& report);
base::Result<std::shared_ptr<const ObjectReport>> decode_report(
    const std::vector<std::string>& chunks);

}  // namespace archive
