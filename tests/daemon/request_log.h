// A RequestLog is what S3 has seen of a daemon that lives several times: every request of an upload
// or of an archive, as it came and as it was executed, in one order, with the life it belongs to.
//
// All members are thread-safe; what seen() returns is a moment's view while the server runs.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "s3sim/watch.h"

namespace s3zipd {

struct SeenRequest {
    using Moment = s3sim::WatchedRequest::Moment;
    Moment moment = Moment::arrived;
    std::string operation{}, key{}, upload_id{};
    int part_number = 0;
    int status = 0;
    unsigned life = 0;      // from 1
    bool in_doubt = false;  // may be one of the life before, on its way still as it died

    bool done(std::string_view what) const {
        return moment == Moment::executed && operation == what && status / 100 == 2;
    }
    bool came(std::string_view what) const {
        return moment == Moment::arrived && operation == what;
    }
    std::string to_string() const;
};

class RequestLog {
  public:
    void begin_life(bool quiet);  // quiet: nothing of the life before is on its way
    void life_is_up();            // so by now there is nothing of it in any case
    void add(const s3sim::WatchedRequest& request);
    std::vector<SeenRequest> seen() const;

  private:
    mutable std::mutex mutex_;
    unsigned life_ = 0;
    bool quiet_ = true;
    std::vector<SeenRequest> seen_;
};

// What was broken of the promises about uploads, one line each:
//   - a part that S3 had when a life asked for the parts of its upload is not sent again in it;
//   - parts of an upload of a former life are sent only after its parts were asked for;
//   - of the uploads to one key, parts are sent to one at most;
//   - one upload at most is completed for a key, and nothing put there besides.
std::vector<std::string> broken_upload_promises(const std::vector<SeenRequest>& seen);

// Whether anybody but who opened it ever named this upload: only then it is known to be there.
bool was_known(const std::vector<SeenRequest>& seen, const std::string& upload_id);

// How often a key was written: by PutObject, and by CompleteMultipartUpload.
struct Written {
    unsigned puts = 0, completes = 0;
};
Written written_to(const std::vector<SeenRequest>& seen, const std::string& key);

}  // namespace s3zipd
