#include "s3sim/encryption.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <optional>

#include "base/encoding.h"
#include "base/random.h"
#include "s3sim/checksum.h"
#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr std::string_view kSse = "x-amz-server-side-encryption";
constexpr std::string_view kKmsKey = "x-amz-server-side-encryption-aws-kms-key-id";
constexpr std::string_view kContext = "x-amz-server-side-encryption-context";
constexpr std::string_view kBucketKey = "x-amz-server-side-encryption-bucket-key-enabled";
constexpr std::string_view kCustomer = "x-amz-server-side-encryption-customer-";
constexpr std::string_view kSourceCustomer = "x-amz-copy-source-server-side-encryption-customer-";
constexpr std::string_view kKept = "x-amz-server-side-encryption-customer-key-md5";
constexpr std::size_t kKeyBytes = 32;

Refusal argument(std::string message) { return {400, "InvalidArgument", std::move(message), {}}; }
Refusal bad_request(std::string message) { return {400, "InvalidRequest", std::move(message), {}}; }

bool is_kms(std::string_view type) { return type == "aws:kms" || type == "aws:kms:dsse"; }

std::string_view header_of(const Object& object, std::string_view name) {
    const auto found = std::ranges::find(object.headers, name, &HeaderList::value_type::first);
    return found == object.headers.end() ? std::string_view() : std::string_view(found->second);
}

// The MD5 of the customer's key in the request, as the request says it; none without a key.
Answered<std::optional<std::string>> key_in(const Request& request, std::string_view prefix) {
    const auto header = [&](std::string_view name) {
        return request.header(std::string(prefix).append(name));
    };
    const std::string_view algorithm = header("algorithm"), key = header("key"),
                           md5_said = header("key-md5");
    if (algorithm.empty() && key.empty() && md5_said.empty()) return std::nullopt;
    constexpr std::string_view kMust =
        "Requests specifying Server Side Encryption with Customer provided keys must provide ";
    const auto must = [&](std::string_view what) {
        return std::unexpected(argument(std::string(kMust).append(what)));
    };
    if (algorithm.empty()) return must("a valid encryption algorithm.");
    if (key.empty()) return must("an appropriate secret key.");
    if (md5_said.empty()) return must("the client calculated MD5 of the secret key.");
    if (algorithm != "AES256") {
        return refuse(
            400, "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.");
    }
    const auto bytes = base::base64_decode(key);
    if (!bytes || bytes->size() != kKeyBytes) {
        return std::unexpected(argument("The secret key was invalid for the specified algorithm."));
    }
    if (base::base64(base::as_bytes(md5(base::as_bytes(*bytes)))) != md5_said) {
        return std::unexpected(argument(
            "The calculated MD5 hash of the key did not match the hash that was provided."));
    }
    return std::string(md5_said);
}

Answered<void> check_read(const Request& request, const Object& object, std::string_view prefix) {
    const auto brought = key_in(request, prefix);
    if (!brought) return std::unexpected(brought.error());
    const std::string_view kept = header_of(object, kKept);
    if (kept.empty() && !*brought) return {};
    if (kept.empty()) {
        return std::unexpected(
            bad_request("The encryption parameters are not applicable to this object."));
    }
    if (!*brought) {
        return std::unexpected(
            bad_request("The object was stored using a form of Server Side Encryption. The correct "
                        "parameters must be provided to retrieve the object."));
    }
    if (**brought == kept) return {};
    return refuse(403, "AccessDenied",
                  "Requests specifying Server Side Encryption with Customer provided keys must "
                  "provide the correct secret key.");
}

bool takes_customer_key(Operation operation) {
    constexpr std::array kTaking = {Operation::PutObject,  Operation::GetObject,
                                    Operation::HeadObject, Operation::CreateMultipartUpload,
                                    Operation::UploadPart, Operation::UploadPartCopy,
                                    Operation::ListParts,  Operation::CompleteMultipartUpload};
    return contains(kTaking, operation);
}

