// Tells a test what is being asked for, at the moment itself: for those that pull a plug just when
// a request of some kind has come, or has been executed and not been answered yet.
//
// Called on the server's threads, several at once, and the request waits for it: it must be
// thread-safe, quick, and not call the server. Texts are valid during the call only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace s3sim {

struct WatchedRequest {
    enum class Moment : std::uint8_t {
        arrived,   // the head is read, nothing more
        executed,  // what it changes is changed, nothing has been answered
    };
    Moment moment = Moment::arrived;
    std::string_view operation, bucket, key;
    std::string_view upload_id;  // of what concerns one; of CreateMultipartUpload once executed
    int part_number = 0;         // of UploadPart
    int status = 0;              // once executed; damage may yet lose or change the answer
};

using Watch = std::function<void(const WatchedRequest&)>;

// A request as Server::requests() returns it.
struct RecordedRequest {
    std::string operation, bucket, key;
    std::map<std::string, std::string> headers;  // names in lower case
};

}  // namespace s3sim
