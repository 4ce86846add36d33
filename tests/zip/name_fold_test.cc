#include "zip/name_fold.h"

#include <gtest/gtest.h>
#include <string>

namespace zip {
namespace {

std::string folded(std::string_view name) {
    std::string out = "what was there before";
    fold_name(name, out);
    return out;
}

TEST(NameFold, AsciiGoesToLowerCase) {
    EXPECT_EQ(folded("ReadMe [1]@Z.TXT"), "readme [1]@z.txt");
    EXPECT_EQ(folded(""), "");
}

TEST(NameFold, OneNameInAllItsForms) {
    EXPECT_EQ(folded("\u00C5ngstr\u00F6m"), folded("A\u030Angstro\u0308m"));  // NFC, NFD
    EXPECT_EQ(folded("\u00C5"), folded("\u212B"));                            // the Angstrom sign
    EXPECT_EQ(folded("\u00C4\u0416\u03A9"), folded("\u00E4\u0436\u03C9"));
    EXPECT_EQ(folded("STRASSE"), folded("stra\u00DFe"));
    EXPECT_EQ(folded("\u03A3"), folded("\u03C2"));                // both small sigmas are one
    EXPECT_EQ(folded("\uAC01"), folded("\u1100\u1161\u11A8"));    // Hangul
    EXPECT_EQ(folded("a\u0323\u0307"), folded("a\u0307\u0323"));  // the order of marks
    EXPECT_EQ(folded("\U00010400"), folded("\U00010428"));        // beyond the first plane
}

TEST(NameFold, DifferentNamesStayDifferent) {
    EXPECT_NE(folded("a"), folded("\u00E4"));
    EXPECT_NE(folded("\u0131"), folded("i"));       // dotless i
    EXPECT_NE(folded("\uFB01"), folded("\uFB02"));  // ligatures fi, fl
    EXPECT_NE(folded("a"), folded("\uFF41"));       // full width: compatibility only
    EXPECT_NE(folded("a"), folded("a\u200D"));
}

TEST(NameFold, BytesThatAreNotUtf8StayAndLettersAmongThemFold) {
    EXPECT_EQ(folded("A\xFFZ\xC3"), "a\xFFz\xC3");
}

// What grows most when it is decomposed; U+1F82 has four code points then.
TEST(NameFold, LongNamesGrowAsTheyMust) {
    std::string name;
    for (int i = 0; i < 5000; ++i) name += "\u1F82";
    EXPECT_EQ(folded(name).size(), folded("\u1F82").size() * 5000);
    EXPECT_EQ(folded(folded(name)), folded(name));
}

}  // namespace
}  // namespace zip
