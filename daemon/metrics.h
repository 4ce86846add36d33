// GET /metrics: everything that is counted or bounded, as Prometheus text (exposition format
// 0.0.4).
#pragma once

#include <string>

#include "archive/engine.h"
#include "daemon/api_state.h"
#include "daemon/job_service.h"

namespace s3zipd {

std::string metrics_text(const JobService& jobs, const archive::EngineStats& engine,
                         const ApiState& api, const ApiLimits& api_limits);

}  // namespace s3zipd
