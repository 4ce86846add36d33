// /_s3sim/...: counters, fault plans and new credentials over HTTP, without signatures. And what
// the test in this process is told.
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/recorder.h"
#include "s3sim/stats.h"

namespace s3sim {

Stats Service::stats() const {
    Stats stats = counters_.read();
    stats.faults_fired = faults_.fired();
    stats.open_uploads = store_.upload_count();
    stats.stored_bytes = store_.stored_bytes();
    return stats;
}

std::vector<RecordedRequest> Service::requests() const { return recorder_->requests(); }

void Service::reset_requests() { recorder_->clear(); }

void Service::tell_watch(const Exchange& exchange, WatchedRequest::Moment moment,
                         int status) const {
    if (!options_.watch) return;
    const std::string* const upload_id = exchange.request.parameter("uploadId");
    const auto part = parse_number(exchange.request.parameter_or("partNumber", ""));
    options_.watch({.moment = moment,
                    .operation = operation_name(exchange.operation),
                    .bucket = exchange.request.bucket,
                    .key = exchange.request.key,
                    .upload_id = upload_id != nullptr ? *upload_id
                                 : exchange.upload    ? exchange.upload->id
                                                      : std::string_view(),
                    .part_number = part && *part <= 10'000 ? static_cast<int>(*part) : 0,
                    .status = status});
}

Response Service::control(Exchange& exchange) {
    const Request& request = exchange.request;
    const std::string_view what =
        std::string_view(request.path).substr(std::string_view("/_s3sim/").size());
    Response response;
    response.add("Content-Type", "application/json");
    if (what == "stats" && request.method == "GET") {
        response.text = stats_json(stats());
    } else if (what == "reset-stats" && request.method == "POST") {
        counters_.reset();
        faults_.reset_counts();
        response.text = "{}\n";
    } else if (what == "faults" && request.method == "POST") {
        const auto set = faults_.set(document_of(exchange));
        response.status = set ? 200 : 400;
        response.text = "{}\n";
        if (!set) {
            response.headers.clear();
            response.add("Content-Type", "text/plain");
            response.text = set.error().detail + "\n";
        }
    } else if (what == "credentials" && request.method == "POST") {
        set_credentials(request.parameter_or("access-key", ""),
                        request.parameter_or("secret-key", ""),
                        request.parameter_or("session-token", ""));
        response.text = "{}\n";
    } else if (what == "archive-status" && request.method == "POST") {
        const auto set =
            set_archive_status(request.parameter_or("bucket", ""), request.parameter_or("key", ""),
                               request.parameter_or("status", ""));
        response.text = set ? "{}\n" : set.error().message + "\n";
        if (!set) {
            response.status = set.error().status;
            response.headers = {{"Content-Type", "text/plain"}};
        }
    } else {
        response.status = 404;
        response.text = "{}\n";
    }
    return response;
}

}  // namespace s3sim
