#include "base/packed.h"

#include <gtest/gtest.h>
#include <limits>

#include "base/random.h"

namespace base {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Packed, ReadsWhatWasWritten) {
    PackedWriter writer;
    for (int shift = 0; shift < 64; ++shift) {
        for (const std::uint64_t near : {-1, 0, 1}) writer.number((1ULL << shift) + near);
    }
    writer.number(kMax);
    for (const std::int64_t value :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{64},
          std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
        writer.signed_number(value);
    writer.word(0xDEADBEEF);
    writer.text("");
    writer.text(std::string_view("a\0b", 3));
    writer.byte(7);
    const std::string bytes = writer.take();
    EXPECT_EQ(writer.size(), 0u);

    PackedReader reader(bytes);
    for (int shift = 0; shift < 64; ++shift) {
        for (const std::uint64_t near : {-1, 0, 1})
            EXPECT_EQ(reader.number(), (1ULL << shift) + near);
    }
    EXPECT_EQ(reader.number(), kMax);
    EXPECT_EQ(reader.signed_number(), 0);
    EXPECT_EQ(reader.signed_number(), -1);
    EXPECT_EQ(reader.signed_number(), 64);
    EXPECT_EQ(reader.signed_number(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(reader.signed_number(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(reader.word(), 0xDEADBEEF);
    EXPECT_EQ(reader.text(), "");
    EXPECT_EQ(reader.text(), std::string_view("a\0b", 3));
    EXPECT_FALSE(reader.at_end());
    EXPECT_EQ(reader.byte(), 7);
    EXPECT_TRUE(reader.at_end());
}

TEST(Packed, WhatIsCutShortIsNotOk) {
    PackedWriter writer;
    writer.number(300);
    writer.word(1);
    writer.text("hello");
    const std::string bytes = writer.take();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        PackedReader reader(std::string_view(bytes).substr(0, size));
        reader.number();
        reader.word();
        EXPECT_NE(reader.text(), "hello");
        EXPECT_FALSE(reader.ok());
        EXPECT_FALSE(reader.at_end());
        EXPECT_EQ(reader.number(), 0u);  // and stays so
        EXPECT_EQ(reader.left(), 0u);
    }
}

TEST(Packed, NumbersTooLongAreNotOk) {
    PackedReader eleven(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11));
    eleven.number();
    EXPECT_FALSE(eleven.ok());
    PackedReader too_large(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10));
    too_large.number();
    EXPECT_FALSE(too_large.ok());
    PackedReader text(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01zz", 12));
    EXPECT_EQ(text.text(), "");
    EXPECT_FALSE(text.ok());
}

TEST(Packed, AnyBytesAreReadSafely) {
    Random random(1);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(random.below(24), '\0');
        for (char& c : bytes) c = static_cast<char>(random.next());
        PackedReader reader(bytes);
        for (int i = 0; i < 30; ++i) {
            switch (random.below(4)) {
                case 0: reader.number(); break;
                case 1: reader.signed_number(); break;
                case 2: reader.word(); break;
                default: EXPECT_LE(reader.text().size(), bytes.size());
            }
        }
        EXPECT_FALSE(reader.ok());
    }
}

}  // namespace
}  // namespace base
