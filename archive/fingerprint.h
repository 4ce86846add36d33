// The fingerprint of an archive to be: equal for jobs whose archives are equal, in their bytes and
// in how they are stored, wherever in a bucket. SHA-256 over the manifest (names, ETags, versions,
// sizes, times) and the options that matter, in hex. Pure; some 0.7 ns a byte of the manifest.
#pragma once

#include <string>
#include <vector>

#include "archive/manifest.h"
#include "archive/request.h"

namespace archive {

// `chunks` is the manifest encoded (manifest_codec.h). "" where equal fingerprints would say
// nothing: an object without ETag and version, or an archive under a customer's key.
std::string fingerprint(const Manifest& manifest, const std::vector<std::string>& chunks,
                        const ArchiveRequest& request);

}  // namespace archive
