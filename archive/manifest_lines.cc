#include "archive/manifest_lines.h"

#include <fmt/format.h>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <chrono>

#include "base/clock.h"
#include "s3client/endpoint.h"
#include "s3client/request.h"
#include "s3client/xml.h"
#include "zip/records.h"

namespace archive {
namespace {

namespace json = boost::json;

auto bad(std::string detail) {
    return base::fail(base::ErrorKind::invalid, "bad_manifest", std::move(detail));
}

base::Status take_text(const json::value& value, std::string_view field, std::string& out) {
    const json::string* text = value.if_string();
    if (text == nullptr) return bad(fmt::format("{} must be a text", field));
    out.assign(text->data(), text->size());
    return {};
}

// Ids and ETags are short, and go into headers.
bool is_id(std::string_view text) { return text.size() <= 1024 && s3client::is_visible(text); }

// The fields of one line, as they come.
struct Fields {
    WantedObject object;
    std::optional<std::uint64_t> size;
    std::string etag, last_modified, storage_class;

    base::Status take(std::string_view field, const json::value& value) {
        if (field == "bucket") return take_text(value, field, object.bucket);
        if (field == "key") return take_text(value, field, object.choice.key);
        if (field == "name") return take_text(value, field, object.choice.name);
        if (field == "version_id") return take_text(value, field, object.choice.version_id);
        if (field == "etag") return take_text(value, field, etag);
        if (field == "last_modified") return take_text(value, field, last_modified);
        if (field == "storage_class") return take_text(value, field, storage_class);
        if (field != "size") return bad(fmt::format("unknown field \"{}\"", field));
        const std::int64_t* number = value.if_int64();
        if (number == nullptr || *number < 0) return bad("size must be a whole number of bytes");
        size = static_cast<std::uint64_t>(*number);
        return {};
    }
    base::Status settle() {
        if (object.bucket.empty() || object.choice.key.empty())
            return bad("bucket and key are required");
        if (auto ok = s3client::check_bucket(object.bucket, false); !ok)
            return bad(std::move(ok.error().detail));
        if (auto ok = s3client::check_key(object.choice.key); !ok)
            return bad(std::move(ok.error().detail));
        if (object.choice.name.size() > zip::kNameSizeMax)
            return bad(fmt::format("name has more than {} bytes", zip::kNameSizeMax));
        if (!is_id(object.choice.version_id)) return bad("version_id is none");
        if (!is_id(etag)) return bad("etag is none");
        std::int64_t modified_s = 0;
        if (!last_modified.empty()) {
            const auto time = base::parse_rfc3339(last_modified);
            if (!time) return bad(fmt::format("last_modified \"{}\" is no time", last_modified));
            modified_s = std::chrono::floor<std::chrono::seconds>(time->time_since_epoch()).count();
        }
        // Of an object of no bytes nothing would be read, nor seen that it has some after all; an
        // archived one may have been restored.
        if (size.value_or(0) == 0 || etag.empty() || last_modified.empty() ||
            s3client::is_archive_class(storage_class)) {
            return {};
        }
        object.known = KnownObject{*size, std::string(s3client::unquote_etag(etag)), modified_s};
        return {};
    }
};

}  // namespace

base::Result<WantedObject> parse_manifest_line(std::string_view line) {
    json::monotonic_resource memory;
    json::parse_options options;
    options.max_depth = 4;
    json::parser parser({}, options);
    parser.reset(&memory);
    json::error_code error;
    const std::size_t at = parser.write(line.data(), line.size(), error);
    if (error) return bad(fmt::format("column {}: {}", at + 1, error.message()));
    const json::value value = parser.release();
    const json::object* root = value.if_object();
    if (root == nullptr) return bad("must be a JSON object");
    Fields fields;
    for (const auto& [field, content] : *root) {
        if (auto ok = fields.take({field.data(), field.size()}, content); !ok)
            return std::unexpected(ok.error());
    }
    if (auto ok = fields.settle(); !ok) return std::unexpected(ok.error());
    return std::move(fields.object);
}

base::Status ManifestLines::feed(std::string_view piece, std::vector<WantedObject>& out) {
    for (std::size_t end = piece.find('\n'); end != std::string_view::npos;
         end = piece.find('\n')) {
        std::string_view line = piece.substr(0, end);
        piece.remove_prefix(end + 1);
        if (!begun_.empty()) line = begun_.append(line);
        if (auto ok = take(line, out); !ok) return ok;
        begun_.clear();
    }
    begun_ += piece;
    if (begun_.size() > kManifestLineMax) return take(begun_, out);
    return {};
}

base::Status ManifestLines::finish(std::vector<WantedObject>& out) { return take(begun_, out); }

base::Status ManifestLines::take(std::string_view line, std::vector<WantedObject>& out) {
    ++line_;
    if (line_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return {};
    auto object = line.size() <= kManifestLineMax
                      ? parse_manifest_line(line)
                      : bad(fmt::format("is longer than {} bytes", kManifestLineMax));
    if (!object) {
        base::Error error = std::move(object.error());
        error.detail = fmt::format("line {}: {}", line_, error.detail);
        return std::unexpected(std::move(error));
    }
    out.push_back(std::move(*object));
    return {};
}

}  // namespace archive
