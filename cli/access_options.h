// The flags of create, plan and verify that say how buckets are accessed, and what S3 shall make of
// the archive. A customer's key comes from a file: an argument can be read by everybody on the
// machine.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
}

namespace cli {

struct AccessWords {
    bool requester_pays = false;
    std::string owner, key_file;
};

// Those of create and plan.
struct StoreWords {
    AccessWords sources, output;
    std::vector<std::string> tags, metadata, sse_context;  // NAME=VALUE
    std::string sse_bucket_key, checksums, part_layout, verify_sources;
};

void add_store_options(CLI::App& app, Arguments& a, StoreWords& words);
void add_access_options(CLI::App& app, AccessWords& words);  // of verify

// Read the key files. Errors name the flag, and tell nothing of what a key file holds.
base::Status understand(const StoreWords& words, Arguments& a);
base::Status understand(const AccessWords& words, s3client::Access& access);

}  // namespace cli
