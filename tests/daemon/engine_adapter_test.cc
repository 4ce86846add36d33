// Settings of the daemon become the engine's.
#include "daemon/engine_adapter.h"

#include <gtest/gtest.h>

namespace s3zipd {
namespace {

TEST(EngineAdapter, EveryWordOfTheSwitches) {
    config::Settings settings;
    archive::EngineConfig made = engine_config(settings);
    EXPECT_EQ(made.conditional_writes, archive::Use::automatic);
    EXPECT_EQ(made.hedged_uploads, archive::Use::automatic);
    EXPECT_EQ(made.part_layout, archive::PartLayout::automatic);
    EXPECT_FALSE(made.no_sign_request);
    EXPECT_FALSE(made.checksums.has_value());

    settings.conditional_writes = config::Use::always;
    settings.hedged_uploads = config::Use::never;
    settings.part_layout = config::PartLayout::entries;
    settings.no_sign_request = true;
    settings.checksums = config::ChecksumUse::when_supported;
    made = engine_config(settings);
    EXPECT_EQ(made.conditional_writes, archive::Use::always);
    EXPECT_EQ(made.hedged_uploads, archive::Use::never);
    EXPECT_EQ(made.part_layout, archive::PartLayout::entries);
    EXPECT_TRUE(made.no_sign_request);
    EXPECT_EQ(made.checksums, s3client::ChecksumUse::when_supported);

    settings.conditional_writes = config::Use::never;
    settings.hedged_uploads = config::Use::always;
    settings.part_layout = config::PartLayout::uniform;
    settings.checksums = config::ChecksumUse::when_required;
    made = engine_config(settings);
    EXPECT_EQ(made.conditional_writes, archive::Use::never);
    EXPECT_EQ(made.hedged_uploads, archive::Use::always);
    EXPECT_EQ(made.part_layout, archive::PartLayout::uniform);
    EXPECT_EQ(made.checksums, s3client::ChecksumUse::when_required);
}

}  // namespace
}  // namespace s3zipd
