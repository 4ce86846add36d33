#include "s3client/credentials/credentials_json.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "s3client/clip.h"

namespace s3client {
namespace {

namespace json = boost::json;
using base::ErrorKind;
using base::Result;

constexpr std::size_t kQuotedMax_bytes = 200;

std::unexpected<base::Error> bad_document(std::string detail) {
    return base::fail(ErrorKind::corrupt, "bad_credentials_document", std::move(detail));
}

// RFC 3339 of any zone: tools behind credential_process print their own.
Result<base::UtcTime> parse_time(std::string_view text) {
    const std::size_t size = text.size();
    const bool zoned = size >= 25 && (text[size - 6] == '+' || text[size - 6] == '-');
    if (!zoned) return base::parse_rfc3339(text);
    const auto digit = [&](std::size_t from_end) { return text[size - from_end] - '0'; };
    const int hours = digit(5) * 10 + digit(4), minutes = digit(2) * 10 + digit(1);
    const bool right = text[size - 3] == ':' &&
                       std::ranges::all_of(std::array{5, 4, 2, 1},
                                           [&](int i) {
                                               const int d = digit(static_cast<std::size_t>(i));
                                               return d >= 0 && d <= 9;
                                           }) &&
                       hours < 24 && minutes < 60;
    if (!right) return base::fail(ErrorKind::invalid, "bad_time", "no time zone");
    auto local = base::parse_rfc3339(std::string(text.substr(0, size - 6)) + "Z");
    if (!local) return local;
    const std::chrono::minutes offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    return text[size - 6] == '+' ? *local - offset : *local + offset;
}

class Document {
  public:
    static Result<Document> parse(std::string_view text) {
        if (text.size() > kCredentialsDocumentMax_bytes) return bad_document("it is too large");
        boost::system::error_code error;
        json::parse_options options;
        options.max_depth = 8;
        json::value root = json::parse(text, error, {}, options);
        if (error || !root.is_object()) return bad_document("it is no JSON object");
        return Document(std::move(root.as_object()));
    }

    // "" if it is absent or null; the first wrong one is kept for finish().
    std::string text(std::string_view field, bool required) {
        const json::value* const value = object_.if_contains(field);
        const bool absent = value == nullptr || value->is_null();
        if (absent) {
            if (required) complain(field, "is missing");
            return {};
        }
        const json::string* const string = value->if_string();
        if (string == nullptr) {
            complain(field, "is no text");
            return {};
        }
        if (required && string->empty()) complain(field, "is empty");
        return {string->data(), string->size()};
    }

    bool has_number(std::string_view field, std::int64_t wanted) const {
        const json::value* const value = object_.if_contains(field);
        return value != nullptr && value->is_int64() && value->get_int64() == wanted;
    }

    // A service's own word: for messages only, so of any type but text it is "".
    std::string word(std::string_view field) const {
        const json::value* const value = object_.if_contains(field);
        const json::string* const string = value == nullptr ? nullptr : value->if_string();
        if (string == nullptr) return {};
        return std::string(clip({string->data(), string->size()}, kQuotedMax_bytes));
    }

    Result<Credentials> credentials(std::string_view token_field, bool temporary) {
        Credentials out;
        out.access_key_id = text("AccessKeyId", true);
        out.secret_access_key = text("SecretAccessKey", true);
        out.session_token = text(token_field, temporary);
        const std::string expiration = text("Expiration", temporary);
        if (!expiration.empty()) {
            const auto at = parse_time(expiration);
            if (!at) complain("Expiration", "is no time");
            if (at) out.expires_at = *at;
        }
        if (!wrong_.empty()) return bad_document(wrong_);
        if (const base::Status ok = check_credentials(out); !ok) {
            return bad_document(ok.error().detail);
        }
        return out;
    }

  private:
    explicit Document(json::object object) : object_(std::move(object)) {}
    void complain(std::string_view field, std::string_view what) {
        if (wrong_.empty()) wrong_ = fmt::format("{} {}", field, what);
    }

    json::object object_;
    std::string wrong_;
};

std::unexpected<base::Error> refused(const std::string& code, const std::string& message) {
    return base::fail(ErrorKind::denied, "credentials_refused",
                      fmt::format("the answer is an error: {}: {}", code, message));
}

}  // namespace

Result<Credentials> parse_process_credentials(std::string_view text) {
    auto document = Document::parse(text);
    if (!document) return std::unexpected(document.error());
    if (!document->has_number("Version", 1)) return bad_document("Version is not 1");
    return document->credentials("SessionToken", /*temporary=*/false);
}

Result<Credentials> parse_container_credentials(std::string_view text) {
    auto document = Document::parse(text);
    if (!document) return std::unexpected(document.error());
    if (const std::string code = document->word("code"); !code.empty()) {
        return refused(code, document->word("message"));
    }
    return document->credentials("Token", /*temporary=*/true);
}

Result<Credentials> parse_instance_credentials(std::string_view text) {
    auto document = Document::parse(text);
    if (!document) return std::unexpected(document.error());
    const std::string code = document->word("Code");
    if (!code.empty() && code != "Success") return refused(code, document->word("Message"));
    return document->credentials("Token", /*temporary=*/true);
}

}  // namespace s3client
