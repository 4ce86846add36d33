// What S3 takes as an object's class, tags, metadata, headers and encryption. What it would change
// or leave out without a word is refused here.
#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <set>

#include "archive/destination.h"
#include "archive/request_rules.h"
#include "base/utf8.h"
#include "s3client/endpoint.h"

namespace archive::rules {
namespace {

using base::Status;

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
constexpr std::size_t kTagsMax = 10;
constexpr std::size_t kTagKeyMax = 128, kTagValueMax = 256;  // characters
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
constexpr std::size_t kMetadataBytesMax = 2048;
// Of these, our own mark: its name and a job's id.
constexpr std::size_t kJobIdBytes = 26;
constexpr std::size_t kMarkBytes = s3client::kJobMarkName.size() + kJobIdBytes;
// Of other single headers; S3 takes 8 KB of all of them.
constexpr std::size_t kHeaderBytesMax = 2048;
constexpr std::size_t kKmsContextBytesMax = 4096;
constexpr std::size_t kStorageClassMax = 64;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A header's value that arrives as it was sent: visible ASCII and spaces, none at its ends.
bool is_header_value(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }) &&
           !text.starts_with(' ') && !text.ends_with(' ');
}

constexpr std::string_view kHeaderValue =
    "is one line of ASCII without spaces at its ends (encode the rest, as RFC 2047 or RFC 8187 has "
    "it)";

std::string member(std::string_view parent, std::string_view name) {
    std::string pointer(parent);
    pointer += '/';
    for (const char c : name) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
    return pointer;
}

// Characters in valid UTF-8.
std::size_t length(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Letters of all languages are for S3 to judge.
bool is_tag_text(std::string_view text) {
    return base::is_valid_utf8(text) && std::ranges::all_of(text, [](char c) {
               return static_cast<unsigned char>(c) >= 0x80 || is_letter_or_digit(c) ||
                      std::string_view(" +-=._:/@").contains(c);
           });
}

Status validate_tags(const std::map<std::string, std::string>& tags) {
    const std::string pointer = "/destination/tags";
    if (tags.size() > kTagsMax)
        return bad(pointer, "bad_tags", fmt::format("S3 takes at most {} tags", kTagsMax));
    for (const auto& [key, value] : tags) {
        const std::string at_tag = member(pointer, key);
        if (key.empty() || !is_tag_text(key) || !is_tag_text(value)) {
            return bad(at_tag, "bad_tags",
                       "tags consist of letters, digits, spaces and + - = . _ : / @");
        }
        if (length(key) > kTagKeyMax || length(value) > kTagValueMax) {
            return bad(at_tag, "bad_tags",
                       fmt::format("a tag's key has at most {} characters, its value {}",
                                   kTagKeyMax, kTagValueMax));
        }
        if (key.starts_with("aws:"))
            return bad(at_tag, "bad_tags", "tags that begin with aws: are the store's own");
    }
    return {};
}

Status validate_metadata(const std::map<std::string, std::string>& metadata) {
    const std::string pointer = "/destination/metadata";
    std::size_t bytes = 0;
    std::set<std::string> names;
    for (const auto& [name, value] : metadata) {
        const std::string at_name = member(pointer, name);
        if (!consists_of(name, "-_.")) {
            return bad(at_name, "bad_metadata",
                       "a metadata name is letters, digits, '-', '_' and '.'");
        }
        if (!is_header_value(value))
            return bad(at_name, "bad_metadata", fmt::format("a metadata value {}", kHeaderValue));
        std::string folded = name;
        std::ranges::transform(folded, folded.begin(), lower);
        if (folded == s3client::kJobMarkName) {
            return bad(at_name, "bad_metadata",
                       "this name is the one under which we write the job's id");
        }
        if (!names.insert(std::move(folded)).second)
            return bad(at_name, "bad_metadata", "S3 does not tell names apart by case");
        bytes += name.size() + value.size();
    }
    if (bytes > kMetadataBytesMax - kMarkBytes) {
        return bad(pointer, "bad_metadata",
                   fmt::format("S3 takes {} bytes of metadata, {} of them are ours, these are {}",
                               kMetadataBytesMax, kMarkBytes, bytes));
    }
    return {};
}

Status validate_headers(const Destination& destination) {
    const std::array<std::pair<std::string_view, const std::string*>, 3> fields = {
        {{"content_type", &destination.content_type},
         {"content_disposition", &destination.content_disposition},
         {"cache_control", &destination.cache_control}}};
    for (const auto& [name, value] : fields) {
        if (is_header_value(*value) && value->size() <= kHeaderBytesMax) continue;
        return bad(fmt::format("/destination/{}", name), fmt::format("bad_{}", name),
                   fmt::format("{} {}, of at most {} bytes", name, kHeaderValue, kHeaderBytesMax));
    }
    const std::string& storage_class = destination.storage_class;
    if (!storage_class.empty() &&
        (storage_class.size() > kStorageClassMax || !consists_of(storage_class, "_"))) {
        return bad("/destination/storage_class", "bad_storage_class",
                   "storage_class is a word like STANDARD_IA");
    }
    return {};
}

Status validate_encryption(const ServerSideEncryption& sse, bool has_key) {
    constexpr std::array<std::string_view, 5> kTypes = {"", "AES256", "aws:kms", "aws:kms:dsse",
                                                        "customer"};
    const auto wrong = [](std::string_view field, std::string what) {
        return bad(fmt::format("/destination/sse/{}", field), "bad_sse", std::move(what));
    };
    if (std::ranges::find(kTypes, sse.type) == kTypes.end())
        return wrong("type", "sse type is AES256, aws:kms, aws:kms:dsse or customer");
    if (has_key && sse.type != "customer")
        return wrong("customer_key", "customer_key goes with type customer");
    if (!has_key && sse.type == "customer") {
        return bad("/destination/sse/customer_key", "missing_field",
                   "type customer needs a customer_key");
    }
    const bool kms = sse.type.starts_with("aws:kms");
    if (!sse.key_id.empty() && !kms) return wrong("key_id", "key_id goes with type aws:kms");
    if (!is_header_value(sse.key_id) || sse.key_id.size() > kHeaderBytesMax)
        return wrong("key_id", fmt::format("key_id {}", kHeaderValue));
    if (sse.bucket_key_enabled && sse.type != "aws:kms")
        return wrong("bucket_key_enabled", "bucket_key_enabled goes with type aws:kms");
    if (!sse.context.empty() && !kms) return wrong("context", "context goes with type aws:kms");
    for (const auto& [name, value] : sse.context) {
        if (name.empty() || !base::is_valid_utf8(name) || !base::is_valid_utf8(value))
            return wrong("context", "a context has names, and is UTF-8");
    }
    if (kms_context(sse.context).size() > kKmsContextBytesMax) {
        return wrong("context", fmt::format("as JSON the context has more than {} bytes",
                                            kKmsContextBytesMax));
    }
    return {};
}

}  // namespace

