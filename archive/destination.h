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
// Fails if the key exists and must not be overwritten. Asked before a byte moves, and again right
// before the write where the store may not enforce If-None-Match.
io::Task<base::Status> check_destination(s3client::S3Client& client, Destination destination,
                                         s3client::CallContext context, std::string job_id = {});

// Aborts an upload to which nothing of ours is under way any more, and looks whether it is gone: a
// part that was under way may land after an abort, which then has to be done again. Tried even when
// the job was cancelled, and even when S3 is unwell; but for 20 s at most. A failure is logged.
// Errors: transient "upload_still_there" if it outlived the last abort, else those of the calls.
io::Task<base::Status> abort_upload(s3client::S3Client& client, s3client::UploadTarget upload,
                                    s3client::CallContext context);

// precondition "destination_exists".
base::Error destination_exists(const Destination& destination);

// The object at the destination if this job wrote it: it has the archive's size, the mark of the
// job, and the CRC-32 where the store has one. Without a CRC-32 the mark decides, without a job_id
// the CRC-32. For a job that may have ended just before a crash. Nullopt if there is no such
// object, or if S3 denies it, as it does for missing keys without the right to list.
io::Task<base::Result<std::optional<s3client::ObjectHead>>> find_finished(
    s3client::S3Client& client, Destination destination, std::string job_id, std::uint64_t size,
    std::optional<std::uint32_t> crc32, s3client::CallContext context);

}  // namespace archive
