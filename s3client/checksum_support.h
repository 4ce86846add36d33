// Whether a store checks the checksums we send. Found out from its answers, remembered for its
// endpoint, said in the log once.
//
// S3 repeats x-amz-checksum-* in its answers. Stores that do not know the headers pass over them
// (Ceph RGW before 19, Swift), and repeat nothing; some refuse requests that carry them. Not
// thread-safe: one for each client.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "s3client/request.h"

namespace s3client {

enum class Checking : std::uint8_t { unknown, checked, ignored, refused };

class ChecksumSupport {
  public:
    Checking state() const { return state_; }
    // What one answer showed. A store that has refused them is not asked again.
    void learn(Checking seen, const std::string& endpoint);

  private:
    Checking state_ = Checking::unknown;
};

// The error of a store that takes no checksum headers at all.
bool refuses_checksums(const base::Error& error);
void drop_checksums(HttpRequest& request);

}  // namespace s3client
