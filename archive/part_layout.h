// Where the parts of an upload end. `entries`: where entries end, so that parts differ in length
// (archive/parts.h). `uniform`: all parts but the last have one length, which some stores require
// (https://developers.cloudflare.com/r2/objects/multipart-objects/). `automatic`: the engine
// chooses by the store.
#pragma once

#include <cstdint>

namespace archive {

enum class PartLayout : std::uint8_t { automatic, entries, uniform };

}  // namespace archive
