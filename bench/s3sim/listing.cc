#include "s3sim/listing.h"

#include <algorithm>

#include "base/encoding.h"
#include "s3sim/numbers.h"

namespace s3sim {

Answered<std::uint64_t> page_size(const Request& request, std::string_view name) {
    const std::string* text = request.parameter(name);
    if (text == nullptr) return kPageMax;
    const auto number = parse_number(*text);
    if (!number || *number > INT32_MAX) {
        return refuse(400, "InvalidArgument",
                      "Provided " + std::string(name) + " not an integer or within integer range",
                      {{"ArgumentName", std::string(name)}, {"ArgumentValue", *text}});
    }
    return std::min(*number, kPageMax);
}

std::string KeyEncoder::operator()(std::string_view key) const {
    if (!url) return std::string(key);
    std::string out;
    for (const char c : key) {
        if (c == ' ') {
            out += '+';
        } else if (c == '*') {
            out += c;
        } else if (c == '~') {
            out += "%7E";
        } else {
            out += base::percent_encode({&c, 1}, true);
        }
    }
    return out;
}

Answered<KeyEncoder> key_encoder(const Request& request) {
    const std::string* encoding = request.parameter("encoding-type");
    if (encoding == nullptr) return KeyEncoder{false};
    if (*encoding != "url") {
        return refuse(400, "InvalidArgument", "Invalid Encoding Method specified in Request",
                      {{"ArgumentName", "encoding-type"}, {"ArgumentValue", *encoding}});
    }
    return KeyEncoder{true};
}

std::string after_prefix(std::string prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
    if (!prefix.empty())
        prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    return prefix;
}

}  // namespace s3sim
