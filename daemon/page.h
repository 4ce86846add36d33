// The page at `/`: the files of daemon/page/, which are part of the binary, as answers.
//
// They are the same for everybody and hold no data: what the page shows, it asks the API for, with
// the token of who looks at it. Their headers let it load nothing from elsewhere, run no script but
// its own, and be put into no frame. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "daemon/http.h"

namespace s3zipd {

struct PageFile {
    std::string_view name;
    const unsigned char* bytes;
    std::size_t size;
    std::string_view etag;  // of the content, with its quotes

    std::string_view text() const { return {reinterpret_cast<const char*>(bytes), size}; }
};
extern const std::span<const PageFile> kPageFiles;  // made by embed.cmake

// The file of /page/`name`, "index.html" being that of `/`; 304 if the client has it, by its
// If-None-Match; a problem if there is none.
HttpResponse page_response(std::string_view name, std::string_view if_none_match);

}  // namespace s3zipd
