// Claims names in a zip::NameSet and holds what it answers against the plainest memory of names
// there is: a tree of maps. Aborts on the first thing wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zip/name_set.h"

namespace fuzz {

struct Wish {
    std::string_view key;
    zip::NameKind kind = zip::NameKind::file;
    std::string name;
};

void check_claims(const std::vector<Wish>& wishes, zip::OnDuplicate policy,
                  zip::NameEquality equality);

}  // namespace fuzz
