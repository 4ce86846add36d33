// Which stores get parts of one size, and what shows that one requires them.
#include "archive/part_choice.h"

#include <gtest/gtest.h>

namespace archive {
namespace {

s3client::Endpoint endpoint(std::string_view url) { return *s3client::parse_endpoint(url); }

TEST(PartChoice, KnowsTheHostsOfR2) {
    EXPECT_TRUE(is_r2_host("0123abcd.r2.cloudflarestorage.com"));
    EXPECT_TRUE(is_r2_host("0123abcd.eu.r2.cloudflarestorage.com"));
    EXPECT_TRUE(is_r2_host("0123abcd.fedramp.r2.cloudflarestorage.com"));
    EXPECT_TRUE(is_r2_host("0123ABCD.R2.CloudflareStorage.com."));
    EXPECT_FALSE(is_r2_host("r2.cloudflarestorage.com.example.org"));
    EXPECT_FALSE(is_r2_host("r2-cloudflarestorage.com"));
    EXPECT_FALSE(is_r2_host("evilr2.cloudflarestorage.com"));
    EXPECT_FALSE(is_r2_host("s3.eu-west-1.amazonaws.com"));
    EXPECT_FALSE(is_r2_host("127.0.0.1"));
    EXPECT_FALSE(is_r2_host(""));
}

TEST(PartChoice, OptionThenSettingThenStore) {
    const auto r2 = endpoint("https://0123abcd.eu.r2.cloudflarestorage.com");
    const auto other = endpoint("http://127.0.0.1:9000");
    PartChoice choice;
    choice.configure(PartLayout::automatic, other);
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::entries);
    EXPECT_EQ(choice.layout_for(PartLayout::uniform), PartLayout::uniform);
    EXPECT_EQ(choice.chosen_by(PartLayout::automatic), "");
    EXPECT_NE(choice.chosen_by(PartLayout::entries).find("option"), std::string_view::npos);
    choice.configure(PartLayout::automatic, r2);
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::uniform);
    EXPECT_EQ(choice.layout_for(PartLayout::entries), PartLayout::entries);
    choice.configure(PartLayout::entries, r2);
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::entries);
    EXPECT_NE(choice.chosen_by(PartLayout::automatic).find("setting"), std::string_view::npos);
    choice.configure(PartLayout::uniform, other);
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::uniform);
    EXPECT_EQ(choice.layout_for(PartLayout::entries), PartLayout::entries);
}

TEST(PartChoice, RemembersWhatTheStoreRequires) {
    PartChoice choice;
    choice.configure(PartLayout::automatic, endpoint("http://127.0.0.1:9000"));
    EXPECT_TRUE(choice.learn_uniform());
    EXPECT_FALSE(choice.learn_uniform()) << "it is logged once";
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::uniform);
    EXPECT_EQ(choice.layout_for(PartLayout::entries), PartLayout::entries);
    choice.forget_uniform();
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::entries);
    choice.configure(PartLayout::automatic, endpoint("https://0123abcd.r2.cloudflarestorage.com"));
    choice.forget_uniform();
    EXPECT_EQ(choice.layout_for(PartLayout::automatic), PartLayout::uniform) << "R2 is known";
}

base::Error refusal(std::string code, std::string detail, int status = 400) {
    return {base::ErrorKind::invalid, std::move(code), std::move(detail), status, {}, "out/a.zip"};
}

TEST(PartChoice, RefusalsOfPartLengths) {
    EXPECT_TRUE(refuses_part_lengths(
        refusal("InvalidPart", "out/a.zip: All non-trailing parts must have the same length.")));
    EXPECT_TRUE(refuses_part_lengths(refusal("InvalidPart", "", 200)));
    EXPECT_TRUE(refuses_part_lengths(refusal("EntityTooSmall", "the part is too small")));
    EXPECT_TRUE(refuses_part_lengths(
        refusal("InvalidRequest", "out/a.zip: every part must be of equal size")));
    EXPECT_TRUE(
        refuses_part_lengths(refusal("InvalidArgument", "Part sizes are not uniform", 200)));
    EXPECT_FALSE(refuses_part_lengths(refusal("InvalidRequest", "out/a.zip: bad header")));
    EXPECT_FALSE(refuses_part_lengths(refusal("InvalidPartOrder", "the list is not ascending")));
    EXPECT_FALSE(
        refuses_part_lengths(refusal("SlowDown", "every part must be of equal size", 503)));
    // A key may have any words.
    base::Error named = refusal("InvalidRequest", "out/parts-of-equal-size.zip: bad header");
    named.key = "out/parts-of-equal-size.zip";
    EXPECT_FALSE(refuses_part_lengths(named));
}

}  // namespace
}  // namespace archive
