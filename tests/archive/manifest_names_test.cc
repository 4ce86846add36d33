// The pure half of planning: what becomes of objects once they are known. Their order, their names,
// what is reported of them, the list of missing ones.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <malloc.h>
#include <algorithm>
#include <iostream>

#include "archive/manifest.h"
#include "archive/missing_list.h"
#include "board_fixture.h"

namespace archive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Given {
    std::string key = {};
    std::uint64_t size = 1;
    std::string name = {};  // explicit
    std::string bucket = "src";
    std::int64_t time = 1'700'000'000;
};

class ManifestNames : public testing::Test {
  protected:
    using Made = base::Result<std::shared_ptr<const Manifest>>;

    Made make(const std::vector<Given>& objects, const std::vector<std::string>& missing = {}) {
        Selection selection(request);
        for (const std::string& key : missing) EXPECT_TRUE(selection.add_missing("src", key));
        for (const Given& o : objects) {
            FoundObject found;
            found.key = o.key;
            found.size = o.size;
            found.last_modified_s = o.time;
            EXPECT_TRUE(selection.add(o.bucket, found, o.name));
        }
        return Manifest::make(std::move(selection), request);
    }
    std::vector<std::string> names(const std::vector<Given>& objects) {
        const Made made = make(objects);
        if (!made) return {"error: " + made.error().code};
        std::vector<std::string> all;
        for (std::uint64_t i = 0; i < (*made)->count(); ++i)
            all.emplace_back((*made)->entry(i).name);
        return all;
    }
    static std::vector<std::string> renames(const Made& made) {
        std::vector<std::string> all;
        for (const RenamedObject& r : (*made)->report()->renamed())
            all.push_back(fmt::format("{}/{} -> {} ({})", r.bucket, r.key, r.name, r.reason));
        return all;
    }

    ArchiveRequest request = test::empty_request();
};

TEST_F(ManifestNames, EveryRenameIsReportedWithItsReason) {
    request.options.on_duplicate = OnDuplicate::rename;
    const Made made = make({{"a/b"}, {"/a/c"}, {"nul"}, {"a/B"}, {"x", 1, "A/../y"}, {"d/", 0}});
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_THAT(renames(made),
                ElementsAre("src//a/c -> a/c (unsafe)", "src/nul -> nul_ (unsafe)",
                            "src/a/B -> a/B (2) (duplicate)", "src/x -> A/__/y (unsafe)"));
    EXPECT_TRUE((*made)->report()->skipped().empty());
}

TEST_F(ManifestNames, StrictFailsNamingTheKey) {
    request.options.names = zip::NamePolicy::strict;
    EXPECT_THAT(names({{"a"}, {"b/c"}}), ElementsAre("a", "b/c"));
    const Made made = make({{"a"}, {"b/../c"}});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, "unsafe_name");
    EXPECT_EQ(made.error().key, "src/b/../c");
    EXPECT_THAT(made.error().detail, HasSubstr("src/b/../c"));
}

TEST_F(ManifestNames, RawKeepsKeysAndTellsApartWhatDiffersInAByte) {
    request.options.names = zip::NamePolicy::raw;
    EXPECT_THAT(names({{"/a"}, {"A"}, {"a"}, {"../x"}}), ElementsAre("/a", "A", "a", "../x"));
    EXPECT_THAT(names({{"a"}, {"a"}}), ElementsAre("error: duplicate_name"));
}

TEST_F(ManifestNames, ClashesInCaseOrFormFailByDefault) {
    EXPECT_THAT(names({{"README"}, {"readme"}}), ElementsAre("error: duplicate_name"));
    EXPECT_THAT(names({{"caf\u00E9"}, {"cafe\u0301"}}), ElementsAre("error: duplicate_name"));
    EXPECT_THAT(names({{"Docs/a"}, {"docs/b"}}), ElementsAre("Docs/a", "docs/b"));
}

TEST_F(ManifestNames, AreInTheOrderGivenOrByKey) {
    const std::vector<Given> objects = {{"b"}, {"a", 1, "z"}, {"c", 1, "", "other"}, {"a", 1, "y"}};
    EXPECT_THAT(names(objects), ElementsAre("b", "z", "c", "y"));
    request.options.order = EntryOrder::key;
    EXPECT_THAT(names(objects), ElementsAre("y", "z", "b", "c"));
}

// Whatever order the request has them in: the later comer by key is the one that is renamed.
TEST_F(ManifestNames, OrderByKeyGivesTheSameNamesFromAnyOrder) {
    request.options.order = EntryOrder::key;
    request.options.flatten = true;
    request.options.on_duplicate = OnDuplicate::rename;
    std::vector<Given> objects = {{"a/x"}, {"b/x"}, {"c/X"}, {"d/y"}};
    const auto first = names(objects);
    EXPECT_THAT(first, ElementsAre("x", "x (2)", "X (3)", "y"));
    while (std::ranges::next_permutation(objects, {}, &Given::key).found)
        ASSERT_EQ(names(objects), first);
}

