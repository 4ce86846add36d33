#include "cli/json_verify.h"

#include <gtest/gtest.h>

#include "zip/entry.h"

namespace {

using namespace cli;

TEST(VerifyJson, OfAGoodArchive) {
    archive::VerifyReport report;
    report.archive_size = 22;
    report.bytes_read = 44;
    report.crc32 = 0xABCDEF;
    report.compared_with = {archive::CrcWitness::request, archive::CrcWitness::s3};
    report.duration_ms = 7;
    EXPECT_EQ(verify_json("x.zip", report),
              R"({"target":"x.zip","ok":true,"archive_size":22,"entries":0,"bytes_read":44,)"
              R"("crc32":"00abcdef","compared_with":["request","s3"],"findings":[],)"
              R"("findings_total":0,"duration_ms":7})");
}

TEST(VerifyJson, OfABadOne) {
    archive::VerifyReport report;
    report.findings = {{0, "", "a gap"}, {7, "a\"b", "CRC-32 differs"}};
    report.findings_total = 1002;
    EXPECT_EQ(verify_json("x.zip", report),
              R"({"target":"x.zip","ok":false,"archive_size":0,"entries":0,"bytes_read":0,)"
              R"("crc32":null,"compared_with":[],"findings":[)"
              R"({"offset":0,"entry":null,"what":"a gap"},)"
              R"({"offset":7,"entry":"a\"b","what":"CRC-32 differs"}],)"
              R"("findings_total":1002,"duration_ms":0})");
}

TEST(VerifyJson, IsUtf8WhateverTheNamesAre) {
    archive::VerifyReport report;
    report.findings = {{0, "caf\xE9", "\xFF\xC3\x28"}, {1, "\xE2\x82", "\xED\xA0\x80"}};
    const std::string text = verify_json("\x80.zip", report);
    EXPECT_TRUE(zip::is_valid_utf8(text)) << text;
    EXPECT_NE(text.find("\"caf\xEF\xBF\xBD\""), std::string::npos) << text;
    EXPECT_NE(text.find("\xEF\xBF\xBD.zip"), std::string::npos) << text;
}

}  // namespace
