#include "s3client/store_support.h"

#include <algorithm>

#include "base/log.h"

namespace s3client {
namespace {

// Refusals that do not name a header must be seen this often before they are believed.
constexpr std::uint8_t kUnnamedRefusals = 2;

bool is_one_of(std::string_view text, const auto& texts) {
    return std::ranges::find(texts, text) != std::ranges::end(texts);
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

// Codes of S3 and of compatible stores that have a cause of their own, whatever the request
// carried.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
constexpr auto kOtherCauses = std::to_array<std::string_view>({
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "BadDigest",
    "EntityTooLarge",
    "EntityTooSmall",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "IncompleteBody",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidDigest",
    "InvalidObjectState",
    "InvalidPartOrder",
    "InvalidSecurity",
    "InvalidStorageClass",
    "InvalidToken",
    "InvalidURI",
    "KeyTooLongError",
    "MetadataTooLarge",
    "MissingContentLength",
    "QuotaExceeded",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "TokenRefreshRequired",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
});

constexpr bool is_condition(Feature feature) {
    return feature == Feature::put_condition || feature == Feature::complete_condition;
}

std::uint8_t pack(CompleteForm form) {
    return static_cast<std::uint8_t>((form.part_checksums ? 1 : 0) | (form.full_object ? 2 : 0));
}

}  // namespace

std::string_view to_string(Feature feature) {
    constexpr std::array<std::string_view, kFeatureCount> kNames = {
        "read_checksums",   "list_attributes", "if_match",      "write_checksums",
        "upload_checksums", "full_object",     "put_condition", "complete_condition"};
    return kNames[static_cast<std::size_t>(feature)];
}

std::vector<std::string_view> headers_of(Feature feature) {
    switch (feature) {
        case Feature::read_checksums: return {"x-amz-checksum-mode"};
        case Feature::list_attributes: return {"x-amz-optional-object-attributes"};
        case Feature::if_match: return {"if-match"};
        case Feature::write_checksums: return {"x-amz-checksum-crc32"};
        case Feature::upload_checksums: return {"x-amz-checksum-algorithm", "x-amz-checksum-type"};
        case Feature::full_object: return {"x-amz-checksum-type"};
        case Feature::put_condition:
        case Feature::complete_condition: return {"if-none-match"};
    }
    return {};
}

StoreSupport::StoreSupport(std::string endpoint, bool aws)
    : endpoint_(std::move(endpoint)), aws_(aws) {
    if (!aws_) return;
    for (auto& state : states_) state = State::accepted;
    for (auto& enforced : enforced_) enforced = true;
}

StoreSupport::State StoreSupport::state(Feature feature) const {
    return states_[index(feature)].load(std::memory_order_relaxed);
}

void StoreSupport::accept(Feature feature) {
    auto unknown = State::unknown;
    states_[index(feature)].compare_exchange_strong(unknown, State::accepted,
                                                    std::memory_order_relaxed);
}

void StoreSupport::refuse(Feature feature, bool named) {
    if (aws_) return;
    const std::size_t i = index(feature);
    ++lessons_;
    if (!named && unnamed_refusals_[i].fetch_add(1) + 1 < kUnnamedRefusals) return;
    if (states_[i].exchange(State::refused) != State::refused) log_refusal(feature);
}

void StoreSupport::forbid(Feature feature) { states_[index(feature)] = State::refused; }

void StoreSupport::log_refusal(Feature feature) const {
    std::string headers;
    for (const std::string_view name : headers_of(feature)) {
        if (!headers.empty()) headers += ", ";
        headers += name;
    }
    base::log_warn(is_condition(feature)
                       ? "this store refuses conditional writes: it cannot exclude that another "
                         "writer comes between the last look at a key and the write"
                       : "this store refuses a header; requests are sent without it",
                   {{"endpoint", endpoint_}, {"feature", to_string(feature)}, {"header", headers}});
}

void StoreSupport::note_checking(bool checked) {
    const Checking seen = checked ? Checking::checked : Checking::ignored;
    if (checking_.exchange(seen, std::memory_order_relaxed) == seen || checked) return;
    base::log_warn("this store does not verify checksums; damage on the way to it goes unnoticed",
                   {{"endpoint", endpoint_}, {"checksums", "ignored"}});
}

void StoreSupport::note_enforced(Feature condition) { enforced_[index(condition)] = true; }

bool StoreSupport::enforces(Feature condition) const {
    return enforced_[index(condition)] && may_use(condition);
}

std::vector<CompleteForm> StoreSupport::complete_forms(ChecksumMode mode, bool checked) const {
    constexpr CompleteForm kBoth{true, true}, kParts{true, false}, kFull{false, true}, kPlain{};
    std::vector<CompleteForm> forms;
    if (mode == ChecksumMode::none)
        forms = {kPlain};
    else if (mode == ChecksumMode::composite)
        forms = {kParts, kPlain};
    else if (checked)
        forms = {kBoth, kParts, kFull, kPlain};
    else  // the store did not repeat the algorithm and may know no <ChecksumCRC32>
        forms = {kFull, kPlain, kBoth, kParts};
    const std::uint8_t known = forms_[static_cast<std::size_t>(mode)];
    const auto first = std::ranges::find(forms, known, pack);
    if (first != forms.end()) std::rotate(forms.begin(), first, first + 1);
    return forms;
}

void StoreSupport::note_complete_form(ChecksumMode mode, CompleteForm form) {
    auto& known = forms_[static_cast<std::size_t>(mode)];
    const std::uint8_t before = known.exchange(pack(form));
    if (before != pack(form) && before != kNoForm) ++lessons_;
    if (before == pack(form) || (before == kNoForm && mode == ChecksumMode::none)) return;
    base::log_info("uploads to this store are completed in this form",
                   {{"endpoint", endpoint_},
                    {"part_checksums", form.part_checksums},
                    {"full_object_checksum", form.full_object}});
}

bool may_be_refusal(const base::Error& error) {
    if (error.http_status != 400 && error.http_status != 403 && error.http_status != 501)
        return false;
    if (error.http_status != 501 && error.kind == base::ErrorKind::transient) return false;
    if (is_one_of(error.code, kOtherCauses)) return false;
    if (error.code == "SignatureDoesNotMatch" || error.code == "NotImplemented") return true;
    // Data that differs from its checksum must never be sent again without one.
    const std::string text = lower(error.detail);
    return !text.contains("mismatch") && !text.contains("not match");
}

bool names(const base::Error& error, Feature feature) {
    const std::string text = lower(error.detail);
    if (std::ranges::any_of(headers_of(feature),
                            [&](std::string_view header) { return text.contains(header); }))
        return true;
    if (is_condition(feature)) return text.contains("conditional");
    if (feature == Feature::list_attributes || feature == Feature::if_match) return false;
    return text.contains("checksum");
}

bool carries(Feature feature, const HttpRequest& request) {
    return std::ranges::any_of(headers_of(feature), [&](std::string_view header) {
        return request.find_header(header) != nullptr;
    });
}

void drop(Feature feature, HttpRequest& request) {
    const auto headers = headers_of(feature);
    std::erase_if(request.headers,
                  [&](const NameValue& header) { return is_one_of(header.first, headers); });
}

}  // namespace s3client
