#include "cli/progress.h"

#include <fmt/format.h>
#include <algorithm>
#include <vector>

#include "cli/text.h"

namespace cli {
namespace {

constexpr std::size_t kBarMin = 10, kBarMax = 40;
constexpr auto kWindow = std::chrono::seconds(5);

unsigned percent_of(const ProgressView& progress) {
    if (progress.bytes_total == 0) return 0;
    const double share =
        static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total);
    return static_cast<unsigned>(std::clamp(share, 0.0, 1.0) *
                                 100);  // rounds down: 100% is all of it
}

// Before the plan is made nothing is known but how many objects were found.
bool is_planned(const ProgressView& progress) { return progress.bytes_total > 0; }

std::string bar(unsigned percent, std::size_t width) {
    const std::size_t full = width * percent / 100;
    return "[" + std::string(full, '#') + std::string(width - full, '-') + "]";
}

std::string join(const std::vector<std::string>& pieces) {
    std::string line;
    for (const std::string& piece : pieces) line += (line.empty() ? "" : "  ") + piece;
    return line;
}

// In the order in which they are given up when there is no room, from the back.
std::vector<std::string> details(const JobView& job) {
    const ProgressView& p = job.progress;
    std::vector<std::string> out{size_text(p.bytes_done) + " / " + size_text(p.bytes_total)};
    if (job.has_ended()) return out;
    if (p.bytes_per_second > 0) out.push_back(rate_text(p.bytes_per_second));
    if (p.eta_seconds) out.push_back("ETA " + clock_text(*p.eta_seconds));
    if (p.objects_total > 0) {
        out.push_back(count_text(p.objects_done) + " / " + count_text(p.objects_total) +
                      " objects");
    }
    return out;
}

std::string planning_line(const JobView& job) {
    const std::uint64_t found = job.progress.objects_total;
    return found == 0 ? job.state : job.state + "  " + count_text(found) + " objects";
}

}  // namespace

std::string progress_line(const JobView& job, unsigned width) {
    if (!is_planned(job.progress)) return planning_line(job).substr(0, width);
    const unsigned percent = percent_of(job.progress);
    const std::string head = fmt::format("{:<9} {:>3}%", job.state, percent);
    std::vector<std::string> tail = details(job);
    constexpr std::size_t kAroundBar = 5;  // brackets, and blanks on both sides
    while (tail.size() > 1 && head.size() + kAroundBar + kBarMin + join(tail).size() > width)
        tail.pop_back();
    std::string end = join(tail);
    const std::size_t taken = head.size() + kAroundBar + end.size();
    std::string line = head;
    if (taken + kBarMin <= width) {
        line += " " + bar(percent, std::min(kBarMax, width - taken));
    }
    return (line + "  " + end).substr(0, width);
}

std::string plain_line(const JobView& job) {
    if (!is_planned(job.progress)) return planning_line(job);
    return fmt::format("{}  {}%  {}", job.state, percent_of(job.progress), join(details(job)));
}

void RateMeter::add(base::SteadyTime now, std::uint64_t bytes_done) {
    samples_.push_back({now, bytes_done});
    while (samples_.size() > kSamples || (samples_.size() > 2 && now - samples_[1].at > kWindow)) {
        samples_.pop_front();
    }
}

double RateMeter::bytes_per_second() const {
    if (samples_.size() < 2) return 0;
    const std::chrono::duration<double> span = samples_.back().at - samples_.front().at;
    if (span.count() <= 0) return 0;
    return static_cast<double>(samples_.back().bytes_done - samples_.front().bytes_done) /
           span.count();
}

}  // namespace cli
