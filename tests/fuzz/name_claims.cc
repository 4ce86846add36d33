#include "name_claims.h"

#include <algorithm>
#include <map>
#include <string>

#include "base/check.h"
#include "safe_name.h"
#include "zip/name_fold.h"

namespace fuzz {
namespace {

using zip::NameEquality;
using zip::NameKind;
using zip::OnDuplicate;

// What an archive would be once it is extracted: folders in folders.
class Tree {
  public:
    explicit Tree(NameEquality equality) : equality_(equality) {}

    bool would_clash(NameKind kind, std::string_view name) const {
        const Node* node = &root_;
        for (const std::string& component : components(name)) {
            if (node->held == Held::file) return true;
            const auto next = node->below.find(component);
            if (next == node->below.end()) return false;
            node = &next->second;
        }
        return kind == NameKind::file || node->held == Held::file;
    }
    bool has_directory_entry(std::string_view name) const {
        const Node* node = &root_;
        for (const std::string& component : components(name)) {
            const auto next = node->below.find(component);
            if (next == node->below.end()) return false;
            node = &next->second;
        }
        return node->held == Held::directory_entry;
    }
    // REQUIRES that it would not clash.
    void add(NameKind kind, std::string_view name) {
        Node* node = &root_;
        for (const std::string& component : components(name)) {
            if (node->held == Held::nothing) {
                node->held = Held::folder;
                ++folders_implied_;
            }
            node = &node->below[component];
        }
        node->held = kind == NameKind::file ? Held::file : Held::directory_entry;
    }
    std::size_t folders_implied() const { return folders_implied_; }

  private:
    enum class Held : std::uint8_t { nothing, file, folder, directory_entry };
    struct Node {
        Held held = Held::nothing;
        std::map<std::string, Node> below;
    };

    std::vector<std::string> components(std::string_view name) const {
        std::vector<std::string> all;
        if (name.ends_with('/')) name.remove_suffix(1);
        for (std::size_t begin = 0; begin <= name.size();) {
            const std::size_t end = std::min(name.find('/', begin), name.size());
            std::string& component = all.emplace_back(name.substr(begin, end - begin));
            if (equality_ == NameEquality::folded) {
                zip::fold_name(name.substr(begin, end - begin), component);
            }
            begin = end + 1;
        }
        return all;
    }

    const NameEquality equality_;
    Node root_{.held = Held::folder, .below = {}};
    std::size_t folders_implied_ = 0;
};

struct Set {
    Set(zip::NamePool& pool, OnDuplicate on_duplicate, NameEquality equality)
        : names(pool, on_duplicate, equality), tree(equality), policy(on_duplicate) {}

    zip::NameSet names;
    Tree tree;
    const OnDuplicate policy;
};

// Empty for a name that was refused, or that needs no entry.
std::string_view claim(Set& set, const Wish& wish) {
    const auto claimed = set.names.claim(wish.kind, wish.name, wish.key);
    const bool is_too_deep =
        std::ranges::count(wish.name, '/') > static_cast<std::ptrdiff_t>(zip::NameSet::kDepthMax);
    if (is_too_deep) {
        CHECK(!claimed && claimed.error().code == "bad_entry_name");
        return {};
    }
    const bool clash = set.tree.would_clash(wish.kind, wish.name);
    if (clash && set.policy == OnDuplicate::fail) {
        CHECK(!claimed && claimed.error().code == "duplicate_name");
        return {};
    }
    CHECK(claimed);
    if (claimed->kind == NameKind::skip) {
        CHECK(wish.kind == NameKind::directory);
        CHECK(clash || set.tree.has_directory_entry(wish.name));
        return {};
    }
    CHECK(claimed->kind == wish.kind);
    CHECK(claimed->renamed == clash && claimed->renamed == (claimed->name != wish.name));
    CHECK(!set.tree.would_clash(wish.kind, claimed->name));
    CHECK(!set.tree.has_directory_entry(claimed->name));
    CHECK((wish.kind == NameKind::directory) == claimed->name.ends_with('/'));
    CHECK(!is_safe_name(wish.name) || is_safe_name(claimed->name));
    set.tree.add(wish.kind, claimed->name);
    return claimed->name;
}

}  // namespace

void check_claims(const std::vector<Wish>& wishes, OnDuplicate policy, NameEquality equality) {
    zip::NamePool pool;
    Set set(pool, policy, equality);
    std::vector<std::string_view> views;
    std::vector<std::string> names;
    names.reserve(wishes.size());
    for (const Wish& wish : wishes) names.emplace_back(views.emplace_back(claim(set, wish)));
    CHECK(set.names.folders() == set.tree.folders_implied());
    CHECK(std::ranges::equal(views, names));  // they are where they were

    zip::NameSet again(pool, policy, equality);  // has a hash key of its own
    for (std::size_t i = 0; i < wishes.size(); ++i) {
        const auto claimed = again.claim(wishes[i].kind, wishes[i].name);
        CHECK((claimed ? claimed->name : std::string_view{}) == names[i]);
    }
}

}  // namespace fuzz
