#include "s3sim/xml.h"

#include <charconv>
#include <pugixml.hpp>

namespace s3sim {
namespace {

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\r': out += "&#13;"; break;
            default: out += c;
        }
    }
}

Answered<pugi::xml_node> parse_root(pugi::xml_document& document, std::string_view xml,
                                    const char* name) {
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
        const std::string_view number = node.child_value("PartNumber");
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), part.number);
        if (error != std::errc() || end != number.data() + number.size() || !node.child("ETag")) {
            return refuse("MalformedXML");
        }
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
        request.keys.emplace_back(node.child_value("Key"));
    }
    if (request.keys.empty() || request.keys.size() > 1000) return refuse("MalformedXML");
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
