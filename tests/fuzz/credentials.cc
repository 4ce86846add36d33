// Credentials as JSON and as STS's XML: whole and usable, or an error that holds no secret.
//
// Input: from the back, which parser, and whether the rest is the document itself, or lines that
// become the values of a document.
#include <fmt/format.h>
#include <array>
#include <string>

#include "base/check.h"
#include "fuzz_input.h"
#include "s3client/credentials/credentials_json.h"
#include "s3client/credentials/sts.h"

namespace {

using Parsed = base::Result<s3client::Credentials>;

constexpr std::string_view kSecret = "hunter2";
constexpr unsigned kSts = 3;

Parsed parse(unsigned parser, std::string_view text) {
    switch (parser) {
        case 0: return s3client::parse_process_credentials(text);
        case 1: return s3client::parse_container_credentials(text);
        case 2: return s3client::parse_instance_credentials(text);
        default: return s3client::parse_sts_answer(std::string(text), 200);
    }
}

void check(unsigned parser, const Parsed& parsed) {
    if (!parsed) {
        const base::Error& error = parsed.error();
        CHECK(!error.code.empty() && !error.detail.empty());
        CHECK(error.code.size() + error.detail.size() < 1200);
        CHECK(error.kind != base::ErrorKind::bug);
        return;
    }
    CHECK(s3client::check_credentials(*parsed));
    const bool temporary = parser != 0;
    CHECK(!temporary || (!parsed->session_token.empty() && parsed->expires_at));
}

bool is_plain(std::string_view text) {
    for (const char c : text) {
        if (c < '!' || c > '~') return false;
    }
    return true;
}

std::string in_json(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || c == '"' || c == '\\') {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::string in_xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = is_plain({&c, 1}) && c != '<' && c != '>' && c != '&';
        out += plain ? std::string(1, c) : fmt::format("&#{};", static_cast<unsigned char>(c));
    }
    return out;
}

std::string document(unsigned parser, std::array<std::string_view, 4> values) {
    const auto& [id, secret, token, time] = values;
    if (parser == kSts) {
        return fmt::format(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId>"
            "<SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>"
            "<Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            in_xml(id), in_xml(secret), in_xml(token), in_xml(time));
    }
    return fmt::format(
        R"({{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}","{}":"{}","Expiration":"{}"}})",
        in_json(id), in_json(secret), parser == 0 ? "SessionToken" : "Token", in_json(token),
        in_json(time));
}

// What was given comes back; if it is refused, without the secret.
void check_values(unsigned parser, fuzz::FuzzInput& input) {
    const std::string_view id = input.line(), token = input.line();
    const std::string secret = std::string(kSecret).append(input.line());
    const std::string_view given = input.line();
    const std::string_view time = given.empty() ? "2026-11-20T13:05:02Z" : given;
    const Parsed parsed = parse(parser, document(parser, {id, secret, token, time}));
    check(parser, parsed);
    if (parsed) {
        CHECK(parsed->access_key_id == id && parsed->secret_access_key == secret);
        CHECK(parsed->session_token == token);
        return;
    }
    CHECK(given.contains(kSecret) || !parsed.error().to_string().contains(kSecret));
    const bool good = is_plain(id) && is_plain(secret) && is_plain(token) && !id.empty() &&
                      !token.empty() && given.empty();
    CHECK(!good);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const unsigned options = input.byte();
    const unsigned parser = options % 4;
    if ((options & 4) != 0) {
        check_values(parser, input);
    } else {
        check(parser, parse(parser, input.rest()));
    }
    return 0;
}
