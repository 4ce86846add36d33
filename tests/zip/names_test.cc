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
    for (const char* key : {"a",           "a/b.txt",  ".hidden", "...a",
                            "a/..b",       "a b+c",    " a",      "\xC3\xA4/\xE2\x82\xAC",
                            "~",           "-rf",      "%2e%2e",  "console",
                            "com",         "com10",    "nul_",    "a.nul",
                            "lpt\xC2\xB4", "\xC2\xA0", "a;b",     "a;1b",
                            ";a"}) {
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
        {"...", 1, kFile, true, ".._"},
        {"C:\\x", 1, kFile, true, "C_/x"},
        {"/c:x", 1, kFile, true, "c_x"},
        {"a\0b"s, 1, kFile, true, "a_b"},
        {"a\nb\x7F\x1B", 1, kFile, true, "a_b__"},
        {"caf\xE9/\xC3\xA9\xC3", 1, kFile, true, "caf_/\xC3\xA9_"},
        {"\xED\xA0\x80", 1, kFile, true, "___"},
        {"\xC2\x85\xC2\x9B", 1, kFile, true, "__"},
        {".", 1, kFile, true, "_"},
        {"//", 1, kFile, true, "_"},
    };
    for (const Case& c : cases) expect(c);
}

TEST(EntryName, WhatWindowsCannotHoldIsRewritten) {
    const std::vector<Case> cases = {
        {"<a>:\"|?*", 1, kFile, true, "_a______"},
        {"a.", 1, kFile, true, "a_"},
        {"a. ./b", 1, kFile, true, "a. _/b"},
        {".. /x", 1, kFile, true, ".._/x"},
        {" ", 1, kFile, true, "_"},
        {"dir /", 0, kDirectory, true, "dir_/"},
        {"con", 1, kFile, true, "con_"},
        {"CON/nul", 1, kFile, true, "CON_/nul_"},
        {"a/Aux.tar.gz", 1, kFile, true, "a/Aux_.tar.gz"},
        {"prn .txt", 1, kFile, true, "prn_ .txt"},
        {"com0", 1, kFile, true, "com0_"},
        {"LPT9.x", 1, kFile, true, "LPT9_.x"},
        {"COM\xC2\xB3", 1, kFile, true, "COM\xC2\xB3_"},
        {"conin$", 1, kFile, true, "conin$_"},
        {"CONOUT$.log", 1, kFile, true, "CONOUT$_.log"},
        {"nul.", 1, kFile, true, "nul_"},
        // UnZip drops what looks like a version of VMS.
        {"a;1", 1, kFile, true, "a_1"},
        {"a.txt;", 1, kFile, true, "a.txt_"},
        {"a;1;22", 1, kFile, true, "a;1_22"},
        {"nul;7", 1, kFile, true, "nul_7"},
        {"d;3/e", 1, kFile, true, "d_3/e"},
        {"a;1 ", 1, kFile, true, "a;1_"},
    };
    for (const Case& c : cases) expect(c);
}

TEST(EntryName, LongComponentsAreCutAndStayDifferent) {
    const std::string fits = std::string(251, 'n') + ".txt";
    expect({"d/" + fits + "/e", 1, kFile, false, "d/" + fits + "/e"});
    const std::string a = entry_name_from_key("d/x" + fits, 1, {})->name;
    const std::string b = entry_name_from_key("d/y" + fits, 1, {})->name;
    EXPECT_EQ(a.size(), 2 + kComponentSizeMax);
    EXPECT_EQ(a.substr(a.size() - 4), ".txt");
    EXPECT_EQ(a[a.size() - 13], '~');
    EXPECT_NE(a.substr(3), b.substr(3));
    // No UTF-8 sequence is cut, and an extension that is no extension is not kept.
    std::string many;
    for (int i = 0; i < 100; ++i) many += "\xE6\x97\xA5";
    EXPECT_EQ(entry_name_from_key(many, 1, {})->name.size(), 82 * 3 + 9U);
    EXPECT_EQ(entry_name_from_key("a." + many, 1, {})->name.substr(0, 5), "a.\xE6\x97\xA5");
    EXPECT_FALSE(entry_name_explicit(a, 1)->rewritten);
}

