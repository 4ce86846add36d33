// What an S3Client is made of: where S3 is, who signs, and its limits. Plain data, one for all
// clients of an engine; what it points to outlives them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "io/tls.h"
#include "s3client/credentials/credentials.h"
#include "s3client/endpoint.h"
#include "s3client/proxy.h"
#include "s3client/retry.h"
#include "s3client/store_support.h"
#include "s3client/traffic/admission.h"

namespace s3client {

struct ClientConfig {
    Endpoint endpoint;
    Addressing addressing = Addressing::automatic;
    std::string region = "us-east-1";
    std::shared_ptr<CredentialsProvider> credentials;
    std::shared_ptr<io::TlsContext> tls;
    std::shared_ptr<const ProxyRules> proxies;  // none: S3 is connected to directly
    unsigned connections_max = 128;
    TrafficBudgets budgets;  // of each client
    RetryOptions retry;
    // Whether Create, UploadPart, PutObject and Complete carry x-amz-checksum-*, and whether reads
    // ask for it (x-amz-checksum-mode), where the store takes them.
    bool send_checksums = true, ask_checksums = true;
    bool hedge_uploads = true;     // a part that is late may be sent a second time
    bool answered_before = false;  // the endpoint has, to an earlier client
    base::Duration idle_timeout = std::chrono::seconds(60);   // of a wait, without a byte
    base::Duration stall_timeout = std::chrono::seconds(90);  // of a call, without progress
    base::Duration call_timeout = std::chrono::minutes(5);  // all attempts of a small call together
    // Shared by the clients of one endpoint; none: the client makes its own.
    std::shared_ptr<StoreSupport> support;
    // Called on the reactor when S3 has said that a bucket is elsewhere; may be empty.
    std::function<void(const std::string& bucket, const std::string& region)> on_region;
};

}  // namespace s3client
