// What a bucket wants to hear with every request: who pays, whose bucket we think it is, the key of
// objects that S3 keeps no key for. Plain values.
//
// A CustomerKey is a secret, as Credentials are: it has no operator<<, and appears in no log,
// error, answer or test output.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "s3client/operation.h"
#include "s3client/request.h"

namespace s3client {

// SSE-C: S3 encrypts with it and forgets it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html).
class CustomerKey {
  public:
    // Base64 of 32 bytes, as S3 takes it. Errors: invalid "bad_customer_key", without the text.
    static base::Result<CustomerKey> parse(std::string_view base64);
    const std::string& base64() const { return base64_; }
    const std::string& md5_base64() const { return md5_; }
    bool operator==(const CustomerKey&) const = default;

  private:
    CustomerKey(std::string base64, std::string md5)
        : base64_(std::move(base64)), md5_(std::move(md5)) {}
    std::string base64_, md5_;
};

struct Access {
    bool requester_pays = false;
    std::string expected_bucket_owner{};  // 12 digits; empty: any
    std::shared_ptr<const CustomerKey> customer_key{};
    bool operator==(const Access& other) const;  // keys are compared, not where they stand
};

// In tables of buckets: the same one may stand there twice, with other access.
struct AccessedBucket {
    std::string name;
    Access access;
};

// The same for a presigned GET, which has no headers; of a customer's key it can say nothing.
std::vector<NameValue> access_query(const Access& access);
// Sets the headers that `operation` takes; a listing takes no key, an abort no key either.
void set_access(HttpRequest& request, Operation operation, const Access& access);

}  // namespace s3client