Answered<void> check_kms_headers(const Request& request, bool kms) {
    for (const std::string_view name : {kKmsKey, kContext, kBucketKey}) {
        if (request.has_header(name) && !kms) {
            return std::unexpected(
                argument("Server Side Encryption with AWS KMS managed key requires HTTP header "
                         "x-amz-server-side-encryption : aws:kms"));
        }
    }
    const std::string_view bucket_key = request.header(kBucketKey);
    if (request.has_header(kBucketKey) && bucket_key != "true" && bucket_key != "false") {
        return std::unexpected(argument("bucket-key-enabled must be true or false"));
    }
    if (!request.has_header(kContext)) return {};
    const auto context = base::base64_decode(request.header(kContext));
    if (!context || !context->starts_with('{') || !context->ends_with('}')) {
        return std::unexpected(
            argument("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded "
                     "UTF-8 string holding JSON which represents a string-string map"));
    }
    return {};
}

}  // namespace

Answered<HeaderList> chosen_encryption(const Request& request) {
    const auto key = key_in(request, kCustomer);
    if (!key) return std::unexpected(key.error());
    const std::string_view type = request.header(kSse);
    if (request.has_header(kSse) && type != "AES256" && !is_kms(type)) {
        return std::unexpected(argument("The encryption method specified is not supported"));
    }
    if (!type.empty() && *key) {
        return std::unexpected(
            argument("Server Side Encryption with Customer provided key is incompatible with the "
                     "encryption method specified"));
    }
    if (auto ok = check_kms_headers(request, is_kms(type)); !ok) return std::unexpected(ok.error());
    HeaderList kept;
    for (const std::string_view name : {kSse, kKmsKey, kBucketKey}) {
        if (request.has_header(name)) kept.emplace_back(name, request.header(name));
    }
    if (*key) {
        kept.emplace_back(std::string(kCustomer) + "algorithm", "AES256");
        kept.emplace_back(kKept, **key);
    }
    return kept;
}

Answered<void> check_encryption_headers(const Request& request, Operation operation) {
    if (operation == Operation::PutObject || operation == Operation::CopyObject ||
        operation == Operation::CreateMultipartUpload) {
        return {};
    }
    for (const auto& [name, value] : request.headers) {
        if (!name.starts_with(kSse)) continue;
        if (name.starts_with(kCustomer) && takes_customer_key(operation)) continue;
        return std::unexpected(argument(name + " header is not supported for this operation."));
    }
    return {};
}

Answered<void> check_object_key(const Request& request, const Object& object) {
    return check_read(request, object, kCustomer);
}

Answered<void> check_source_key(const Request& request, const Object& object) {
    return check_read(request, object, kSourceCustomer);
}

Answered<void> check_upload_key(const Request& request, const Upload& upload, Operation operation) {
    if (!takes_customer_key(operation)) return {};
    const auto brought = key_in(request, kCustomer);
    if (!brought) return std::unexpected(brought.error());
    const std::string_view kept = header_of(upload.target, kKept);
    const bool may_omit =
        (operation == Operation::CompleteMultipartUpload || operation == Operation::ListParts) &&
        upload.algorithm.empty();
    if (!*brought && (kept.empty() || may_omit)) return {};
    if (kept.empty()) {
        return std::unexpected(
            bad_request("The multipart upload initiate did not request encryption. Please resend "
                        "the request without sending encryption parameters."));
    }
    if (!*brought) {
        return std::unexpected(
            bad_request("The multipart upload initiate requested encryption. Subsequent part "
                        "requests must include the appropriate encryption parameters."));
    }
    if (**brought == kept) return {};
    return std::unexpected(
        bad_request("The provided encryption parameters did not match the ones used originally."));
}

bool uses_kms(const Object& object) { return is_kms(header_of(object, kSse)); }

bool has_opaque_etag(const Object& object) {
    return uses_kms(object) || !header_of(object, kKept).empty();
}

std::string opaque_etag() {
    thread_local base::Random random = base::Random::from_system();
    return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

}  // namespace s3sim
