// What a KillRun looks at once all jobs have ended.
#include <fmt/format.h>
#include <algorithm>
#include <boost/json.hpp>
#include <thread>

#include "kill_run.h"

namespace s3zipd {

using namespace std::chrono_literals;

namespace {

std::string text_at(const boost::json::value& value, const std::string& pointer) {
    boost::json::error_code error;
    const auto* found = value.find_pointer(pointer, error);
    if (found == nullptr) return "absent";
    return found->is_string() ? std::string(found->as_string()) : boost::json::serialize(*found);
}

// Waits for what the daemon is about to do.
bool comes_true(std::chrono::seconds within, const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

#if __has_feature(address_sanitizer)
constexpr auto kSettleTime = 80s;
#else
constexpr auto kSettleTime = 25s;
#endif

}  // namespace

void KillRun::check_memory() {
    for (Posted& posted : posted_) {
        if (posted.id.empty() || given_up_) continue;
        const TestResponse response = ask("GET", "/archives/" + posted.id);
        if (given_up_) return;
        if (response.status != 200) {
            report_.broken.push_back(fmt::format("life {} knows nothing of job {}: {}", life_,
                                                 posted.id, response.status));
            continue;
        }
        const boost::json::value now = boost::json::parse(response.body);
        if (posted.request.empty()) posted.request = text_at(now, "/request");  // events cut it
        if (text_at(now, "/request") != posted.request)
            report_.broken.push_back(fmt::format("life {} says another request of job {}: {}",
                                                 life_, posted.id, text_at(now, "/request")));
        for (const char* field :
             {"/id", "/state", "/created_at", "/finished_at", "/result/etag", "/result/size",
              "/result/crc32", "/result/entries", "/result/duration_ms", "/error"}) {
            const std::string then = text_at(posted.end, field);
            if (text_at(now, field) == then) continue;
            report_.broken.push_back(fmt::format("life {} says another {} of job {}: {}, not {}",
                                                 life_, field, posted.id, text_at(now, field),
                                                 then));
        }
    }
}

void KillRun::check_keys() {
    for (const Posted& posted : posted_) {
        if (posted.job->idempotency_key.empty() || posted.id.empty() || given_up_) continue;
        const std::string header = "Idempotency-Key: " + posted.job->idempotency_key + "\r\n";
        const std::string body = posted.job->body(notify_url(*posted.job));
        const auto again = ask_once("POST", "/archives", body, header);
        if (again && (again->status != 202 ||
                      text_at(boost::json::parse(again->body), "/id") != posted.id)) {
            report_.broken.push_back(
                fmt::format("the key of job {} gave {} {}", posted.id, again->status, again->body));
        }
        const auto other = ask_once("POST", "/archives", body + " ", header);
        if (other && other->status != 422) {
            report_.broken.push_back(fmt::format("the key of job {} with another body gave {}",
                                                 posted.id, other->status));
        }
    }
}

void KillRun::check_deliveries() {
    for (const Posted& posted : posted_) {
        if (posted.id.empty()) continue;
        const auto broken = [&](std::string_view what) {
            report_.broken.push_back(
                fmt::format("the notification of job {}: {}", posted.id, what));
        };
        const auto arrived = [&] {
            return std::ranges::any_of(receiver_->of(posted.id),
                                       [](const auto& one) { return one.answer / 100 == 2; });
        };
        if (posted.job->notify && !comes_true(kSettleTime, arrived)) broken("it never came");
        for (const Delivery& delivery : receiver_->of(posted.id)) {
            ++report_.deliveries;
            if (!posted.job->notify) broken("nobody asked for it");
            if (delivery.target() != "/" + posted.job->key) broken("to " + delivery.target());
            if (delivery.request.header("s3zipd-signature").empty()) broken("it is not signed");
            boost::json::error_code error;
            const boost::json::value told = boost::json::parse(delivery.request.body, error);
            if (error || text_at(told, "/id") != posted.id ||
                text_at(told, "/state") != text_at(posted.end, "/state"))
                broken("it says " + delivery.request.body);
        }
    }
}

// An upload whose id was nobody's, because the answer was lost or the daemon died over it, is swept
// after five minutes (the long test in survival_test.cc); all others are to go.
void KillRun::check_uploads() {
    std::vector<s3sim::OpenUpload> left;
    (void)comes_true(kSettleTime, [&] {
        const std::vector<SeenRequest> seen = log_.seen();
        left = server_->open_uploads();
        std::erase_if(left, [&](const auto& open) { return !was_known(seen, open.upload_id); });
        return left.empty();
    });
    for (const s3sim::OpenUpload& upload : left) {
        report_.broken.push_back(
            fmt::format("upload {} of {} is left open", upload.upload_id, upload.key));
    }
}

void KillRun::check_end(Posted& posted) {
    const std::string& key = posted.job->key;
    const auto broken = [&](std::string_view what) {
        report_.broken.push_back(fmt::format("job {}, {}: {}", posted.id, key, what));
    };
    if (posted.id.empty()) {
        if (server_->head("out", key)) broken("an archive of a job that was never accepted");
        return;
    }
    if (posted.end.is_null()) return;  // we have given up
    const std::string state = text_at(posted.end, "/state");
    if (state == "succeeded") return check_archive(posted);
    if (state == "cancelled" && (posted.cancel_accepted || posted.cancel_in_doubt)) {
        ++report_.cancelled;
        const auto archive = server_->get("out", key);
        if (archive && *archive != reference_of(*posted.job)) broken("half of it was left there");
        return;
    }
    broken(fmt::format("it ended {}: {}", state, text_at(posted.end, "/error")));
}

void KillRun::check_archive(const Posted& posted) {
    const KillJob& job = *posted.job;
    const auto broken = [&](std::string_view what) {
        report_.broken.push_back(fmt::format("job {}, {}: {}", posted.id, job.key, what));
    };
    const auto archive = server_->get("out", job.key);
    const auto head = server_->head("out", job.key);
    if (!archive || !head) return broken("it succeeded, and there is no archive");
    const std::string reference = reference_of(job);
    if (*archive != reference) {
        const auto [differs, expected] = std::ranges::mismatch(*archive, reference);
        broken(fmt::format("{} bytes instead of {}, first other one at {}", archive->size(),
                           reference.size(), differs - archive->begin()));
    }
    const auto says = [&](const char* field, const std::string& truth) {
        if (text_at(posted.end, field) != truth)
            broken(fmt::format("{} is {}, not {}", field, text_at(posted.end, field), truth));
    };
    says("/result/size", std::to_string(head->size));
    says("/result/crc32", fmt::format("{:08x}", head->crc32));
    says("/result/etag", '"' + head->etag + '"');
    says("/result/entries", std::to_string(job.objects.size()));
    says("/progress/bytes_done", std::to_string(head->size));
    says("/progress/objects_done", std::to_string(job.objects.size()));
    if (posted.cancel_accepted) {
        const std::vector<SeenRequest> seen = log_.seen();
        const auto until = seen.begin() + static_cast<std::ptrdiff_t>(posted.seen_at_cancel);
        const bool was_ending = std::any_of(seen.begin(), until, [&](const SeenRequest& request) {
            return request.key == job.key &&
                   (request.came("PutObject") || request.came("CompleteMultipartUpload"));
        });
        if (!was_ending) broken("its cancel was accepted before its end had begun");
    }
}

}  // namespace s3zipd
