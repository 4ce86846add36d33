#include "zip/names.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/random.h"

namespace zip {
namespace {

using namespace std::string_literals;

struct Case {
    std::string key;
    std::uint64_t size;
    NameKind kind;
    bool rewritten;
    std::string name;
};

void expect(const Case& c, const NameOptions& options = {}) {
    const base::Result<EntryName> got = entry_name_from_key(c.key, c.size, options);
    ASSERT_TRUE(got) << c.key;
    EXPECT_EQ(got->kind, c.kind) << c.key;
    EXPECT_EQ(got->name, c.name) << c.key;
    EXPECT_EQ(got->rewritten, c.rewritten) << c.key;
}

constexpr auto kFile = NameKind::file;
constexpr auto kDirectory = NameKind::directory;
constexpr auto kSkip = NameKind::skip;

TEST(EntryName, CleanKeysStayAsTheyAre) {
    for (const char* key : {"a", "a/b.txt", ".hidden", "...", "a/..b", "a b+c",
                            "\xC3\xA4/\xE2\x82\xAC", "1:2", "ab:c"}) {
        expect({key, 5, kFile, false, key});
    }
}

TEST(EntryName, HostileKeysAreRewritten) {
    const std::vector<Case> cases = {
        {"/etc/passwd", 1, kFile, true, "etc/passwd"},
        {"../../x", 1, kFile, true, "__/__/x"},
        {"a/../b", 1, kFile, true, "a/__/b"},
        {"a/..", 1, kFile, true, "a/__"},
        {"./a/./b", 1, kFile, true, "a/b"},
        {"a//b", 1, kFile, true, "a/b"},
        {"..\\..\\x", 1, kFile, true, "__/__/x"},
        {"\\\\host\\share", 1, kFile, true, "host/share"},
        {"C:\\x", 1, kFile, true, "C_/x"},
        {"/c:x", 1, kFile, true, "c_x"},
        {"a\0b"s, 1, kFile, true, "a_b"},
        {"a\nb\x7F\x1B", 1, kFile, true, "a_b__"},
        {"caf\xE9/\xC3\xA9\xC3", 1, kFile, true, "caf_/\xC3\xA9_"},
        {"\xED\xA0\x80", 1, kFile, true, "___"},
        {".", 1, kFile, true, "_"},
        {"//", 1, kFile, true, "_"},
    };
    for (const Case& c : cases) expect(c);
}

TEST(EntryName, KeysThatEndInASlash) {
    expect({"d/", 0, kDirectory, false, "d/"});
    expect({"d/e/", 0, kDirectory, false, "d/e/"});
    expect({"d//", 0, kDirectory, true, "d/"});
    expect({"../", 0, kDirectory, true, "__/"});
    expect({"d/", 7, kFile, true, "d"});
    expect({"/", 0, kSkip, false, ""});
    expect({"d\\", 0, kFile, true, "d"});
}

TEST(EntryName, StripPrefix) {
    const NameOptions options{.strip_prefix = "2026/"};
    expect({"2026/a.jpg", 1, kFile, false, "a.jpg"}, options);
    expect({"other/a.jpg", 1, kFile, false, "other/a.jpg"}, options);
    expect({"2026/", 0, kSkip, false, ""}, options);
    expect({"2026/sub/", 0, kDirectory, false, "sub/"}, options);
    expect({"2026/", 9, kFile, true, "2026"}, options);  // data is kept under the marker's own name
    expect({"2026//a", 1, kFile, true, "a"}, options);
    expect({"2026/../a", 1, kFile, true, "__/a"}, options);
    expect({"2026/a", 1, kFile, false, "a"},
           {.strip_prefix = "2026"});  // the slash that joins is no rewriting
    expect({"report.csv", 1, kFile, true, "report.csv"}, {.strip_prefix = "report.csv"});
    expect({"report.csv", 0, kFile, true, "report.csv"}, {.strip_prefix = "report.csv"});
    expect({"xC:y", 1, kFile, true, "C_y"}, {.strip_prefix = "x"});
}

TEST(EntryName, Flatten) {
    const NameOptions options{.strip_prefix = "p/", .flatten = true};
    expect({"p/a/b/c.txt", 1, kFile, false, "c.txt"}, options);
    expect({"p/a/..", 1, kFile, true, "__"}, options);
    expect({"p/a/", 0, kSkip, false, ""}, options);
    expect({"p/a/b/", 3, kFile, true, "b"}, options);
    expect({"p/a/C:b", 3, kFile, true, "C_b"}, options);
}

TEST(EntryName, ExplicitNamesAreCleanedButNotStripped) {
    const base::Result<EntryName> plain = entry_name_explicit("papers/a.pdf", 1);
    EXPECT_EQ(plain->name, "papers/a.pdf");
    EXPECT_FALSE(plain->rewritten);
    EXPECT_EQ(entry_name_explicit("/x/../y", 1)->name, "x/__/y");
    EXPECT_EQ(entry_name_explicit("d/", 0)->kind, kDirectory);
    for (const char* nothing : {"", "/", ".", "./"}) {
        EXPECT_EQ(entry_name_explicit(nothing, 0).error().code, "bad_entry_name") << nothing;
    }
    EXPECT_TRUE(entry_name_explicit(std::string(65'000, 'n'), 0));
    EXPECT_EQ(entry_name_explicit(std::string(65'536, 'n'), 0).error().code, "bad_entry_name");
}

// Whatever the key, the name is safe, and cleaning it again changes nothing.
TEST(EntryName, CleaningIsSafeAndIdempotentOnRandomKeys) {
    constexpr std::string_view kAlphabet = "ab./\\:C\n\xC3\xA4";
    base::Random random(6);
    for (int i = 0; i < 20'000; ++i) {
        std::string key(1 + random.below(12), ' ');
        for (char& c : key) c = kAlphabet[random.below(kAlphabet.size())];
        const std::uint64_t size = random.below(2);
        const NameOptions options{.strip_prefix = random.below(2) == 0 ? "a/" : "",
                                  .flatten = random.below(4) == 0};
        const EntryName name = *entry_name_from_key(key, size, options);
        if (name.kind == kSkip) {
            ASSERT_TRUE(size == 0 && key.ends_with('/')) << key;
            continue;
        }
        ASSERT_FALSE(name.name.starts_with('/') || name.name.contains('\\') ||
                     name.name.contains('\n'))
            << key;
        ASSERT_FALSE(("/" + name.name + "/").contains("/../") || ("/" + name.name).contains("//"))
            << key;
        ASSERT_FALSE(name.name.size() > 1 && name.name[1] == ':' &&
                     std::isalpha(static_cast<unsigned char>(name.name[0])))
            << key;
        const EntryName again = *entry_name_explicit(name.name, size);
        ASSERT_EQ(again.name, name.name) << key;
        ASSERT_FALSE(again.rewritten) << key;
        ASSERT_EQ(again.kind, name.kind) << key;
    }
}

class NameSetTest : public testing::Test {
  protected:
    // What the names become, in order; "-" for skipped, "!" for refused.
    std::vector<std::string> claim(OnDuplicate policy, const std::vector<std::string>& names) {
        NamePool pool;
        NameSet set(pool, policy);
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
