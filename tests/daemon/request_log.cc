#include "request_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace s3zipd {
namespace {

// One upload's story, from the first request to the last.
class UploadStory {
  public:
    explicit UploadStory(std::string id) : id_(std::move(id)) {}

    void tell(const SeenRequest& request, std::vector<std::string>& broken) {
        if (request.came("ListParts") && request.life != asked_in_) {
            asked_in_ = request.life;
            known_ = stored_;
        }
        if (request.done("UploadPart")) stored_.insert(request.part_number);
        if (!request.came("UploadPart")) return;
        has_parts_ = true;
        if (first_life_ == 0) first_life_ = request.life;
        if (request.in_doubt) return;
        if (request.life != first_life_ && request.life != asked_in_ &&
            told_life_ != request.life) {
            told_life_ = request.life;
            broken.push_back(
                fmt::format("life {} sends parts to upload {} of {} without asking which it has",
                            request.life, id_, request.key));
        }
        if (request.life == asked_in_ && known_.contains(request.part_number)) {
            broken.push_back(fmt::format("life {} sends part {} of upload {} of {} again",
                                         request.life, request.part_number, id_, request.key));
        }
    }
    bool has_parts() const { return has_parts_; }

  private:
    const std::string id_;
    std::set<int> stored_;  // by now
    std::set<int> known_;   // as the present life asked
    unsigned asked_in_ = 0, first_life_ = 0, told_life_ = 0;
    bool has_parts_ = false;
};

}  // namespace

std::string SeenRequest::to_string() const {
    std::string text = fmt::format("{}{} {} {}", life, in_doubt ? "?" : "",
                                   moment == Moment::arrived ? ">" : "<", operation);
    if (!key.empty()) text += " " + key;
    if (part_number != 0) text += fmt::format(" part {}", part_number);
    if (!upload_id.empty()) text += " " + upload_id.substr(0, 8);
    if (moment == Moment::executed) text += fmt::format(" {}", status);
    return text;
}

void RequestLog::begin_life(bool quiet) {
    const std::scoped_lock lock(mutex_);
    ++life_;
    quiet_ = quiet;
}

void RequestLog::life_is_up() {
    const std::scoped_lock lock(mutex_);
    quiet_ = true;
}

void RequestLog::add(const s3sim::WatchedRequest& request) {
    if (request.bucket == "src") return;  // reading is harmless
    const std::scoped_lock lock(mutex_);
    seen_.push_back({.moment = request.moment,
                     .operation = std::string(request.operation),
                     .key = std::string(request.key),
                     .upload_id = std::string(request.upload_id),
                     .part_number = request.part_number,
                     .status = request.status,
                     .life = life_,
                     .in_doubt = !quiet_});
}

std::vector<SeenRequest> RequestLog::seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
}

std::vector<std::string> broken_upload_promises(const std::vector<SeenRequest>& seen) {
    std::vector<std::string> broken;
    std::map<std::string, UploadStory> stories;
    std::map<std::string, std::set<std::string>> of_key;
    for (const SeenRequest& request : seen) {
        if (request.upload_id.empty()) continue;
        const auto [story, is_new] = stories.try_emplace(request.upload_id, request.upload_id);
        story->second.tell(request, broken);
        if (story->second.has_parts()) of_key[request.key].insert(request.upload_id);
    }
    for (const auto& [key, uploads] : of_key) {
        if (uploads.size() > 1) {
            broken.push_back(fmt::format("parts of {} were sent to {} uploads: {}", key,
                                         uploads.size(), fmt::join(uploads, ", ")));
        }
        const Written written = written_to(seen, key);
        if (written.completes + written.puts > 1) {
            broken.push_back(fmt::format("{} was completed {} times and put {} times", key,
                                         written.completes, written.puts));
        }
    }
    return broken;
}

bool was_known(const std::vector<SeenRequest>& seen, const std::string& upload_id) {
    return std::ranges::any_of(seen, [&](const SeenRequest& request) {
        return request.moment == SeenRequest::Moment::arrived && request.upload_id == upload_id;
    });
}

Written written_to(const std::vector<SeenRequest>& seen, const std::string& key) {
    Written written;
    for (const SeenRequest& request : seen) {
        if (request.key != key) continue;
        written.puts += request.done("PutObject") ? 1 : 0;
        written.completes += request.done("CompleteMultipartUpload") ? 1 : 0;
    }
    return written;
}

}  // namespace s3zipd
