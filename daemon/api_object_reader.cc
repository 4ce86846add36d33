#include "daemon/api_object_reader.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <limits>

namespace s3zipd {
namespace {

namespace json = boost::json;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

std::string_view kind_of(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null: return "null";
        case json::kind::bool_: return "a boolean";
        case json::kind::string: return "a string";
        case json::kind::array: return "an array";
        case json::kind::object: return "an object";
        default: return "a number";
    }
}

void set_type_error(ErrorSlot& slot, const std::string& pointer, std::string_view wanted,
                    const json::value& value) {
    set_field_error(slot, "wrong_type", pointer,
                    fmt::format("must be {}, is {}", wanted, kind_of(value)));
}

}  // namespace

void set_field_error(ErrorSlot& slot, std::string_view code, const std::string& pointer,
                     std::string_view what) {
    if (slot) return;
    const std::string_view name = pointer.empty() ? std::string_view("the body") : pointer;
    slot = base::Error{base::ErrorKind::invalid,
                       std::string(code),
                       fmt::format("{} {}", name, what),
                       0,
                       {},
                       pointer};
}

std::string pointer_to(std::string_view parent, std::string_view field) {
    std::string pointer(parent);
    pointer += '/';
    for (const char c : field) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
    return pointer;
}

std::string pointer_to(std::string_view parent, std::size_t index) {
    return fmt::format("{}/{}", parent, index);
}

ObjectReader::ObjectReader(const json::value& value, std::string pointer, ErrorSlot& error)
    : object_(value.if_object()), pointer_(std::move(pointer)), error_(error) {
    if (object_ == nullptr) set_type_error(error_, pointer_, "an object", value);
}

const json::value* ObjectReader::find(std::string_view field) {
    known_.push_back(field);
    return object_ == nullptr ? nullptr : object_->if_contains({field.data(), field.size()});
}

const json::value* ObjectReader::require(std::string_view field) {
    const json::value* value = find(field);
    if (value == nullptr) set_field_error(error_, "missing_field", pointer(field), "is missing");
    return value;
}

void ObjectReader::read(std::string_view field, std::string& out) {
    const json::value* value = find(field);
    if (value == nullptr) return;
    if (const json::string* text = value->if_string()) {
        out = view(*text);
    } else {
        set_type_error(error_, pointer(field), "a string", *value);
    }
}

void ObjectReader::read(std::string_view field, bool& out) {
    const json::value* value = find(field);
    if (value == nullptr) return;
    if (const bool* flag = value->if_bool()) {
        out = *flag;
    } else {
        set_type_error(error_, pointer(field), "true or false", *value);
    }
}

void ObjectReader::read(std::string_view field, std::optional<bool>& out) {
    bool flag = false;
    read(field, flag);
    if (object_ != nullptr && object_->contains({field.data(), field.size()})) out = flag;
}

void ObjectReader::read(std::string_view field, std::shared_ptr<const s3client::CustomerKey>& out) {
    std::string text;
    read(field, text);
    if (object_ == nullptr || !object_->contains({field.data(), field.size()}) || !ok()) return;
    auto key = s3client::CustomerKey::parse(text);
    if (!key) return fail(field, "bad_value", "must be the base64 of 32 bytes");
    out = std::make_shared<const s3client::CustomerKey>(std::move(*key));
}

void ObjectReader::read(std::string_view field, int& out, int min, int max) {
    const json::value* value = find(field);
    if (value == nullptr) return;
    if (!value->is_number()) return set_type_error(error_, pointer(field), "an integer", *value);
    const std::int64_t* number = value->if_int64();
    if (value->is_double()) {
        set_field_error(error_, "wrong_type", pointer(field), "must be a whole number");
    } else if (number == nullptr || *number < min || *number > max) {
        set_field_error(error_, "out_of_range", pointer(field),
                        fmt::format("must be from {} to {}", min, max));
    } else {
        out = static_cast<int>(*number);
    }
}

void ObjectReader::read(std::string_view field, std::map<std::string, std::string>& out) {
    const json::value* value = find(field);
    if (value == nullptr) return;
    const json::object* object = value->if_object();
    if (object == nullptr) return set_type_error(error_, pointer(field), "an object", *value);
    for (const auto& pair : *object) {
        const std::string_view name(pair.key().data(), pair.key().size());
        const json::string* text = pair.value().if_string();
        if (text == nullptr) {
            return set_type_error(error_, pointer_to(pointer(field), name), "a string",
                                  pair.value());
        }
        out.emplace(name, view(*text));
    }
}

void ObjectReader::read(std::string_view field, std::vector<std::string>& out,
                        std::size_t count_max, std::size_t bytes_max) {
    const json::value* value = find(field);
    if (value == nullptr) return;
    const json::array* array = value->if_array();
    if (array == nullptr) return set_type_error(error_, pointer(field), "an array", *value);
    if (array->size() > count_max) {
        return fail(field, "too_many", fmt::format("must have at most {} items", count_max));
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
        const json::string* text = (*array)[i].if_string();
        if (text == nullptr) {
            return set_type_error(error_, pointer_to(pointer(field), i), "a string", (*array)[i]);
        }
        if (text->empty() || text->size() > bytes_max) {
            return set_field_error(error_, "bad_value", pointer_to(pointer(field), i),
                                   fmt::format("must be 1 to {} bytes long", bytes_max));
        }
        out.emplace_back(view(*text));
    }
}

int ObjectReader::read_word(std::string_view field, std::span<const std::string_view> words) {
    std::string word;
    const bool present = object_ != nullptr && object_->contains({field.data(), field.size()});
    read(field, word);
    if (!present || !ok()) return -1;
    const auto found = std::find(words.begin(), words.end(), word);
    if (found != words.end()) return static_cast<int>(found - words.begin());
    fail(field, "bad_value", fmt::format("must be \"{}\"", fmt::join(words, "\" or \"")));
    return -1;
}

const json::array* ObjectReader::read_list(std::string_view field, std::size_t count_max) {
    const json::value* value = find(field);
    if (value == nullptr) return nullptr;
    const json::array* array = value->if_array();
    if (array == nullptr) {
        set_type_error(error_, pointer(field), "an array", *value);
    } else if (array->empty()) {
        fail(field, "empty_list", "must not be empty");
    } else if (array->size() > count_max) {
        fail(field, "too_many", fmt::format("must have at most {} items", count_max));
    }
    return ok() ? array : nullptr;
}

void ObjectReader::fail(std::string_view field, std::string_view code, std::string_view what) {
    set_field_error(error_, code, pointer(field), what);
}

void ObjectReader::finish() {
    if (object_ == nullptr) return;
    for (const auto& pair : *object_) {
        const std::string_view name(pair.key().data(), pair.key().size());
        if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
        return set_field_error(error_, "unknown_field", pointer(name), "is not a known field");
    }
}

}  // namespace s3zipd
