#include "s3sim/gunzip.h"

#include <isa-l/igzip_lib.h>
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "s3sim/chunked_body.h"
#include "s3sim/claim.h"

namespace s3sim {
namespace {

std::optional<std::string> gunzip(std::string packed) {
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = reinterpret_cast<std::uint8_t*>(packed.data());
    state.avail_in = static_cast<std::uint32_t>(packed.size());
    std::string plain;
    std::array<std::uint8_t, 64 << 10> out;
    while (state.block_state != ISAL_BLOCK_FINISH) {
        state.next_out = out.data();
        state.avail_out = out.size();
        if (isal_inflate(&state) != ISAL_DECOMP_OK) return std::nullopt;
        const std::size_t got = out.size() - state.avail_out;
        plain.append(reinterpret_cast<const char*>(out.data()), got);
        if (got == 0 && state.avail_in == 0 && state.block_state != ISAL_BLOCK_FINISH)
            return std::nullopt;  // it ends too early
    }
    return plain;
}

}  // namespace

bool is_served_decoded(const Request& request, const Object& object) {
    const bool packed = std::ranges::any_of(object.headers, [](const auto& header) {
        return header.first == "content-encoding" && header.second == "gzip";
    });
    if (!packed || !object.body) return false;
    const auto accepted = split(request.header("accept-encoding"), ',');
    return std::ranges::none_of(accepted, [](std::string_view coding) {
        return trim(coding.substr(0, coding.find(';'))) == "gzip";
    });
}

std::optional<Response> decoded_response(const Response& stored, const Object& object, bool head) {
    std::string packed;
    const auto read = for_each_chunk(*object.body, 0, object.size, [&](base::ByteView bytes) {
        packed += base::as_text(bytes);
        return base::Status();
    });
    if (!read) return std::nullopt;
    auto plain = gunzip(std::move(packed));
    if (!plain) return std::nullopt;
    Response response = stored;
    response.status = 200;
    std::erase_if(response.headers, [](const auto& header) {
        return header.first == "content-encoding" || header.first == "Content-Range" ||
               header.first == "Accept-Ranges";
    });
    response.add("x-goog-stored-content-encoding", "gzip");
    response.add("x-goog-stored-content-length", std::to_string(object.size));
    response.add("Warning", "214 UploadServer gunzipped");
    response.no_length = true;
    if (head) return response;
    response.text = std::move(*plain);
    send_chunked(response, false);
    return response;
}

}  // namespace s3sim
