// Writes families of metrics as Prometheus text (exposition format 0.0.4). Every name gets
// "s3zipd_" in front.
#pragma once

#include <fmt/format.h>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "base/histogram.h"

namespace s3zipd {

inline double in_seconds(base::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

class MetricsWriter {
  public:
    // Opens a family; its samples follow.
    void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
    void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
    void histogram(std::string_view name, std::string_view help) {
        family(name, "histogram", help);
    }

    // One sample of the family just opened. Label values are our own words: nothing to escape.
    template <typename Number>
    void sample(Number value, std::string_view labels = {}) {
        line({}, labels, value);
    }
    // One series of a histogram, in seconds.
    void sample(const base::HistogramSnapshot& snapshot, std::string_view labels = {}) {
        const std::string_view comma = labels.empty() ? "" : ",";
        std::uint64_t up_to = 0;
        for (std::size_t i = 0; i < snapshot.bounds.size(); ++i) {
            up_to += snapshot.counts[i];
            const double bound = in_seconds(snapshot.bounds[i]);
            line("_bucket", fmt::format("{}{}le=\"{}\"", labels, comma, bound), up_to);
        }
        line("_bucket", fmt::format("{}{}le=\"+Inf\"", labels, comma), snapshot.count());
        line("_sum", labels, in_seconds(snapshot.sum));
        line("_count", labels, snapshot.count());
    }

    template <typename Number>
    void one_gauge(std::string_view name, std::string_view help, Number value) {
        gauge(name, help);
        sample(value);
    }
    template <typename Number>
    void one_counter(std::string_view name, std::string_view help, Number value) {
        counter(name, help);
        sample(value);
    }
    std::string take() { return std::move(text_); }

  private:
    template <typename Number>
    void line(std::string_view suffix, std::string_view labels, Number value) {
        fmt::format_to(std::back_inserter(text_), "s3zipd_{}{}{}{}{} {}\n", name_, suffix,
                       labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", value);
    }
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        fmt::format_to(std::back_inserter(text_), "# HELP s3zipd_{0} {1}\n# TYPE s3zipd_{0} {2}\n",
                       name, help, type);
    }
    std::string text_;
    std::string_view name_;
};

}  // namespace s3zipd
