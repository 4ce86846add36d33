// Who pays for requests, whose a bucket is; and the record of requests, with which tests see who
// said so.
#include <array>

#include "client.h"

namespace s3sim::test {
namespace {

const std::string kPayer = "x-amz-request-payer", kOwner = "x-amz-expected-bucket-owner";

class BucketAccessTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.buckets = {"paid", "theirs"};
        options.requester_pays = {"paid"};
        options.bucket_owners = {{"theirs", "999999999999"}};
        options.record_requests = true;
        start(options);
    }
};

TEST_F(BucketAccessTest, WhoDoesNotOfferToPayIsRefused) {
    const auto all = [&](const Headers& headers) {
        std::vector<int> statuses;
        for (const auto& [method, path, query, body] :
             std::vector<std::array<std::string, 4>>{{"PUT", "/paid/k", "", "x"},
                                                     {"GET", "/paid/k", "", ""},
                                                     {"HEAD", "/paid/k", "", ""},
                                                     {"GET", "/paid", "list-type=2", ""},
                                                     {"POST", "/paid/u", "uploads=", ""}}) {
            statuses.push_back(client->call(method, path, query, body, headers).status);
        }
        return statuses;
    };
    EXPECT_EQ(all({}), std::vector<int>(5, 403));
    EXPECT_EQ(all({{kPayer, "requester"}}), std::vector<int>(5, 200));
    EXPECT_EQ(client->call("GET", "/paid", "list-type=2", {}, {{kPayer, "me"}}).code(),
              "InvalidArgument");
    EXPECT_EQ(client->call("PUT", "/bkt/k", {}, "x", {{kPayer, "requester"}}).status, 200)
        << "nobody minds an offer";
}

TEST_F(BucketAccessTest, TheOwnerMustBeTheExpectedOne) {
    const auto list = [&](const std::string& bucket, const std::string& owner) {
        return client->call("GET", "/" + bucket, "list-type=2", {}, {{kOwner, owner}});
    };
    EXPECT_EQ(list("bkt", "123456789012").status, 200);
    EXPECT_EQ(list("bkt", "999999999999").code(), "AccessDenied");
    EXPECT_EQ(list("theirs", "999999999999").status, 200);
    EXPECT_EQ(list("theirs", "123456789012").status, 403);
    EXPECT_EQ(list("bkt", "12345").code(), "InvalidBucketOwnerAWSAccountID");
}

TEST_F(BucketAccessTest, BothMayStandInTheQuery) {
    EXPECT_EQ(client->call("GET", "/paid", "list-type=2&x-amz-request-payer=requester").status,
              200);
    EXPECT_EQ(
        client->call("GET", "/bkt", "list-type=2&x-amz-expected-bucket-owner=999999999999").status,
        403);
}

TEST_F(BucketAccessTest, RequestsAreRecordedWithTheirHeaders) {
    client->call("PUT", "/bkt/a%20b", {}, "x", {{kPayer, "requester"}});
    client->call("GET", "/bkt", "list-type=2");
    const auto requests = server->requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[0].operation, "PutObject");
    EXPECT_EQ(requests[0].bucket, "bkt");
    EXPECT_EQ(requests[0].key, "a b");
    EXPECT_EQ(requests[0].headers.at(kPayer), "requester");
    EXPECT_EQ(requests[1].operation, "ListObjectsV2");
    EXPECT_FALSE(requests[1].headers.contains(kPayer));
    server->reset_stats();
    EXPECT_TRUE(server->requests().empty());
}

}  // namespace
}  // namespace s3sim::test
