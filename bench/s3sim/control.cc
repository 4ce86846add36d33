// /_s3sim/...: counters, fault plans and new credentials over HTTP, without signatures.
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
