// How a request is refused: S3's status, code, message and extra elements. Handlers return
// Answered<T>.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace s3sim {

struct Refusal {
    int status = 500;
    std::string code;
    std::string message;
    std::vector<std::pair<std::string, std::string>> extra;  // further elements of the <Error>
    std::vector<std::pair<std::string, std::string>> headers = {};  // of the answer
    bool close = false;  // the connection cannot go on after this
};

template <typename T>
using Answered = std::expected<T, Refusal>;

[[nodiscard]] std::unexpected<Refusal> refuse(
    int status, std::string_view code, std::string message,
    std::vector<std::pair<std::string, std::string>> extra = {});
// The same with S3's usual status and message for the code; 500 InternalError for one that is not
// known.
[[nodiscard]] std::unexpected<Refusal> refuse(
    std::string_view code, std::vector<std::pair<std::string, std::string>> extra = {});
Refusal known_refusal(std::string_view code);
Refusal refusal_of(const base::Error& error);  // trouble of our own: storage
std::string error_xml(const Refusal& refusal, std::string_view resource,
                      std::string_view request_id);

}  // namespace s3sim
