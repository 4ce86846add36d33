#include "archive/part_choice.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace archive {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

template <std::size_t n>
bool has_any(std::string_view text, const std::array<std::string_view, n>& words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

}  // namespace

bool is_r2_host(std::string_view host) {
    std::string name = lower(host);
    if (name.ends_with('.')) name.pop_back();
    return name.ends_with(".r2.cloudflarestorage.com");
}

// Codes: InvalidPart of R2; EntityTooSmall, where a store requires longer parts than those that end
// with entries. Other refusals are recognised by their message, without the key, which can hold any
// words. Complete can answer 200 with an error.
bool refuses_part_lengths(const base::Error& error) {
    if (error.code == "InvalidPart" || error.code == "EntityTooSmall") return true;
    if (error.http_status != 400 && error.http_status != 200) return false;
    constexpr std::array<std::string_view, 2> kLength{"length", "size"};
    constexpr std::array<std::string_view, 5> kSame{"same", "equal", "uniform", "identical",
                                                    "consistent"};
    std::string detail = error.detail;
    if (const auto at = detail.find(error.key); !error.key.empty() && at != std::string::npos)
        detail.erase(at, error.key.size());
    detail = lower(detail);
    return detail.contains("part") && has_any(detail, kLength) && has_any(detail, kSame);
}

void PartChoice::configure(PartLayout setting, const s3client::Endpoint& endpoint) {
    setting_ = setting;
    endpoint_ = endpoint.url();
    is_r2_ = is_r2_host(endpoint.host);
    uniform_ = is_r2_;
}

PartLayout PartChoice::layout_for(PartLayout option) const {
    if (option != PartLayout::automatic) return option;
    if (setting_ != PartLayout::automatic) return setting_;
    return uniform_ ? PartLayout::uniform : PartLayout::entries;
}

std::string_view PartChoice::chosen_by(PartLayout option) const {
    if (option != PartLayout::automatic) return "the job's option part_layout";
    if (setting_ != PartLayout::automatic) return "the setting part_layout";
    return {};
}

}  // namespace archive
