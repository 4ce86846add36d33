// The body of POST /archives: an error that says where, in a way a program can follow, or a request
// that is valid.
//
// Input: the body.
#include "daemon/api_request.h"

#include <boost/json/parse.hpp>
#include <string>

#include "archive/request.h"
#include "base/check.h"
#include "config/limits.h"
#include "fuzz_input.h"

namespace {

namespace json = boost::json;

bool has(const json::value& body, std::string_view pointer) {
    json::error_code error;
    return body.find_pointer(json::string_view(pointer.data(), pointer.size()), error) != nullptr;
}

bool is_empty(const json::value& body, std::string_view pointer) {
    json::error_code error;
    const json::value* value =
        body.find_pointer(json::string_view(pointer.data(), pointer.size()), error);
    return value != nullptr && value->is_string() && value->get_string().empty();
}

// A JSON pointer (RFC 6901) to a value, or to a field that is missing in an object.
bool leads_somewhere(const json::value& body, std::string_view pointer) {
    if (has(body, pointer)) return true;
    const std::size_t slash = pointer.rfind('/');
    if (slash == std::string_view::npos) return false;
    const std::string_view above = pointer.substr(0, slash);
    json::error_code error;
    const json::value* parent =
        body.find_pointer(json::string_view(above.data(), above.size()), error);
    return parent != nullptr && parent->is_object();
}

void check_error(std::string_view body, const base::Error& error) {
    CHECK(error.kind == base::ErrorKind::invalid && !error.code.empty() && !error.detail.empty());
    json::parse_options options;
    options.max_depth = config::kJsonDepthMax;
    json::error_code wrong;
    const json::value value =
        json::parse(json::string_view(body.data(), body.size()), wrong, {}, options);
    CHECK((error.code == "bad_json") == static_cast<bool>(wrong));
    // The value that boost::json keeps of two with one name may be another than the one at fault.
    if (error.code == "repeated_field") {
        CHECK(!wrong && error.key.starts_with('/'));
        return;
    }
    CHECK(wrong ? error.key.empty() : leads_somewhere(value, error.key));
    if (error.code == "missing_field") CHECK(!has(value, error.key) || is_empty(value, error.key));
    if (error.code == "unknown_field" || error.code == "wrong_type") CHECK(has(value, error.key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = fuzz::FuzzInput(data, size).rest();
    const auto request = s3zipd::parse_archive_request(body);
    if (!request) {
        check_error(body, request.error());
    } else {
        CHECK(archive::validate(*request));
    }
    const auto again = s3zipd::parse_archive_request(body);
    CHECK(again.has_value() == request.has_value());
    if (!request) CHECK(again.error().to_string() == request.error().to_string());
    return 0;
}
