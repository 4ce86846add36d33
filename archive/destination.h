// What the destination of a job becomes in requests: the headers of the object to be, and whether
// it may be written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/request.h"
#include "archive/shard.h"
#include "s3client/client.h"

namespace archive {

// For PutObject and CreateMultipartUpload: content type, metadata, tags, class, encryption, and the
// mark by which we know our own work again (none without a job_id).
std::vector<s3client::NameValue> object_headers(const Destination& destination,
                                                const std::string& job_id = {});
// An encryption context as KMS takes it: JSON.
std::string kms_context(const std::map<std::string, std::string>& context);
// For PutObject and CompleteMultipartUpload: If-None-Match unless it may overwrite.
std::vector<s3client::NameValue> condition_headers(const Destination& destination);

// Fails if the key exists and must not be overwritten; early, before a byte moves. The condition
// headers decide later.
io::Task<base::Status> check_destination(s3client::S3Client& client, Destination destination,
                                         s3client::CallContext context, std::string job_id = {});

// Aborts an upload to which nothing of ours is under way any more, and looks whether it is gone: a
// part that was under way may land after an abort, which then has to be done again. Tried even when
// the job was cancelled, and even when S3 is unwell; but for 20 s at most. A failure is logged.
// Errors: transient "upload_still_there" if it outlived the last abort, else those of the calls.
io::Task<base::Status> abort_upload(s3client::S3Client& client, s3client::UploadTarget upload,
                                    s3client::CallContext context);

// The end of a write whose answer is an error: it may be the echo of an attempt that succeeded and
// whose answer was lost. If the object that stands there is ours, so is its success; else the error
// stands. Ours has our size, the mark of our job, and our CRC-32 where the store tells one; without
// a job_id the CRC-32 alone.
io::Task<base::Result<s3client::WrittenObject>> settle_write(
    s3client::S3Client& client, Destination destination,
    base::Result<s3client::WrittenObject> written, std::uint64_t size, std::uint32_t crc32,
    s3client::CallContext context, std::string job_id = {});

// What stands at the destination if it is ours, by the same rule; without a CRC-32 the mark alone
// decides. For a job that may have ended just before a crash. Nothing of ours: nullopt, also where
// it is denied, as a missing key is to who may not list.
io::Task<base::Result<std::optional<s3client::ObjectHead>>> find_finished(
    s3client::S3Client& client, Destination destination, std::string job_id, std::uint64_t size,
    std::optional<std::uint32_t> crc32, s3client::CallContext context);

}  // namespace archive
