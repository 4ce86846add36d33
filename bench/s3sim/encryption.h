// Server-side encryption as S3 judges it: which requests may choose it, which must bring the
// customer's key, and whether that is the right one. Pure.
//
// Bytes are stored as they came. What is kept of an encryption stands among an object's headers,
// and is what HEAD shows: x-amz-server-side-encryption, ...-aws-kms-key-id,
// ...-bucket-key-enabled, ...-customer-algorithm and ...-customer-key-md5. A key never is.
#pragma once

#include <string>

#include "s3sim/bucket.h"
#include "s3sim/http.h"
#include "s3sim/operation.h"
#include "s3sim/store.h"

namespace s3sim {

// For PutObject, CopyObject and CreateMultipartUpload: what the object will say of itself.
Answered<HeaderList> chosen_encryption(const Request& request);
// For all others: refuses a choice, and a customer's key where S3 takes none.
Answered<void> check_encryption_headers(const Request& request, Operation operation);

// The key that the request brings must be the object's; none for an object that has none.
Answered<void> check_object_key(const Request& request, const Object& object);
// The same of the source of a copy, whose headers have names of their own.
Answered<void> check_source_key(const Request& request, const Object& object);
// Of what is done to an upload. Complete and ListParts need the key only for its checksums.
Answered<void> check_upload_key(const Request& request, const Upload& upload, Operation operation);

bool uses_kms(const Object& object);
// Of an object that KMS or the customer's key encrypts, the ETag is no MD5 of what is in it, and
// differs with each write.
bool has_opaque_etag(const Object& object);
std::string opaque_etag();

}  // namespace s3sim
