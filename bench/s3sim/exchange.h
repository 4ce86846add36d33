// One request in flight: the request, the decisions about it so far, and its body as it arrives.
// Belongs to its connection; only one thread at a time uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "s3sim/aws_chunked.h"
#include "s3sim/body.h"
#include "s3sim/checksum.h"
#include "s3sim/errors.h"
#include "s3sim/faults.h"
#include "s3sim/http.h"
#include "s3sim/operation.h"
#include "s3sim/store.h"

namespace s3sim {

struct Exchange {
    Request request;
    Operation operation = Operation::Unknown;
    std::string request_id;
    std::optional<Refusal>
        refusal;  // decided by begin(): the body is discarded, then this is the answer
    std::optional<Fault> fault;

    std::shared_ptr<Bucket> bucket;
    UploadRef upload;

    std::unique_ptr<BodyWriter> writer;  // where the body goes
    std::uint64_t received = 0;          // bytes of data
    std::uint32_t crc32 = 0;             // of what was received
    std::string payload_hash;            // as signed
    std::unique_ptr<AwsChunks> chunks;   // the body is aws-chunked
    std::optional<Digest> sha256;        // present if somebody will compare it
    std::optional<Digest> md5;
    std::string sha256_raw, md5_raw;  // what they came to
    Stored stored;
    std::string promised_etag;      // an early answer gave it, so what is stored has it
    std::shared_ptr<void> writing;  // while it lasts, the key counts as being written
};

// The body as it arrives: data for the digests and the writer, or aws-chunked framing around it.
// `in_window`: the bytes are where the writer's window was. `scratch`: for writers without memory
// of their own; the bytes may be in it. Trouble becomes the exchange's refusal.
void take_bytes(Exchange& exchange, base::ByteView bytes, bool in_window, base::Bytes scratch);
void take_chunks(Exchange& exchange, base::ByteView bytes, base::Bytes scratch);

std::string document_of(const Exchange& exchange);  // an XML body, whole

}  // namespace s3sim
