#include "daemon/api_body.h"

#include <fmt/format.h>
#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <string>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "daemon/api_object_reader.h"

namespace s3zipd {
namespace {

namespace json = boost::json;
using base::ErrorKind;

// Follows the parser through the document and finds the first object with a repeated name. Holds
// the names of the objects that are open.
class NameCheck {
  public:
    void begin(bool is_object) { open_.push_back({is_object, names_.size(), 0}); }

    void add_name_part(std::string_view part) { text_ += part; }
    void end_name(ErrorSlot& error) {
        names_.push_back({text_begin(), text_.size()});
        Container& object = open_.back();
        if (++object.count <= config::kJsonNamesMax) return;
        set_field_error(error, "too_many", pointer_of(open_.size() - 1),
                        fmt::format("must have at most {} names", config::kJsonNamesMax));
    }
    void end(ErrorSlot& error) {
        const Container& ended = open_.back();
        if (ended.is_object && ended.count > 0) {
            find_repeated(error);
            text_.resize(names_[ended.first_name].first);
            names_.resize(ended.first_name);
        }
        open_.pop_back();
        end_value();
    }
    // A value is complete.
    void end_value() {
        if (!open_.empty() && !open_.back().is_object) ++open_.back().count;
    }

  private:
    struct Container {
        bool is_object;
        std::size_t first_name;  // in names_
        std::size_t count;       // names so far, or complete elements
    };
    using Span = std::pair<std::size_t, std::size_t>;  // in text_

    std::size_t text_begin() const { return names_.empty() ? 0 : names_.back().second; }
    std::string_view text_of(const Span& span) const {
        return std::string_view(text_).substr(span.first, span.second - span.first);
    }

    // Returns the pointer of the container that is inside the first `depth` open ones.
    std::string pointer_of(std::size_t depth) const {
        std::string pointer;
        for (std::size_t i = 0; i < depth; ++i) {
            const Container& outer = open_[i];
            pointer = outer.is_object
                          ? pointer_to(pointer, text_of(names_[outer.first_name + outer.count - 1]))
                          : pointer_to(pointer, outer.count);
        }
        return pointer;
    }

    // The names lie in text_ in their order, so the first to repeat an earlier one begins first.
    void find_repeated(ErrorSlot& error) {
        const Container& object = open_.back();
        if (object.count < 2) return;
        std::vector<Span> sorted(names_.begin() + static_cast<std::ptrdiff_t>(object.first_name),
                                 names_.end());
        std::ranges::sort(
            sorted, {}, [this](const Span& span) { return std::pair(text_of(span), span.first); });
        std::optional<Span> first;
        for (std::size_t i = 1; i < sorted.size(); ++i) {
            if (text_of(sorted[i - 1]) != text_of(sorted[i])) continue;
            if (!first || sorted[i] < *first) first = sorted[i];
        }
        if (!first) return;
        set_field_error(error, "repeated_field",
                        pointer_to(pointer_of(open_.size() - 1), text_of(*first)),
                        "is given more than once");
    }

    std::string text_;
    std::vector<Span> names_;
    std::vector<Container> open_;
};

// The handler of boost::json::basic_parser. Makes the value until a name is at fault. Afterwards
// only the parser itself goes on: a body that is not JSON must be reported as such.
struct Handler {
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();
    using Text = json::string_view;
    using Code = json::error_code;

    explicit Handler(RepeatedNames repeated) : checks_names(repeated == RepeatedNames::refuse) {}

    bool on_document_begin(Code&) { return true; }
    bool on_document_end(Code&) { return true; }
    bool on_object_begin(Code&) { return begin(true); }
    bool on_array_begin(Code&) { return begin(false); }
    bool on_object_end(std::size_t count, Code&) {
        return end([&] { values.push_object(count); });
    }
    bool on_array_end(std::size_t count, Code&) {
        return end([&] { values.push_array(count); });
    }
    bool on_key_part(Text text, std::size_t, Code&) {
        if (error) return true;
        if (checks_names) names.add_name_part({text.data(), text.size()});
        values.push_chars(text);
        return true;
    }
    bool on_key(Text text, std::size_t, Code&) {
        if (error) return true;
        if (checks_names) {
            names.add_name_part({text.data(), text.size()});
            names.end_name(error);
        }
        values.push_key(text);
        return true;
    }
    bool on_string_part(Text text, std::size_t, Code&) {
        if (!error) values.push_chars(text);
        return true;
    }
    bool on_string(Text text, std::size_t, Code&) {
        return scalar([&] { values.push_string(text); });
    }
    bool on_number_part(Text, Code&) { return true; }
    bool on_int64(std::int64_t number, Text, Code&) {
        return scalar([&] { values.push_int64(number); });
    }
    bool on_uint64(std::uint64_t number, Text, Code&) {
        return scalar([&] { values.push_uint64(number); });
    }
    bool on_double(double number, Text, Code&) {
        return scalar([&] { values.push_double(number); });
    }
    bool on_bool(bool flag, Code&) {
        return scalar([&] { values.push_bool(flag); });
    }
    bool on_null(Code&) {
        return scalar([&] { values.push_null(); });
    }
    bool on_comment_part(Text, Code&) { return true; }
    bool on_comment(Text, Code&) { return true; }

    bool begin(bool is_object) {
        if (!error && checks_names) names.begin(is_object);
        return true;
    }
    template <typename Push>
    bool end(Push push) {
        if (error) return true;
        if (checks_names) names.end(error);
        push();
        return true;
    }
    template <typename Push>
    bool scalar(Push push) {
        if (error) return true;
        if (checks_names) names.end_value();
        push();
        return true;
    }

    const bool checks_names;
    json::value_stack values;
    NameCheck names;
    ErrorSlot error;
};

base::Error bad_json(std::string_view body, std::size_t at, const json::error_code& error) {
    const std::string_view before = body.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return {ErrorKind::invalid,
            "bad_json",
            fmt::format("line {}, column {} (byte {}): {}", line, at - line_start + 1, at,
                        error.message()),
            0,
            {},
            {}};
}

}  // namespace

base::Result<json::value> parse_body(std::string_view body, json::storage_ptr memory,
                                     RepeatedNames repeated) {
    json::parse_options options;
    options.max_depth = config::kJsonDepthMax;
    json::basic_parser<Handler> parser(options, repeated);
    Handler& handler = parser.handler();
    handler.values.reset(std::move(memory));
    json::error_code error;
    const std::size_t at =
        std::min(parser.write_some(false, body.data(), body.size(), error), body.size());
    if (!error && at < body.size()) error = json::error::extra_data;
    if (error) return base::fail(bad_json(body, at, error));
    if (handler.error) return base::fail(std::move(*handler.error));
    return handler.values.release();
}

}  // namespace s3zipd
