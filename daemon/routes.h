// What the REST API answers (docs/API.md): a request in, an answer out, with no socket in sight.
// Answers that take time are given as tasks for the connection: a job or its cancel to be
// journaled, a plan to be made, a URL to be signed, a stream of events.
//
// Thread-safe. Who asks, and may, is in the request (access.h). refuse() needs its head only, so
// that a body nobody wants is never read.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "archive/engine.h"
#include "archive/request.h"
#include "base/error.h"
#include "daemon/access.h"
#include "daemon/api_json.h"
#include "daemon/api_report.h"
#include "daemon/api_state.h"
#include "daemon/api_target.h"
#include "daemon/http.h"
#include "daemon/job_engine.h"
#include "daemon/job_service.h"

namespace s3zipd {

struct SubmitJob {
    Submission submission;
};
struct CancelJob {
    std::string id;
};
struct MakePlan {
    archive::ArchiveRequest request;
};
struct StreamEvents {
    std::shared_ptr<const Caller> caller;
    std::string id;
};
struct StreamFeed {
    std::shared_ptr<const Caller> caller;
    std::chrono::seconds time;  // it ends after
};
struct Presign {
    archive::PresignRequest request;
    bool redirect = true;  // else the URL is the answer's body
};
using Answer =
    std::variant<HttpResponse, SubmitJob, CancelJob, MakePlan, StreamEvents, StreamFeed, Presign>;

class Routes {
  public:
    Routes(JobService& jobs, JobEngine& engine, const ApiState& state, const ApiLimits& limits)
        : jobs_(jobs),
          engine_(engine),
          state_(state),
          limits_(limits),
          version_(version_json(engine.stats())) {}

    // Unknown path, wrong method, a caller who may not, wrong media type: known before the body is.
    // Sets its route, if there is one.
    std::optional<HttpResponse> refuse(HttpRequest& head) const;
    // REQUIRES: refuse() did not.
    Answer answer(HttpRequest request);

    static HttpResponse job_response(const base::Result<JobView>& job);
    static HttpResponse download_response(const base::Result<std::string>& url, bool redirect);
    static HttpResponse plan_response(const base::Result<archive::PlanSummary>& plan);
    static std::vector<std::pair<std::string_view, std::string_view>>
    list();  // of the API: method, path

  private:
    Answer create(HttpRequest request);
    Answer plan(const HttpRequest& request);
    std::optional<JobView> find(const Caller& caller, const std::string& id) const;
    HttpResponse list_archives(const Caller& caller, const Target& target);
    HttpResponse show(const Caller& caller, const std::string& id);
    Answer events(std::shared_ptr<const Caller> caller, const std::string& id);
    Answer feed(std::shared_ptr<const Caller> caller, const Target& target);
    Answer cancel(const Caller& caller, const std::string& id);
    Answer download(const Caller& caller, const std::string& id, const Target& target);
    HttpResponse report(const Caller& caller, const std::string& id, ReportList list,
                        const Target& target);
    HttpResponse readiness() const;
    HttpResponse metrics() const;

    JobService& jobs_;
    JobEngine& engine_;
    const ApiState& state_;
    const ApiLimits& limits_;
    const std::string version_;  // strangers may ask, and the engine is busy
};

}  // namespace s3zipd
