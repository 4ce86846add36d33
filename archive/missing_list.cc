#include "archive/missing_list.h"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>

#include "zip/entry.h"

namespace archive {
namespace {

void append_encoded(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = zip::utf8_sequence_size(text);
        const std::string_view sequence = text.substr(0, std::max<std::size_t>(size, 1));
        const auto first = static_cast<unsigned char>(sequence[0]);
        if (size == 0 || first < 0x20 || first == 0x7F || first == '%') {
            fmt::format_to(std::back_inserter(out), "%{:02X}", first);
        } else {
            out += sequence;
        }
        text.remove_prefix(sequence.size());
    }
}

bool is_missing(const SkippedObject& object) { return object.reason != "destination"; }

}  // namespace

std::string missing_list(std::span<const SkippedObject> skipped) {
    const auto count = std::ranges::count_if(skipped, is_missing);
    if (count == 0) return {};
    std::string text = fmt::format(
        "# {} object{} not in this archive. Each line: the reason, a tab, the address (with "
        "control characters and % percent-encoded).\n",
        count, count == 1 ? " is" : "s are");
    for (const SkippedObject& object : skipped) {
        if (!is_missing(object)) continue;
        text.append(object.reason).append("\ts3://").append(object.bucket).append("/");
        append_encoded(text, object.key);
        text += '\n';
    }
    return text;
}

}  // namespace archive
