#include "s3sim/timing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "s3sim/numbers.h"

namespace s3sim {
namespace {

constexpr double kSecondsMax = 24 * 3600;

// Digits with a fraction, nothing else.
std::optional<double> parse_real(std::string_view text) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
        !std::isfinite(value) || value < 0) {
        return std::nullopt;
    }
    return value;
}

base::Duration duration_of(double seconds) {
    return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds));
}

std::optional<base::Duration> parse_time(std::string_view text) {
    double unit = 1;
    if (text.ends_with("ms") || text.ends_with("us")) {
        unit = text.ends_with("ms") ? 1e-3 : 1e-6;
        text.remove_suffix(2);
    } else if (text.ends_with("s")) {
        text.remove_suffix(1);
    } else if (text != "0") {
        return std::nullopt;  // a time has a unit
    }
    const auto value = parse_real(text);
    if (!value || *value * unit > kSecondsMax) return std::nullopt;
    return duration_of(*value * unit);
}

std::optional<double> parse_percent(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    const auto value = parse_real(text);
    if (!value || *value > 100) return std::nullopt;
    return *value / 100;
}

double unit_of(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

}  // namespace

base::Status LatencyModel::take(std::string_view name, std::string_view value) {
    std::optional<base::Duration> time;
    std::optional<double> chance;
    if (name == "first-byte" || name == "jitter") {
        time = parse_time(value);
        if (time) (name == "jitter" ? jitter_ : first_byte_) = *time;
    } else if (name == "tail") {
        const auto colon = std::min(value.find(':'), value.size());
        chance = parse_percent(value.substr(0, colon));
        time = parse_time(value.substr(std::min(colon + 1, value.size())));
        if (time && chance) tails_.push_back({*chance, *time});
        if (!chance) time.reset();
    } else if (name.starts_with('p')) {
        const auto percentile = parse_real(name.substr(1));
        time = parse_time(value);
        if (!percentile || *percentile > 100) time.reset();
        if (time) tails_.push_back({1 - *percentile / 100, *time});
    } else if (name == "seed") {
        const auto seed = parse_number(value);
        seed_ = seed.value_or(0);
        if (seed) time = base::Duration{0};
    }
    if (time) return {};
    return base::fail(base::ErrorKind::invalid, "bad_latency",
                      "'" + std::string(name) + "=" + std::string(value) + "' is not understood");
}

base::Result<LatencyModel> LatencyModel::parse(std::string_view text) {
    LatencyModel model;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        std::string_view item = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        while (item.starts_with(' ')) item.remove_prefix(1);
        while (item.ends_with(' ')) item.remove_suffix(1);
        const auto equals = item.find('=');
        const auto ok = equals == std::string_view::npos
                            ? model.take("first-byte", item)
                            : model.take(item.substr(0, equals), item.substr(equals + 1));
        if (!ok) return std::unexpected(ok.error());
    }
    double all = 0;
    for (const Tail& tail : model.tails_) all += tail.chance;
    if (all > 1 + 1e-9) {
        return base::fail(base::ErrorKind::invalid, "bad_latency",
                          "the tails are more than 100% of all answers");
    }
    return model;
}

base::Duration LatencyModel::delay(std::uint64_t n) const {
    const std::uint64_t word = mix(mix(seed_) + n);
    const base::Duration jitter =
        jitter_.count() == 0 ? base::Duration{0}
                             : base::Duration{static_cast<base::Duration::rep>(
                                   unit_of(mix(word)) * static_cast<double>(jitter_.count()))};
    double chance = unit_of(word);
    for (const Tail& tail : tails_) {
        if (chance < tail.chance) return tail.delay + jitter;
        chance -= tail.chance;
    }
    return first_byte_ + jitter;
}

bool TokenBucket::take(base::SteadyTime now) {
    if (rate_ == 0) return true;
    const std::scoped_lock lock(mutex_);
    tokens_ = std::min(rate_, tokens_ + rate_ * std::chrono::duration<double>(now - at_).count());
    at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
}

base::SteadyTime SharedBandwidth::reserve(std::uint64_t bytes, base::SteadyTime now) {
    const std::scoped_lock lock(mutex_);
    const base::SteadyTime start = std::max(free_at_, now);
    free_at_ = start + duration_of(static_cast<double>(bytes) / static_cast<double>(rate_));
    return start;
}

}  // namespace s3sim
