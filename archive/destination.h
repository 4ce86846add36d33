// What the destination of a job becomes in requests: the headers of the object to be, and whether
// it may be written.
#pragma once

#include <string>
#include <vector>

#include "archive/request.h"
#include "archive/shard.h"
#include "s3client/client.h"

namespace archive {

// For PutObject and CreateMultipartUpload: content type, metadata, tags, class, encryption.
std::vector<s3client::NameValue> object_headers(const Destination& destination);
// An encryption context as KMS takes it: JSON.
std::string kms_context(const std::map<std::string, std::string>& context);
// For PutObject and CompleteMultipartUpload: If-None-Match unless it may overwrite.
std::vector<s3client::NameValue> condition_headers(const Destination& destination);

// Fails if the key exists and must not be overwritten; early, before a byte moves. The condition
// headers decide later.
io::Task<base::Status> check_destination(s3client::S3Client& client, Destination destination,
                                         s3client::CallContext context);

// Aborts an upload to which nothing of ours is under way any more. Tried even when the job was
// cancelled, and even when S3 is unwell; but not for ever. A failure is logged.
io::Task<void> abort_upload(s3client::S3Client& client, s3client::UploadTarget upload,
                            s3client::CallContext context);

// The end of a write whose answer is an error: it may be the echo of an attempt that succeeded and
// whose answer was lost. If the object that stands there has our size and our CRC-32, it is ours;
// else the error stands.
io::Task<base::Result<s3client::WrittenObject>> settle_write(
    s3client::S3Client& client, Destination destination,
    base::Result<s3client::WrittenObject> written, std::uint64_t size, std::uint32_t crc32,
    s3client::CallContext context);

}  // namespace archive
