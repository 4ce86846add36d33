#include "cli/event_stream.h"

namespace cli {

void EventStream::feed(std::string_view bytes) {
    for (const char c : bytes) {
        const bool second_of_crlf = after_cr_ && c == '\n';
        after_cr_ = c == '\r';
        if (second_of_crlf) continue;
        if (c == '\n' || c == '\r') {
            end_line();
        } else if (line_.size() < kEventMax_bytes) {
            line_ += c;
        } else {
            too_long_ = true;
        }
    }
}

void EventStream::end_line() {
    const std::string line = std::move(line_);
    line_.clear();
    if (line.empty()) return dispatch();
    const std::size_t colon = line.find(':');
    const std::string_view field = std::string_view(line).substr(0, colon);
    std::string_view value =
        colon == std::string::npos ? "" : std::string_view(line).substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") {
        name_ = value;
    } else if (field == "data") {
        if (data_.size() + value.size() < kEventMax_bytes) {
            if (!data_.empty()) data_ += '\n';
            data_ += value;
        } else {
            too_long_ = true;
        }
    }
}

void EventStream::dispatch() {
    if (!data_.empty() && !too_long_)
        on_event_(name_.empty() ? "message" : std::string_view(name_), data_);
    name_.clear();
    data_.clear();
    too_long_ = false;
}

}  // namespace cli
