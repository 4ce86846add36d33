// Asks S3 for explicit objects side by side, and adds them to a selection in the order given. One
// per job, on one reactor; what it refers to must outlive it.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "archive/manifest_lines.h"
#include "archive/selection.h"
#include "s3client/client.h"

namespace archive {

// A HEAD that decides what becomes of an object without reading it: one that is missing, or empty.
// Nothing in the answer to a HEAD names its object, so such an answer counts only if several agree,
// each over a connection of its own. Errors: corrupt "wrong_answer" if they do not.
io::Task<base::Result<s3client::ObjectHead>> head_surely(s3client::S3Client& client,
                                                         s3client::ObjectVersion object,
                                                         s3client::CallContext context);

class ObjectLookup {
  public:
    static constexpr std::size_t kWindow = 64;  // HEADs under way

    ObjectLookup(Selection& selection, s3client::S3Client& client, io::Reactor& reactor,
                 s3client::CallContext context)
        : selection_(selection), client_(client), reactor_(reactor), context_(context) {}

    // Of one source. Both must stay until it returns. Holds all their answers at once.
    io::Task<base::Status> add(std::span<const WantedObject> objects,
                               const s3client::Access& access);

  private:
    using Head = base::Result<s3client::ObjectHead>;

    io::Task<void> ask_some();
    io::Task<base::Status> check_buckets();
    base::Status add_one(const WantedObject& object, const Head& head);

    Selection& selection_;
    s3client::S3Client& client_;
    io::Reactor& reactor_;
    s3client::CallContext context_;
    std::span<const WantedObject> objects_;
    std::vector<Head> heads_;
    std::size_t next_ = 0;
    bool failed_ = false;
    std::set<std::string, std::less<>> buckets_;  // that are there
};

}  // namespace archive
