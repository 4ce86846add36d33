#include "zip/name_set.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/random.h"

namespace zip {
namespace {

constexpr auto kFile = NameKind::file;
constexpr auto kDirectory = NameKind::directory;
constexpr auto kSkip = NameKind::skip;

class NameSetTest : public testing::Test {
  protected:
    // What the names become, in order; "-" for skipped, "!" for refused.
    std::vector<std::string> claim(OnDuplicate policy, const std::vector<std::string>& names,
                                   NameEquality equality = NameEquality::folded) {
        NamePool pool;
        NameSet set(pool, policy, equality);
        std::vector<std::string> got;
        for (const std::string& name : names) {
            const auto claimed = set.claim(name.ends_with('/') ? kDirectory : kFile, name);
            if (claimed && claimed->kind != kSkip) {
                EXPECT_EQ(claimed->renamed, claimed->name != name);
            }
            got.emplace_back(!claimed ? "!" : claimed->kind == kSkip ? "-" : claimed->name);
        }
        return got;
    }
    using Names = std::vector<std::string>;
};

TEST_F(NameSetTest, FailRefusesEveryKindOfClash) {
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "b", "a"}), (Names{"a", "b", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "a/b"}), (Names{"a", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a/b/c", "a"}), (Names{"a/b/c", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a/b/c", "a/b"}), (Names{"a/b/c", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "a/"}), (Names{"a", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a/", "a"}), (Names{"a/", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"x/a", "x/a/b/c/d"}), (Names{"x/a", "!"}));
}

TEST_F(NameSetTest, DirectoriesMerge) {
    EXPECT_EQ(claim(OnDuplicate::fail, {"d/", "d/"}), (Names{"d/", "-"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"d/x", "d/", "d/", "d/y"}),
              (Names{"d/x", "d/", "-", "d/y"}));
}

TEST_F(NameSetTest, RenameTakesTheFirstFreeName) {
    EXPECT_EQ(claim(OnDuplicate::rename, {"a.txt", "a.txt", "a.txt"}),
              (Names{"a.txt", "a (2).txt", "a (3).txt"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "a (2)", "a", "a (2)"}),
              (Names{"a", "a (2)", "a (3)", "a (2) (2)"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {".rc", ".rc", "d.x/f", "d.x/f"}),
              (Names{".rc", ".rc (2)", "d.x/f", "d.x/f (2)"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"d/a.tar.gz", "d/a.tar.gz"}),
              (Names{"d/a.tar.gz", "d/a.tar (2).gz"}));
}

TEST_F(NameSetTest, RenameMovesFilesAndFoldersApart) {
    EXPECT_EQ(claim(OnDuplicate::rename, {"a/b", "a"}), (Names{"a/b", "a (2)"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "a/b", "a/c", "a/b"}),
              (Names{"a", "a (2)/b", "a (2)/c", "a (2)/b (2)"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "a (2)", "a/b", "a/"}),
              (Names{"a", "a (2)", "a (3)/b", "a (3)/"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "a/", "a/"}), (Names{"a", "a (2)/", "-"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "a (2)/b", "a/b/c"}),
              (Names{"a", "a (2)/b", "a (2)/b (2)/c"}));
}

TEST_F(NameSetTest, CaseAndUnicodeFormMakeNoDifference) {
    const Names names = {"README", "readme", "caf\u00E9", "cafe\u0301", "Stra\u00DFe", "STRASSE"};
    EXPECT_EQ(claim(OnDuplicate::fail, names),
              (Names{"README", "!", "caf\u00E9", "!", "Stra\u00DFe", "!"}));
    EXPECT_EQ(claim(OnDuplicate::rename, names),
              (Names{"README", "readme (2)", "caf\u00E9", "cafe\u0301 (2)", "Stra\u00DFe",
                     "STRASSE (2)"}));
    EXPECT_EQ(claim(OnDuplicate::fail, names, NameEquality::exact), names);
    // The number goes on for all spellings together.
    EXPECT_EQ(claim(OnDuplicate::rename, {"A.x", "a.x", "a.X", "A.X"}),
              (Names{"A.x", "a (2).x", "a (3).X", "A (4).X"}));
}

TEST_F(NameSetTest, FoldersThatDifferInCaseAreOneFolder) {
    EXPECT_EQ(claim(OnDuplicate::fail, {"A/x", "a/y", "A/X", "a/", "A/"}),
              (Names{"A/x", "a/y", "!", "a/", "-"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "A/b"}), (Names{"a", "!"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"A/b", "a"}), (Names{"A/b", "!"}));
    EXPECT_EQ(claim(OnDuplicate::rename, {"a", "A/b", "a/c"}), (Names{"a", "A (2)/b", "a (2)/c"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "A/b"}, NameEquality::exact), (Names{"a", "A/b"}));
    EXPECT_EQ(claim(OnDuplicate::fail, {"a", "a/b"}, NameEquality::exact), (Names{"a", "!"}));
}

TEST_F(NameSetTest, ANumberNeverMakesAComponentTooLong) {
    const std::string stem(kComponentSizeMax - 4, 'n');
    const Names got = claim(OnDuplicate::rename, {stem + ".txt", stem + ".txt", stem + "/f"});
    EXPECT_EQ(got[1], std::string(kComponentSizeMax - 13 - 4, 'n') + " (2).txt");
    EXPECT_EQ(claim(OnDuplicate::rename, {"x." + stem, "x." + stem})[1],
              "x." + std::string(kComponentSizeMax - 13 - 2, 'n') + " (2)");
}

// Cut, they could end in a space, a dot or a version, as no safe name may.
TEST_F(NameSetTest, LongExtensionsAreNoneAndNeverCut) {
    const std::string longest = "x." + std::string(31, 'e');
    EXPECT_EQ(claim(OnDuplicate::rename, {longest, longest})[1], "x (2)." + std::string(31, 'e'));
    for (const std::string& tail : {std::string(119, 'e') + " ", std::string(119, 'e') + ";1",
                                    std::string(130, ' '), std::string(31, 'e')}) {
        const std::string name = "x." + tail + std::string(10, 'e');
        EXPECT_EQ(claim(OnDuplicate::rename, {name, name, name + "/f"}),
                  (Names{name, name + " (2)", name + " (3)/f"}));
    }
}

TEST_F(NameSetTest, ManyLongNamesThatAreCutAlikeAreQuick) {
    Names names;
    for (int i = 0; i < 100'000; ++i) {
        const std::string name = std::string(245, 'n') + std::to_string(1'000'000 + i);
        names.push_back(name);
        names.push_back(name);
    }
    const Names got = claim(OnDuplicate::rename, names);
    EXPECT_EQ(got.back(), std::string(242, 'n') + " (100001)");
}

TEST_F(NameSetTest, ANameThatIsTheTailOfWhatIsStoredIsNotCopied) {
    NamePool pool;
    NameSet set(pool, OnDuplicate::rename);
    const std::string key = "prefix/d/a.txt";
    const auto claimed = set.claim(kFile, "d/a.txt", key);
    EXPECT_EQ(claimed->name.data(), key.data() + 7);
    EXPECT_EQ(set.claim(kFile, "d/a.txt", key)->name, "d/a (2).txt");
    EXPECT_EQ(set.claim(kFile, "other", key)->name, "other");
    EXPECT_EQ(set.folders(), 1U);
}

TEST_F(NameSetTest, ErrorsTellWhatClashesHow) {
    const auto detail = [](std::string_view first, std::string_view second) {
        NamePool pool;
        NameSet set(pool, OnDuplicate::fail);
        const auto kind = [](std::string_view n) { return n.ends_with('/') ? kDirectory : kFile; };
        EXPECT_TRUE(set.claim(kind(first), first));
        return set.claim(kind(second), second).error().detail;
    };
    EXPECT_EQ(detail("a", "a"), "the entry name a is taken");
    EXPECT_EQ(detail("Read", "reaD"),
              "the entry name reaD differs from Read only in case or Unicode form, which is one "
              "file on Windows and macOS");
    EXPECT_EQ(detail("d/a", "d/a/b/c"),
              "the entry name d/a/b/c needs a folder where d/a is a file");
    EXPECT_EQ(detail("a/b", "a"), "the entry name a would be both a file and a folder");
    EXPECT_EQ(detail("a", "a/"), "the entry name a/ would be both a file and a folder");
    EXPECT_EQ(detail("a/", "a"), "the entry name a would be both a file and a folder");
}

TEST_F(NameSetTest, ErrorsNameTheEntry) {
    NamePool pool;
    NameSet set(pool, OnDuplicate::fail);
    EXPECT_TRUE(set.claim(kFile, "docs/a.pdf"));
    const auto again = set.claim(kFile, "docs/a.pdf");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, base::ErrorKind::invalid);
    EXPECT_EQ(again.error().code, "duplicate_name");
    EXPECT_NE(again.error().detail.find("docs/a.pdf"), std::string::npos);
}

TEST_F(NameSetTest, DepthIsBounded) {
    NamePool pool;
    NameSet set(pool, OnDuplicate::fail);
    std::string deep = "f";
    for (std::size_t i = 0; i < NameSet::kDepthMax; ++i) deep = "d/" + deep;
    EXPECT_TRUE(set.claim(kFile, deep));
    EXPECT_EQ(set.claim(kFile, "d/" + deep).error().code, "bad_entry_name");
    EXPECT_EQ(set.claim(kFile, "").error().code, "bad_entry_name");
}

// The names that come out never clash, and a hundred thousand equal ones cost no more than
// different ones.
TEST_F(NameSetTest, ManyEqualNamesEachGetTheirOwn) {
    std::vector<std::string> names(100'000, "same.bin");
    const std::vector<std::string> got = claim(OnDuplicate::rename, names);
    EXPECT_EQ(got.back(), "same (100000).bin");
    EXPECT_EQ(claim(OnDuplicate::fail, got), got);
}

TEST_F(NameSetTest, RandomNamesComeOutWithoutClashes) {
    base::Random random(7);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::string> names;
        for (int i = 0; i < 60; ++i) {
            std::string name(1, static_cast<char>('a' + random.below(2)));
            while (random.below(3) != 0)
                name += std::string("/") + static_cast<char>('a' + random.below(2));
            if (random.below(5) == 0) name += '/';
            names.push_back(name);
        }
        std::vector<std::string> got = claim(OnDuplicate::rename, names);
        std::erase(got, "-");
        ASSERT_EQ(claim(OnDuplicate::fail, got), got);
    }
}

}  // namespace
}  // namespace zip
