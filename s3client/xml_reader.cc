#include "s3client/xml_reader.h"

#include <fmt/format.h>
#include <charconv>
#include <pugixml.hpp>

#include "base/clock.h"
#include "base/encoding.h"
#include "s3client/clip.h"
#include "s3client/xml.h"

namespace s3client {
namespace {

// A key may be white space only; anything else of the kind between elements is dropped.
constexpr unsigned kParseFlags =
    pugi::parse_escapes | pugi::parse_cdata | pugi::parse_eol | pugi::parse_ws_pcdata_single;

pugi::xml_node_struct* element_from(pugi::xml_node node) {
    while (node && node.type() != pugi::node_element) node = node.next_sibling();
    return node.internal_object();
}

std::string_view local_name(pugi::xml_node node) {
    const std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// A reference to what is no character: NUL, at which pugixml would end the text, or beyond Unicode,
// where its arithmetic wraps around.
bool names_no_character(std::string_view xml) {
    for (auto at = xml.find("&#"); at != xml.npos; at = xml.find("&#", at + 2)) {
        std::string_view digits = xml.substr(at + 2);
        const int base = digits.starts_with('x') ? 16 : 10;
        if (base == 16) digits.remove_prefix(1);
        std::uint32_t character = 0;
        const char* const last = digits.data() + digits.size();
        const auto [end, error] = std::from_chars(digits.data(), last, character, base);
        if (error == std::errc::result_out_of_range) return true;
        const bool whole = error == std::errc{} && end != last && *end == ';';
        if (whole && (character == 0 || character > 0x10FFFF)) return true;
    }
    return false;
}

}  // namespace

struct XmlReader::Document {
    pugi::xml_document xml;
    pugi::xml_parse_result parsed;
};

XmlReader::XmlReader(std::string& body) : document_(std::make_unique<Document>()) {
    if (body.contains('\0') || names_no_character(body)) {
        complain("a character that XML does not have");
        return;  // and `parsed` says that nothing was
    }
    document_->parsed = document_->xml.load_buffer_inplace(body.data(), body.size(), kParseFlags,
                                                           pugi::encoding_utf8);
    if (!document_->parsed) {
        complain(fmt::format("{} at byte {} of {}", document_->parsed.description(),
                             document_->parsed.offset, body.size()));
    }
}

XmlReader::~XmlReader() = default;

void XmlReader::blame(std::string_view key) {
    constexpr std::size_t kKeyShownMax = 200;
    if (!wrong_.empty()) wrong_ += fmt::format(" (of the key \"{}\")", clip(key, kKeyShownMax));
}

Element XmlReader::root() {
    const Element none(this, nullptr);
    if (!document_->parsed) return none;
    const Element root(this, element_from(document_->xml.first_child()));
    if (root.next()) {
        complain("more than one root element");
        return none;
    }
    return root;
}

Element::Element(XmlReader* reader, pugi::xml_node_struct* node)
    : reader_(reader), node_(node), name_(local_name(pugi::xml_node(node))) {}

Element Element::first() const {
    return {reader_, element_from(pugi::xml_node(node_).first_child())};
}
Element Element::next() const {
    return {reader_, element_from(pugi::xml_node(node_).next_sibling())};
}

// The whole text, also if a comment or CDATA section splits it.
std::string Element::text() const {
    const pugi::xml_node first = pugi::xml_node(node_).first_child();
    if (!first.next_sibling()) return first.value();
    std::string text;
    for (const pugi::xml_node piece : pugi::xml_node(node_).children()) text += piece.value();
    return text;
}

void Element::complain(std::string_view what) const {
    reader_->complain(fmt::format("<{}> {}", name_, what));
}

bool Element::take_text(std::string& out) const {
    out = text();
    return true;
}

bool Element::take_etag(std::string& out) const {
    out = unquote_etag(text());
    return true;
}

bool Element::take_key(std::string& out) const {
    out = text();
    if (!reader_->keys_are_encoded() || out.find_first_of("%+") == std::string::npos) return true;
    auto decoded = base::percent_decode(out, reader_->plus_is_space());
    if (decoded) {
        out = std::move(*decoded);
    } else {
        complain("is wrongly percent-encoded");
    }
    return true;
}

bool Element::take_flag(std::optional<bool>& out) const {
    const std::string word = text();
    if (word != "true" && word != "false") complain("is neither true nor false");
    out = word == "true";
    return true;
}

bool Element::take_time(std::optional<std::int64_t>& out_s) const {
    std::string written = text();
    auto parsed = base::parse_rfc3339(written);
    // Some stores leave the zone out and mean UTC.
    if (!parsed) parsed = base::parse_rfc3339(written.append("Z"));
    if (!parsed) complain("is no time");
    const base::UtcTime at = parsed.value_or(base::UtcTime{});
    out_s = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    return true;
}

bool Element::take_number(std::optional<std::uint64_t>& out, std::uint64_t min,
                          std::uint64_t max) const {
    const std::string digits = text();
    const char* const last = digits.data() + digits.size();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), last, value);
    if (error != std::errc{} || end != last || value < min || value > max) {
        complain("is no number in range");
    }
    out = value;
    return true;
}

}  // namespace s3client
