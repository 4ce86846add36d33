#include "cli/access_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <fstream>

#include "base/bytes.h"
#include "base/encoding.h"

namespace cli {
namespace {

using base::Status;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kKeyFileMax = 1024;

Status bad(std::string_view code, std::string detail) {
    return base::fail(base::ErrorKind::invalid, code, std::move(detail));
}

// 32 bytes as they are, or their base64 and a newline or so.
base::Result<s3client::CustomerKey> read_key(const std::string& path) {
    const auto wrong = [&](std::string_view what) {
        return base::fail(base::ErrorKind::invalid, "bad_customer_key",
                          fmt::format("{}: {}", path, what));
    };
    std::ifstream file(path, std::ios::binary);
    std::string text(kKeyFileMax + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (file.fail() && !file.eof())) return wrong("cannot be read");
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() != kKeyBytes) {
        while (!text.empty() && std::string_view(" \t\r\n").contains(text.back())) text.pop_back();
    } else {
        text = base::base64(base::as_bytes(text));
    }
    auto key = s3client::CustomerKey::parse(text);
    if (!key) return wrong("a key file holds 32 bytes, or their base64");
    return key;
}

Status read_pairs(std::string_view flag, const std::vector<std::string>& words,
                  std::map<std::string, std::string>& out) {
    for (const std::string& word : words) {
        const auto equals = word.find('=');
        if (equals == 0 || equals == word.npos)
            return bad("bad_pair", fmt::format("{} {}: write NAME=VALUE", flag, word));
        if (!out.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
            return bad("bad_pair", fmt::format("{} {}: there twice", flag, word.substr(0, equals)));
    }
    return {};
}

void add_access(CLI::App& app, const std::string& prefix, const std::string& key_file,
                const std::string& whose, AccessWords& words) {
    app.add_flag(prefix + "requester-pays", words.requester_pays,
                 "We pay for the requests to " + whose);
    app.add_option(prefix + "owner", words.owner, "The account that must own " + whose)
        ->option_text("ACCOUNT");
    app.add_option(key_file, words.key_file,
                   "Key of " + whose +
                       " that only the customer has (SSE-C): a file of 32 bytes, or "
                       "of their base64")
        ->option_text("FILE");
}

}  // namespace

void add_access_options(CLI::App& app, AccessWords& words) {
    add_access(app, "--", "--sse-customer-key-file", "the archive's bucket", words);
}

void add_store_options(CLI::App& app, Arguments& a, StoreWords& words) {
    archive::Destination& to = a.request.destination;
    archive::Options& options = a.request.options;
    const auto pairs = [&](const char* name, std::vector<std::string>& to_words, const char* what) {
        app.add_option(name, to_words, what)->option_text("NAME=VALUE")->allow_extra_args(false);
    };
    add_access(app, "--source-", "--source-customer-key-file", "the sources", words.sources);
    add_access(app, "--output-", "--sse-customer-key-file", "the archive's bucket", words.output);
    app.add_option("--storage-class", to.storage_class, "Of the archive, such as STANDARD_IA");
    pairs("--tag", words.tags, "Of the archive (repeatable)");
    pairs("--metadata", words.metadata, "Of the archive (repeatable)");
    app.add_option("--content-type", to.content_type, "Of the archive; else application/zip");
    app.add_option("--content-disposition", to.content_disposition,
                   "Such as 'attachment; filename=a.zip'");
    app.add_option("--cache-control", to.cache_control, "Such as max-age=3600");
    app.add_option("--sse", to.sse.type, "Encryption of the archive; else as its bucket has it")
        ->check(CLI::IsMember({"AES256", "aws:kms", "aws:kms:dsse", "customer"}));
    app.add_option("--sse-key-id", to.sse.key_id, "With --sse aws:kms: this key");
    app.add_option("--sse-bucket-key", words.sse_bucket_key, "With --sse aws:kms: a bucket key")
        ->check(CLI::IsMember({"on", "off"}));
    pairs("--sse-context", words.sse_context, "With --sse aws:kms: its context (repeatable)");
    app.add_option("--role-arn", options.role_arn, "Sign with the keys of this role");
    app.add_option("--external-id", options.external_id, "With --role-arn");
    app.add_option("--checksums", words.checksums,
                   "auto, or required: not to a store that does not check them")
        ->check(CLI::IsMember({"auto", "required"}));
    app.add_option("--part-layout", words.part_layout,
                   "Parts that end where entries end, or parts of one size; else the daemon's "
                   "setting")
        ->check(CLI::IsMember({"entries", "uniform"}));
    app.add_option("--verify-sources", words.verify_sources,
                   "stored, or md5: objects without a stored CRC-32 against an ETag that is an MD5")
        ->check(CLI::IsMember({"stored", "md5"}));
}

Status understand(const AccessWords& words, s3client::Access& access) {
    access.requester_pays = words.requester_pays;
    access.expected_bucket_owner = words.owner;
    if (words.key_file.empty()) return {};
    auto key = read_key(words.key_file);
    if (!key) return base::fail(key.error());
    access.customer_key = std::make_shared<const s3client::CustomerKey>(std::move(*key));
    return {};
}

Status understand(const StoreWords& words, Arguments& a) {
    archive::Destination& to = a.request.destination;
    s3client::Access sources;
    if (auto ok = understand(words.sources, sources); !ok) return ok;
    for (archive::Source& source : a.request.sources) source.access = sources;
    if (auto ok = understand(words.output, to.access); !ok) return ok;
    if (to.access.customer_key && to.sse.type.empty()) to.sse.type = "customer";
    if (!words.sse_bucket_key.empty()) to.sse.bucket_key_enabled = words.sse_bucket_key == "on";
    if (words.checksums == "required") a.request.options.checksums = archive::Checksums::required;
    archive::Options& options = a.request.options;
    if (words.part_layout == "entries") options.part_layout = archive::PartLayout::entries;
    if (words.part_layout == "uniform") options.part_layout = archive::PartLayout::uniform;
    if (words.verify_sources == "md5") options.verify_sources = archive::VerifySources::md5;
    if (auto ok = read_pairs("--tag", words.tags, to.tags); !ok) return ok;
    if (auto ok = read_pairs("--metadata", words.metadata, to.metadata); !ok) return ok;
    return read_pairs("--sse-context", words.sse_context, to.sse.context);
}

}  // namespace cli
