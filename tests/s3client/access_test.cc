// Which operations a bucket's access goes with, and what a customer's key is.
#include "s3client/access.h"

#include <gmock/gmock.h>

#include "base/encoding.h"

namespace s3client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string kKey = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";  // 32 times 'a'

Access with_key(const std::string& key = kKey) {
    return {.customer_key = std::make_shared<const CustomerKey>(*CustomerKey::parse(key))};
}

std::vector<std::string> header_names(Operation operation, const Access& access) {
    HttpRequest request;
    set_access(request, operation, access);
    std::vector<std::string> names;
    for (const auto& [name, value] : request.headers) names.push_back(name);
    return names;
}

TEST(CustomerKey, KnowsItsMd5) {
    const auto key = CustomerKey::parse(kKey);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->base64(), kKey);
    EXPECT_EQ(key->md5_base64(), "Xsqb0+sHwAbNQ65I395/0w==");
}

TEST(CustomerKey, IsBase64Of32Bytes) {
    for (const std::string& text :
         {std::string(), std::string("abc"), kKey + "=", kKey.substr(0, 43),
          base::base64(base::as_bytes(std::string(31, 'a'))),
          base::base64(base::as_bytes(std::string(33, 'a')))}) {
        const auto key = CustomerKey::parse(text);
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, "bad_customer_key");
        EXPECT_TRUE(text.empty() || !key.error().to_string().contains(text));
    }
}

TEST(Access, KeysAreComparedByWhatTheyAre) {
    EXPECT_EQ(Access{}, Access{});
    EXPECT_EQ(with_key(), with_key());
    EXPECT_FALSE(with_key() == Access{});
    EXPECT_FALSE(with_key() == with_key(base::base64(base::as_bytes(std::string(32, 'b')))));
    EXPECT_FALSE(Access{.requester_pays = true} == Access{});
    EXPECT_FALSE(Access{.expected_bucket_owner = "123456789012"} == Access{});
}

TEST(Access, PayerAndOwnerGoWithEveryCall) {
    const Access access{.requester_pays = true, .expected_bucket_owner = "123456789012"};
    for (std::size_t i = 0; i < kOperationCount; ++i) {
        EXPECT_THAT(header_names(static_cast<Operation>(i), access),
                    ElementsAre("x-amz-request-payer", "x-amz-expected-bucket-owner"))
            << to_string(static_cast<Operation>(i));
        EXPECT_THAT(header_names(static_cast<Operation>(i), {}), IsEmpty());
    }
    EXPECT_THAT(access_query(access),
                ElementsAre(Pair("x-amz-request-payer", "requester"),
                            Pair("x-amz-expected-bucket-owner", "123456789012")));
}

TEST(Access, AKeyGoesWithWhatReadsOrWritesAnObject) {
    for (std::size_t i = 0; i < kOperationCount; ++i) {
        const auto operation = static_cast<Operation>(i);
        const bool takes = operation != Operation::list_objects &&
                           operation != Operation::list_multipart_uploads &&
                           operation != Operation::abort_multipart_upload;
        EXPECT_EQ(header_names(operation, with_key()).size(), takes ? 3U : 0U)
            << to_string(operation);
    }
    EXPECT_THAT(access_query(with_key()), IsEmpty());
    HttpRequest request;
    set_access(request, Operation::get_object, with_key());
    const std::string prefix = "x-amz-server-side-encryption-customer-";
    EXPECT_THAT(request.headers,
                ElementsAre(Pair(prefix + "algorithm", "AES256"), Pair(prefix + "key", kKey),
                            Pair(prefix + "key-md5", "Xsqb0+sHwAbNQ65I395/0w==")));
}

}  // namespace
}  // namespace s3client
