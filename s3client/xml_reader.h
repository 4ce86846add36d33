// Reads one XML document strictly: what it should hold is asked for element by element, and the
// first thing wrong is kept. Private to s3client/xml.cc; it hides pugixml, which parses in place:
// the body outlives the XmlReader.
//
// Names are compared without their namespace prefix. An Element's readers take it if it has the
// name asked for and say whether it had, so that a document reads as one line per element:
// e.key("Key", key) || e.number("Size", size).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pugi {
struct xml_node_struct;
}

namespace s3client {

class XmlReader;

class Element {
  public:
    explicit operator bool() const { return node_ != nullptr; }
    std::string_view name() const { return name_; }
    bool is(std::string_view name) const { return name_ == name; }
    Element first() const;  // child element; false if there is none
    Element next() const;   // sibling element
    std::string text() const;

    bool text(std::string_view name, std::string& out) const { return is(name) && take_text(out); }
    bool etag(std::string_view name, std::string& out) const { return is(name) && take_etag(out); }
    // Percent-decoded if the document said encoding-type=url.
    bool key(std::string_view name, std::string& out) const { return is(name) && take_key(out); }
    bool flag(std::string_view name, std::optional<bool>& out) const {
        return is(name) && take_flag(out);
    }
    bool time(std::string_view name, std::optional<std::int64_t>& out_s) const {
        return is(name) && take_time(out_s);
    }
    bool number(std::string_view name, std::optional<std::uint64_t>& out, std::uint64_t min = 0,
                std::uint64_t max = UINT64_MAX) const {
        return is(name) && take_number(out, min, max);
    }

  private:
    friend class XmlReader;
    Element(XmlReader* reader, pugi::xml_node_struct* node);

    bool take_text(std::string& out) const;
    bool take_etag(std::string& out) const;
    bool take_key(std::string& out) const;
    bool take_flag(std::optional<bool>& out) const;
    bool take_time(std::optional<std::int64_t>& out_s) const;
    bool take_number(std::optional<std::uint64_t>& out, std::uint64_t min, std::uint64_t max) const;
    void complain(std::string_view what) const;

    XmlReader* reader_;
    pugi::xml_node_struct* node_;
    std::string_view name_;
};

class XmlReader {
  public:
    explicit XmlReader(std::string& body);
    ~XmlReader();
    XmlReader(const XmlReader&) = delete;
    XmlReader& operator=(const XmlReader&) = delete;

    Element root();  // false, and a complaint, unless the body is one whole document
    void require(bool condition, std::string_view what) {
        if (!condition) complain(what);
    }
    void complain(std::string_view what) {
        if (wrong_.empty()) wrong_ = what;
    }
    const std::string& wrong() const { return wrong_; }  // empty: nothing
    // Names the key whose element was wrong, in the complaint. Without a complaint it does nothing.
    void blame(std::string_view key);
    void set_keys_are_encoded(bool url) { keys_are_encoded_ = url; }
    bool keys_are_encoded() const { return keys_are_encoded_; }
    // Whether a '+' in an encoded key is a space: see decode_keys() in xml.cc.
    void set_plus_is_space(bool space) { plus_is_space_ = space; }
    bool plus_is_space() const { return plus_is_space_; }

  private:
    struct Document;
    std::unique_ptr<Document> document_;
    std::string wrong_;
    bool keys_are_encoded_ = false;
    bool plus_is_space_ = true;
};

}  // namespace s3client
