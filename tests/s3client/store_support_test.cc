#include "s3client/store_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"

namespace s3client {
namespace {

using State = StoreSupport::State;
using testing::ElementsAre;

base::Error refusal(int status, std::string code, std::string detail = {}) {
    return {base::ErrorKind::invalid, std::move(code), std::move(detail), status, {}, {}};
}

class StoreSupportTest : public testing::Test {
  protected:
    void SetUp() override { base::set_log_level(base::LogLevel::error); }
    StoreSupport store{"store.test", false};
};

TEST_F(StoreSupportTest, ARefusalThatNamesAHeaderIsBelievedAtOnce) {
    EXPECT_EQ(store.state(Feature::read_checksums), State::unknown);
    EXPECT_TRUE(store.may_use(Feature::read_checksums));
    store.refuse(Feature::read_checksums, true);
    EXPECT_FALSE(store.may_use(Feature::read_checksums));
    EXPECT_TRUE(store.may_use(Feature::write_checksums)) << "others are not concerned";
}

TEST_F(StoreSupportTest, OneThatNamesNoneMustBeSeenTwice) {
    store.refuse(Feature::write_checksums, false);
    EXPECT_TRUE(store.may_use(Feature::write_checksums));
    store.refuse(Feature::write_checksums, false);
    EXPECT_FALSE(store.may_use(Feature::write_checksums));
}

TEST_F(StoreSupportTest, WhatIsAcceptedStaysSo) {
    store.accept(Feature::if_match);
    EXPECT_EQ(store.state(Feature::if_match), State::accepted);
    store.forbid(Feature::list_attributes);
    store.accept(Feature::list_attributes);
    EXPECT_EQ(store.state(Feature::list_attributes), State::refused) << "a setting holds";
}

TEST_F(StoreSupportTest, AwsIsNeverDowngraded) {
    StoreSupport aws("s3.amazonaws.com", true);
    aws.refuse(Feature::complete_condition, true);
    EXPECT_TRUE(aws.may_use(Feature::complete_condition));
    EXPECT_TRUE(aws.enforces(Feature::complete_condition));
}

TEST_F(StoreSupportTest, ConditionsAreEnforcedOnceOneHasBeen) {
    EXPECT_FALSE(store.enforces(Feature::put_condition));
    store.note_enforced(Feature::put_condition);
    EXPECT_TRUE(store.enforces(Feature::put_condition));
    EXPECT_FALSE(store.enforces(Feature::complete_condition)) << "RGW 16 knows the one only";
    store.refuse(Feature::put_condition, true);
    EXPECT_FALSE(store.enforces(Feature::put_condition));
}

TEST_F(StoreSupportTest, TheFormsOfCompleteAreTriedInOrder) {
    constexpr CompleteForm kBoth{true, true}, kParts{true, false}, kFull{false, true}, kPlain{};
    const auto forms = [&](ChecksumMode mode, bool checked = true) {
        return store.complete_forms(mode, checked);
    };
    EXPECT_THAT(forms(ChecksumMode::full_object), ElementsAre(kBoth, kParts, kFull, kPlain));
    // Swift refuses part checksums, and repeats no algorithm.
    EXPECT_THAT(forms(ChecksumMode::full_object, false), ElementsAre(kFull, kPlain, kBoth, kParts));
    EXPECT_THAT(forms(ChecksumMode::composite), ElementsAre(kParts, kPlain));
    EXPECT_THAT(forms(ChecksumMode::none), ElementsAre(kPlain));
    store.note_complete_form(ChecksumMode::full_object, kParts);
    EXPECT_THAT(forms(ChecksumMode::full_object), ElementsAre(kParts, kBoth, kFull, kPlain));
    EXPECT_THAT(forms(ChecksumMode::composite), ElementsAre(kParts, kPlain));
}

TEST(Refusals, AreKnownByStatusAndCodeNotByWording) {
    EXPECT_TRUE(may_be_refusal(refusal(501, "NotImplemented")));
    EXPECT_TRUE(may_be_refusal(refusal(400, "NotImplemented", "whatever")));
    EXPECT_TRUE(may_be_refusal(refusal(400, "InvalidArgument", "Unsupported header")));
    EXPECT_TRUE(may_be_refusal(refusal(403, "SignatureDoesNotMatch", "Invalid argument.")));
    EXPECT_TRUE(may_be_refusal(refusal(400, "AWordOfTheirOwn")));
    EXPECT_TRUE(may_be_refusal(refusal(403, "Forbidden")));  // a HEAD has no more to say
    EXPECT_FALSE(may_be_refusal(refusal(404, "NoSuchKey")));
    EXPECT_FALSE(may_be_refusal(refusal(412, "PreconditionFailed")));
    EXPECT_FALSE(may_be_refusal(refusal(500, "InternalError")));
    EXPECT_FALSE(may_be_refusal(refusal(0, "connection_closed")));
    EXPECT_FALSE(may_be_refusal(refusal(403, "AccessDenied")));
    EXPECT_FALSE(may_be_refusal(refusal(400, "EntityTooSmall")));
}

// Bytes that are not what their checksum says must never be sent again without one.
TEST(Refusals, DamageIsNone) {
    EXPECT_FALSE(may_be_refusal(refusal(400, "BadDigest")));
    EXPECT_FALSE(may_be_refusal(refusal(400, "XAmzContentChecksumMismatch")));
    EXPECT_FALSE(may_be_refusal(
        refusal(400, "InvalidRequest", "The checksum did not match what was computed")));
    EXPECT_FALSE(may_be_refusal(refusal(400, "InvalidRequest", "Checksum mismatch")));
}

TEST(Refusals, NameHeaders) {
    const auto b2 = refusal(400, "InvalidArgument", "Unsupported header 'x-amz-checksum-mode'");
    EXPECT_TRUE(names(b2, Feature::read_checksums));
    EXPECT_FALSE(names(b2, Feature::if_match));
    EXPECT_FALSE(names(b2, Feature::complete_condition));
    EXPECT_TRUE(names(refusal(501, "NotImplemented", "If-None-Match is not supported"),
                      Feature::put_condition));
    EXPECT_FALSE(
        names(refusal(501, "NotImplemented", "A header you provided"), Feature::write_checksums));
}

TEST(Refusals, HeadersAreDropped) {
    HttpRequest request;
    request.set_header("x-amz-checksum-mode", "ENABLED");
    request.set_header("if-match", "\"e\"");
    EXPECT_TRUE(carries(Feature::read_checksums, request));
    drop(Feature::read_checksums, request);
    EXPECT_FALSE(carries(Feature::read_checksums, request));
    EXPECT_TRUE(carries(Feature::if_match, request));
}

}  // namespace
}  // namespace s3client
