// MD5, for ETags alone: no security rests on it. https://www.rfc-editor.org/rfc/rfc1321
//
// Some 600 MB/s on one core. Not thread-safe. OpenSSL has none where it is restricted to FIPS's
// algorithms: ask available() before an Md5 is made.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "s3client/response.h"

namespace s3client {

class Md5 {
  public:
    static bool available();  // cheap after the first call; thread-safe

    Md5();  // REQUIRES available()
    ~Md5();
    Md5(const Md5&) = delete;
    Md5& operator=(const Md5&) = delete;
    void update(base::ByteView bytes);
    std::string hex();  // in lower case; once, at the end

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Whether an ETag, without its quotes, has the form of an MD5: 32 hexadecimal digits. The ETag of a
// multipart upload, which has a "-", does not.
bool looks_like_md5(std::string_view etag);

// Whether the ETag of an object is opaque by the answer to its GET: it is encrypted by KMS or by
// the customer's key.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html#AmazonS3-Type-Object-ETag
bool has_opaque_etag(const ResponseHead& head);

}  // namespace s3client
