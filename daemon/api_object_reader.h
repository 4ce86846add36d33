// Reads one JSON object strictly: each field has to be asked for, and finish() refuses the ones
// nobody asked for. The first error stays; what is read after it does not matter. Errors carry the
// field's JSON pointer (RFC 6901) as `key`.
//
// Lives on the stack of a parse; the value and the error slot must outlive it. One level of the
// pointer per reader.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "s3client/access.h"

namespace s3zipd {

using ErrorSlot = std::optional<base::Error>;

void set_field_error(ErrorSlot& slot, std::string_view code, const std::string& pointer,
                     std::string_view what);
std::string pointer_to(std::string_view parent, std::string_view field);
std::string pointer_to(std::string_view parent, std::size_t index);

class ObjectReader {
  public:
    ObjectReader(const boost::json::value& value, std::string pointer, ErrorSlot& error);

    bool ok() const { return !error_.has_value(); }
    std::string pointer(std::string_view field) const { return pointer_to(pointer_, field); }

    // The field's value, or null when it is absent. Marks it as known.
    const boost::json::value* find(std::string_view field);
    const boost::json::value* require(std::string_view field);

    // Each leaves `out` alone when the field is absent.
    void read(std::string_view field, std::string& out);
    void read(std::string_view field, bool& out);
    void read(std::string_view field, std::optional<bool>& out);
    void read(std::string_view field, int& out, int min, int max);
    void read(std::string_view field, std::map<std::string, std::string>& out);
    void read(std::string_view field, std::vector<std::string>& out, std::size_t count_max,
              std::size_t bytes_max);
    // A secret: errors tell nothing of it.
    void read(std::string_view field, std::shared_ptr<const s3client::CustomerKey>& out);
    // One of the words; its index goes to `out`.
    template <typename Enum>
    void read(std::string_view field, Enum& out, std::span<const std::string_view> words) {
        if (const int index = read_word(field, words); index >= 0) out = static_cast<Enum>(index);
    }
    // A list; empty is an error. Null when absent or wrong.
    const boost::json::array* read_list(std::string_view field, std::size_t count_max);

    void fail(std::string_view field, std::string_view code, std::string_view what);
    void finish();

  private:
    int read_word(std::string_view field, std::span<const std::string_view> words);

    const boost::json::object* object_ = nullptr;
    const std::string pointer_;
    ErrorSlot& error_;
    std::vector<std::string_view> known_;
};

}  // namespace s3zipd
