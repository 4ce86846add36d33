#include "s3sim/exchanges.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "s3sim/encryption.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/stats.h"
#include "s3sim/xml.h"

namespace s3sim {
namespace {

bool is_success(int status) { return status >= 200 && status < 300; }

// Two requests with the same target get the same answer.
std::string target_of(const Exchange& exchange) {
    const Request& request = exchange.request;
    return fmt::format("{}?{} {}", request.raw_path, request.raw_query, request.header("range"));
}

bool is_condition(const auto& header) {
    constexpr std::array<std::string_view, 4> kConditions = {
        "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"};
    return contains(kConditions, header.first);
}

}  // namespace

void EarlierAnswers::keep(std::uint64_t generation, const Exchange& exchange, Response response) {
    if (!is_success(response.status) || exchange.operation == Operation::Control) return;
    std::string target = target_of(exchange);
    const std::scoped_lock lock(mutex_);
    if (generation != generation_) kept_.clear();
    generation_ = generation;
    if (kept_.size() == kKeptMax) kept_.pop_front();
    response.request_id = exchange.request_id;
    kept_.push_back({exchange.operation, std::move(target), std::move(response)});
}

std::optional<Response> EarlierAnswers::newest(std::uint64_t generation, auto matches) const {
    const std::scoped_lock lock(mutex_);
    if (generation != generation_) return std::nullopt;
    const auto found = std::find_if(kept_.rbegin(), kept_.rend(), matches);
    return found == kept_.rend() ? std::nullopt : std::optional(found->response);
}

std::optional<Response> EarlierAnswers::of_operation(std::uint64_t generation,
                                                     const Exchange& exchange) const {
    const std::string target = target_of(exchange);
    return newest(generation, [&](const Kept& kept) {
        return kept.operation == exchange.operation && kept.target != target;
    });
}

std::optional<Response> EarlierAnswers::any(std::uint64_t generation,
                                            const Exchange& exchange) const {
    if (auto same = of_operation(generation, exchange)) return same;
    return newest(generation,
                  [&](const Kept& kept) { return kept.operation != exchange.operation; });
}

// Instead of `response`, the answer to another request of the same operation, if there is one.
void Service::swap(const Exchange& exchange, Response& response) {
    // No client can tell that a HEAD and a GET that agree are both of another object.
    const auto believable = [&](const Response& other) {
        const std::string_view wanted = exchange.request.header("if-match");
        return !wanted.empty() && std::ranges::any_of(other.headers, [&](const auto& header) {
            return header.first == "ETag" && header.second == wanted;
        });
    };
    if (auto earlier = earlier_answers_.of_operation(faults_.generation(), exchange)) {
        if (!believable(*earlier)) response = std::move(*earlier);
        return;
    }
    const bool reads =
        exchange.operation == Operation::GetObject || exchange.operation == Operation::HeadObject;
    Entry entry;
    if (!reads || !exchange.bucket) return;
    if (!exchange.bucket->next(exchange.request.key, false, entry) &&
        !exchange.bucket->next("", true, entry))
        return;
    if (entry.key == exchange.request.key) return;
    Exchange other;
    other.operation = exchange.operation;
    other.bucket = exchange.bucket;
    other.request = exchange.request;
    other.request.key = entry.key;
    other.request.query.clear();
    std::erase_if(other.request.headers, [](const auto& header) { return is_condition(header); });
    if (auto done = get_object(other); done && !believable(*done)) response = std::move(*done);
}

std::optional<Response> Service::stale_answer(const Exchange& exchange) const {
    return earlier_answers_.any(faults_.generation(), exchange);
}

Response Service::early_answer(Exchange& exchange) {
    const Request& request = exchange.request;
    const bool completes = exchange.operation == Operation::CompleteMultipartUpload;
    exchange.promised_etag = opaque_etag() + (completes ? "-1" : "");
    const std::string etag = "\"" + exchange.promised_etag + "\"";
    const std::string crc(request.header("x-amz-checksum-crc32"));
    Response response;
    if (completes) {
        XmlWriter xml;
        xml.root("CompleteMultipartUploadResult");
        xml.text("Location", fmt::format("http://{}/{}/{}", request.header("host"), request.bucket,
                                         base::percent_encode(request.key, true)));
        xml.text("Bucket", request.bucket).text("Key", request.key).text("ETag", etag);
        if (!crc.empty()) xml.text("ChecksumCRC32", crc).text("ChecksumType", "FULL_OBJECT");
        response = xml_response(xml.close("CompleteMultipartUploadResult").finish());
    } else {
        response.add("ETag", etag);
        if (!crc.empty()) response.add("x-amz-checksum-crc32", crc);
    }
    response.close = exchange.fault && exchange.fault->code.ends_with("close");
    counters_.answered(exchange.operation, response.status);
    return response;
}

}  // namespace s3sim
