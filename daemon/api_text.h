// From a JSON object to the text that is sent. Everything the API says goes through here: keys and
// paths may hold any bytes, JSON may not, so bytes that are not UTF-8 are replaced (U+FFFD). Only
// text that came from outside can hold such bytes, and what is around it is ASCII.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace s3zipd {

// Boost 1.81 has a string view of its own.
inline boost::json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

inline std::string to_text(const boost::json::object& object) {
    return base::as_utf8(boost::json::serialize(object));
}

}  // namespace s3zipd
