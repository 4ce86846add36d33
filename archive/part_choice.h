// Whether the parts of a job are cut at the ends of entries or to one size (archive/part_layout.h).
//
// Chosen by the job's option, else by the engine's setting, else by the store: Cloudflare R2
// requires one size (https://developers.cloudflare.com/r2/objects/multipart-objects/), other stores
// show it by refusing an upload. One object per engine, since an engine has one endpoint.
// Thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "archive/part_layout.h"
#include "base/error.h"
#include "s3client/endpoint.h"

namespace archive {

// Whether the host is an endpoint of R2: ACCOUNT[.JURISDICTION].r2.cloudflarestorage.com.
bool is_r2_host(std::string_view host);

// Whether a store refuses an upload for the lengths of its parts. Errors about a part that is not
// what was sent must have been excluded before (finisher.cc): they have the same code.
bool refuses_part_lengths(const base::Error& error);

class PartChoice {
  public:
    PartChoice() = default;
    // Before the first job.
    void configure(PartLayout setting, const s3client::Endpoint& endpoint);

    // entries or uniform.
    PartLayout layout_for(PartLayout option) const;
    // The option or setting that has chosen the layout, for texts; "" if there is none.
    std::string_view chosen_by(PartLayout option) const;
    const std::string& endpoint() const { return endpoint_; }  // its URL

    // The store has refused parts of different lengths: jobs without a chosen layout use uniform
    // parts from now on. Returns whether this is new.
    bool learn_uniform() { return !uniform_.exchange(true); }
    // It has refused uniform parts, too: the lengths were not the reason.
    void forget_uniform() { uniform_ = is_r2_; }

  private:
    PartLayout setting_ = PartLayout::automatic;
    std::string endpoint_;
    bool is_r2_ = false;
    std::atomic<bool> uniform_{false};
};

}  // namespace archive