Status bad(std::string pointer, std::string_view code, std::string detail) {
    base::Error error{base::ErrorKind::invalid, std::string(code), std::move(detail), 0, {},
                      std::move(pointer)};
    return std::unexpected(std::move(error));
}

Status at(std::string pointer, Status status) {
    if (status) return status;
    base::Error error = std::move(status.error());
    error.key = std::move(pointer);
    return std::unexpected(std::move(error));
}

bool is_account(std::string_view text) {
    return text.size() == kAccountDigits &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool consists_of(std::string_view text, std::string_view others) {
    return !text.empty() && std::ranges::all_of(text, [others](char c) {
        return is_letter_or_digit(c) || others.contains(c);
    });
}

Status validate_access(const s3client::Access& access, const std::string& pointer) {
    if (access.expected_bucket_owner.empty() || is_account(access.expected_bucket_owner)) return {};
    return bad(pointer + "/expected_bucket_owner", "bad_bucket_owner",
               "expected_bucket_owner is an account: 12 digits");
}

Status validate_destination(const Destination& destination) {
    if (destination.bucket.empty())
        return bad("/destination/bucket", "bad_bucket", "the destination needs a bucket");
    if (auto ok = at("/destination/bucket", s3client::check_bucket(destination.bucket, false)); !ok)
        return ok;
    if (auto ok = at("/destination/key", s3client::check_key(destination.key)); !ok) return ok;
    if (auto ok = validate_access(destination.access, "/destination"); !ok) return ok;
    if (auto ok = validate_tags(destination.tags); !ok) return ok;
    if (auto ok = validate_metadata(destination.metadata); !ok) return ok;
    if (auto ok = validate_headers(destination); !ok) return ok;
    return validate_encryption(destination.sse, destination.access.customer_key != nullptr);
}

}  // namespace archive::rules