TEST(EntryName, StrictRefusesWhatSafeRewrites) {
    const NameOptions strict{.strip_prefix = {}, .policy = NamePolicy::strict};
    expect({"a/b.txt", 1, kFile, false, "a/b.txt"}, strict);
    expect({"d/", 0, kDirectory, false, "d/"}, strict);
    for (const char* key : {"/a", "a//b", "../a", "nul", "a:b", "a\xFF", "d/ ", "a\\b"}) {
        const auto refused = entry_name_from_key(key, 1, strict);
        ASSERT_FALSE(refused) << key;
        EXPECT_EQ(refused.error().code, "unsafe_name");
        EXPECT_NE(refused.error().detail.find(key), std::string::npos) << refused.error().detail;
        EXPECT_FALSE(entry_name_explicit(key, 1, NamePolicy::strict)) << key;
    }
    EXPECT_FALSE(entry_name_from_key("d/", 1, strict));
    // What flattening drops need not be safe.
    expect({"a//C:/b", 1, kFile, false, "b"},
           {.strip_prefix = {}, .flatten = true, .policy = NamePolicy::strict});
}

TEST(EntryName, RawKeepsWhatItIsGiven) {
    const NameOptions raw{.strip_prefix = {}, .policy = NamePolicy::raw};
    for (const char* key : {"/a", "a//b", "../a", "nul", "a:b", "a\xFF", "a\\b", ".", ".."})
        expect({key, 1, kFile, false, key}, raw);
    expect({"a\0b"s, 1, kFile, false, "a\0b"s}, raw);
    expect({"d//", 0, kDirectory, false, "d//"}, raw);
    expect({"d/", 7, kFile, true, "d"}, raw);
    expect({"d//", 7, kFile, true, "d"}, raw);
    expect({"/", 7, kFile, true, "_"}, raw);
    expect({"/", 0, kSkip, false, ""}, raw);
    expect({"p/x/..", 7, kFile, false, ".."},
           {.strip_prefix = "p/", .flatten = true, .policy = NamePolicy::raw});
    EXPECT_EQ(entry_name_explicit("/x/../y", 1, NamePolicy::raw)->name, "/x/../y");
    EXPECT_EQ(entry_name_explicit(std::string(65'000, 'n'), 1, NamePolicy::raw)->name.size(),
              65'000U);
    EXPECT_FALSE(entry_name_explicit(std::string(65'536, 'n'), 1, NamePolicy::raw));
    EXPECT_FALSE(entry_name_explicit("", 1, NamePolicy::raw));
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
    std::string deep = "n";
    while (deep.size() + 2 <= kSafeNameSizeMax) deep += "/n";
    EXPECT_EQ(entry_name_explicit(deep, 0)->name, deep);
    EXPECT_EQ(entry_name_explicit(deep + "/n", 0).error().code, "bad_entry_name");
}

// Whatever the key, the name is safe, and cleaning it again changes nothing.
TEST(EntryName, CleaningIsSafeAndIdempotentOnRandomKeys) {
    constexpr std::string_view kAlphabet = "nul./\\: \n\xC3\xA4";
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
        ASSERT_FALSE(name.name.contains(':') || (name.name + "/").contains("./") ||
                     (name.name + "/").contains(" /") || ("/" + name.name + "/").contains("/nul/"))
            << key;
        const EntryName again = *entry_name_explicit(name.name, size);
        ASSERT_EQ(again.name, name.name) << key;
        ASSERT_FALSE(again.rewritten) << key;
        ASSERT_EQ(again.kind, name.kind) << key;
    }
}

}  // namespace
}  // namespace zip