TEST_F(ManifestNames, FixedTimesAreTheSameAfterEveryUpload) {
    request.options.timestamps = Timestamps::fixed;
    request.options.on_missing = OnMissing::skip;
    request.options.list_missing = true;
    const Made made = make({{"a", 1, "", "src", 5}, {"b", 1, "", "src", 1'800'000'000}}, {"gone"});
    ASSERT_TRUE(made);
    ASSERT_EQ((*made)->count(), 3U);
    for (std::uint64_t i = 0; i < 3; ++i)
        EXPECT_EQ((*made)->entry(i).mtime_unix_s, zip::kDosEpochUnixS);
}

TEST_F(ManifestNames, MissingObjectsAreListedInAnEntryOnRequest) {
    request.options.on_missing = OnMissing::skip;
    EXPECT_EQ((*make({{"a"}}, {"gone"}))->count(), 1U);
    request.options.list_missing = true;
    EXPECT_EQ((*make({{"a"}}))->count(), 1U);
    const Made made =
        make({{"a", 5, "", "src", 77}, {"b", 5, "", "src", 99}}, {"gone", "x\ny%\xFF"});
    ASSERT_TRUE(made);
    ASSERT_EQ((*made)->count(), 3U);
    const zip::Entry list = (*made)->entry(2);
    EXPECT_EQ(list.name, "_MISSING.txt");
    EXPECT_EQ(list.mtime_unix_s, 99);
    EXPECT_EQ((*made)->text_of(0), "");
    EXPECT_EQ(
        (*made)->text_of(2),
        "# 2 objects are not in this archive. Each line: the reason, a tab, the address (with "
        "control characters and % percent-encoded).\n"
        "not_found\ts3://src/gone\nnot_found\ts3://src/x%0Ay%25%FF\n");
    EXPECT_EQ(list.size, (*made)->text_of(2).size());
    EXPECT_EQ((*made)->source_bytes(), 10U);
}

TEST_F(ManifestNames, TheListOfMissingObjectsGivesWayToObjectsOfItsName) {
    request.options.on_missing = OnMissing::skip;
    request.options.list_missing = true;
    const Made made = make({{"_missing.TXT"}, {"_MISSING (2).txt/x"}}, {"gone"});
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ((*made)->entry(2).name, "_MISSING (3).txt");
    EXPECT_TRUE((*made)->report()->renamed().empty());
}

TEST(MissingList, LeavesOutTheArchiveItself) {
    EXPECT_THAT(missing_list({}), IsEmpty());
    const std::vector<SkippedObject> own = {{"out", "a.zip", "destination"}};
    EXPECT_THAT(missing_list(own), IsEmpty());
    const std::vector<SkippedObject> both = {{"out", "a.zip", "destination"},
                                             {"src", "cold", "archived"}};
    EXPECT_THAT(missing_list(both), HasSubstr("# 1 object is not"));
    EXPECT_THAT(missing_list(both), HasSubstr("archived\ts3://src/cold\n"));
}

// A manifest file may name as many buckets as objects.
TEST_F(ManifestNames, ManyBucketsAreAsQuickAsOne) {
    std::vector<Given> objects;
    for (int i = 0; i < 100'000; ++i)
        objects.push_back({std::to_string(i), 1, "", "bucket-" + std::to_string(i)});
    const Made made = make(objects);
    ASSERT_TRUE(made);
    for (const std::uint64_t i : {0U, 1U, 50'000U, 99'999U})
        EXPECT_EQ((*made)->bucket_of((**made)[i]), "bucket-" + std::to_string(i));
}

std::size_t allocated() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// The promise of the README: under 300 bytes an entry besides its key.
TEST_F(ManifestNames, AMillionEntriesTakeLittleMemory) {
    constexpr std::uint64_t kCount = 1'000'000;
    constexpr std::size_t kKeySize = 48;
    const std::size_t before = allocated();
    Selection selection(request);
    const std::string etag(32, 'e');
    for (std::uint64_t i = 0; i < kCount; ++i) {
        std::string key = "prefix/folder-" + std::to_string(i / 100) + "/";
        key.append(kKeySize - key.size() - 8, '-').append(std::to_string(10'000'000 + i));
        FoundObject found;
        found.key = key;
        found.etag = etag;
        found.size = 1024;
        EXPECT_TRUE(selection.add("src", found, {}));
    }
    const auto manifest = *Manifest::make(std::move(selection), request);
    const auto plan =
        Plan::make(manifest, request,
                   {.sizing = {.preferred = 16 * test::kMiB, .memory_max = 64 * test::kMiB}});
    ASSERT_TRUE(plan);
    const std::size_t each = (allocated() - before) / kCount;
    std::cout << "[          ] " << each << " bytes an entry, " << kKeySize << " of them its key\n";
    EXPECT_LT(each, 300U);
}

}  // namespace
}  // namespace archive
