#include "s3sim/xml.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

namespace s3sim {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD, for what is no UTF-8

// Bytes of the character that `text` begins with; 0 if it is not UTF-8.
std::size_t utf8_size(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0) != 0x80) return 0;
    }
    const bool overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
    const bool outside = (lead == 0xED && at(1) > 0x9F) || (lead == 0xF4 && at(1) > 0x8F);
    return overlong || outside ? 0 : size;
}

// Control characters become references, as S3 writes them though XML 1.0 knows no such thing.
void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = utf8_size(text);
        const char c = text.front();
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default:
                if (size == 0) {
                    out += kReplacement;
                } else if (byte < ' ' && c != '\t' && c != '\n') {
                    out += "&#" + std::to_string(byte) + ";";
                } else {
                    out += text.substr(0, size);
                }
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
}

// A NUL, plain or as "&#0;", would end a name early for the parser: another key than was meant.
bool holds_nul(std::string_view xml) {
    if (xml.find('\0') != std::string_view::npos) return true;
    for (auto at = xml.find("&#"); at != std::string_view::npos; at = xml.find("&#", at + 1)) {
        const std::string_view digits = xml.substr(at + 2 + (xml.substr(at + 2, 1) == "x" ? 1 : 0));
        const auto end = digits.find_first_not_of('0');
        if (end != 0 && end != std::string_view::npos && digits[end] == ';') return true;
    }
    return false;
}

// All of it: a comment or a CDATA section splits the text in two nodes.
std::string text_of(pugi::xml_node parent, const char* name) {
    std::string text;
    for (const pugi::xml_node piece : parent.child(name).children()) text += piece.value();
    return text;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

Answered<pugi::xml_node> parse_root(pugi::xml_document& document, std::string_view xml,
                                    const char* name) {
    if (holds_nul(xml)) return refuse("MalformedXML");
    const auto parsed = document.load_buffer(xml.data(), xml.size(),
                                             pugi::parse_default | pugi::parse_ws_pcdata_single);
    const pugi::xml_node root = document.document_element();
    if (!parsed || std::string_view(root.name()) != name) return refuse("MalformedXML");
    return root;
}

}  // namespace

XmlWriter& XmlWriter::root(std::string_view name) {
    out_.append("<").append(name).append(" xmlns=\"").append(kS3Namespace).append("\">");
    return *this;
}
XmlWriter& XmlWriter::open(std::string_view name) {
    out_.append("<").append(name).append(">");
    return *this;
}
XmlWriter& XmlWriter::close(std::string_view name) {
    out_.append("</").append(name).append(">");
    return *this;
}
XmlWriter& XmlWriter::text(std::string_view name, std::string_view value) {
    open(name);
    append_escaped(out_, value);
    return close(name);
}
XmlWriter& XmlWriter::number(std::string_view name, std::uint64_t value) {
    return text(name, std::to_string(value));
}

std::string unquote(std::string_view etag) {
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
        etag = etag.substr(1, etag.size() - 2);
    return std::string(etag);
}

Answered<std::vector<CompletedPart>> parse_complete(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_root(document, xml, "CompleteMultipartUpload");
    if (!root) return std::unexpected(root.error());
    std::vector<CompletedPart> parts;
    for (const pugi::xml_node node : root->children()) {
        if (std::string_view(node.name()) != "Part") return refuse("MalformedXML");
        CompletedPart part;
        const auto number = number_of(node.child_value("PartNumber"));
        if (!number || !node.child("ETag")) return refuse("MalformedXML");
        part.number = *number;
        part.etag = unquote(node.child_value("ETag"));
        part.checksum_crc32 = node.child_value("ChecksumCRC32");
        part.checksum_sha256 = node.child_value("ChecksumSHA256");
        parts.push_back(std::move(part));
    }
    return parts;
}

Answered<DeleteRequest> parse_delete(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_root(document, xml, "Delete");
    if (!root) return std::unexpected(root.error());
    DeleteRequest request;
    request.quiet = std::string_view(root->child_value("Quiet")) == "true";
    for (const pugi::xml_node node : root->children("Object")) {
        if (!node.child("Key")) return refuse("MalformedXML");
        request.objects.emplace_back(text_of(node, "Key"), text_of(node, "VersionId"));
    }
    if (request.objects.empty() || request.objects.size() > 1000) return refuse("MalformedXML");
    return request;
}

Answered<std::string> parse_versioning(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_root(document, xml, "VersioningConfiguration");
    if (!root) return std::unexpected(root.error());
    if (std::string_view(root->child_value("MfaDelete")) == "Enabled")
        return refuse(501, "NotImplemented", "The simulator has no MFA delete.");
    if (!root->child("Status")) return refuse("IllegalVersioningConfigurationException");
    std::string status = root->child_value("Status");
    if (status != "Enabled" && status != "Suspended") return refuse("MalformedXML");
    return status;
}

Answered<RestoreRequest> parse_restore(std::string_view xml) {
    pugi::xml_document document;
    const auto root = parse_root(document, xml, "RestoreRequest");
    if (!root) return std::unexpected(root.error());
    RestoreRequest request;
    if (root->child("Type") || root->child("OutputLocation"))
        return refuse(501, "NotImplemented", "The simulator restores objects and selects nothing.");
    if (const auto days = root->child("Days")) {
        request.days = number_of(days.child_value());
        if (!request.days) return refuse("MalformedXML");
    }
    pugi::xml_node tier = root->child("GlacierJobParameters").child("Tier");
    if (!tier) tier = root->child("Tier");
    if (tier) request.tier = tier.child_value();
    if (request.tier != "Standard" && request.tier != "Bulk" && request.tier != "Expedited")
        return refuse("MalformedXML");
    return request;
}

Answered<std::string> parse_location_constraint(std::string_view xml) {
    if (xml.empty()) return std::string();
    pugi::xml_document document;
    const auto root = parse_root(document, xml, "CreateBucketConfiguration");
    if (!root) return std::unexpected(root.error());
    return std::string(root->child_value("LocationConstraint"));
}

}  // namespace s3sim
