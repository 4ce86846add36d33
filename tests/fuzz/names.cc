// Entry names: whatever the keys, what comes out keeps the promises of zip/names.h. What a safe
// name is stands in safe_name.h once more, in other words.
//
// Input: the first line is the prefix to strip, each other line is a key, the last byte (kFlatten
// and the others) how to treat them. Each key is tried under every policy; then all of them claim
// their names (name_claims.h).
#include "zip/names.h"

#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz_input.h"
#include "name_claims.h"
#include "safe_name.h"
#include "zip/records.h"

namespace {

using zip::EntryName;
using zip::NameKind;
using zip::NamePolicy;
using Outcome = base::Result<EntryName>;

struct Ask {
    std::string_view key;
    std::uint64_t size;
    std::string_view prefix;
    bool flatten;

    Outcome with(NamePolicy policy) const {
        return zip::entry_name_from_key(key, size, {prefix, flatten, policy});
    }
};

// What key and options ask for, literally.
std::string_view literal(const Ask& ask) {
    std::string_view name = ask.key;
    if (!ask.prefix.empty() && name.substr(0, ask.prefix.size()) == ask.prefix) {
        name = name.substr(ask.prefix.size());
        if (ask.prefix.back() != '/' && !name.empty() && name[0] == '/') name = name.substr(1);
    }
    if (!ask.flatten || name.empty()) return name;
    std::size_t begin = name.size() - 1;  // a slash at the very end parts nothing
    while (begin > 0 && name[begin - 1] != '/') --begin;
    return name.substr(begin);
}

bool same(const Outcome& a, const Outcome& b) {
    if (!a || !b) return !a && !b && a.error().to_string() == b.error().to_string();
    return a->kind == b->kind && a->rewritten == b->rewritten && a->name == b->name;
}

// Holds for every policy.
void check_kind(const Ask& ask, const EntryName& entry) {
    const bool is_marker = ask.size == 0 && ask.key.ends_with('/');
    if (entry.kind == NameKind::skip) {
        CHECK(is_marker && entry.name.empty());
    } else {
        CHECK(!(is_marker && ask.flatten));
        CHECK(!entry.name.empty() && entry.rewritten == (entry.name != literal(ask)));
        CHECK((entry.kind == NameKind::directory) == entry.name.ends_with('/'));
        CHECK(is_marker || entry.kind == NameKind::file);
    }
}

void check_safe(const Ask& ask, const Outcome& safe) {
    if (!safe) {  // of 1,024 bytes, the longest key, none becomes too long
        CHECK(safe.error().code == "bad_entry_name" && ask.key.size() > 1024);
        return;
    }
    check_kind(ask, *safe);
    if (safe->kind == NameKind::skip) return;
    CHECK(fuzz::is_safe_name(safe->name) && safe->name.size() <= zip::kSafeNameSizeMax);
    if (fuzz::is_safe_name(literal(ask)) && !(ask.size != 0 && ask.key.ends_with('/'))) {
        CHECK(!safe->rewritten);
    }
    const Outcome again = zip::entry_name_explicit(safe->name, ask.size);
    CHECK(again && !again->rewritten && again->name == safe->name && again->kind == safe->kind);
}

void check_strict(const Outcome& safe, const Outcome& strict) {
    if (safe && !safe->rewritten) {
        CHECK(same(safe, strict));
    } else {
        CHECK(!strict && (!safe || strict.error().code == "unsafe_name"));
    }
}

void check_raw(const Ask& ask, const Outcome& raw) {
    CHECK(raw);  // whatever libFuzzer gives fits a ZIP
    check_kind(ask, *raw);
    if (raw->kind == NameKind::skip) return;
    std::string_view kept = literal(ask);
    while (ask.size != 0 && kept.ends_with('/')) kept.remove_suffix(1);
    CHECK(kept.empty() || raw->name == kept);
}

void check_key(const Ask& ask) {
    const Outcome safe = ask.with(NamePolicy::safe);
    check_safe(ask, safe);
    check_strict(safe, ask.with(NamePolicy::strict));
    check_raw(ask, ask.with(NamePolicy::raw));
    CHECK(same(safe, ask.with(NamePolicy::safe)));
}

// A name that the request gives is a key without options, but never replaced by another.
void check_explicit(std::string_view name, std::uint64_t size) {
    for (const NamePolicy policy : {NamePolicy::safe, NamePolicy::strict, NamePolicy::raw}) {
        const Outcome given = zip::entry_name_explicit(name, size, policy);
        const Outcome from_key = Ask{name, size, {}, false}.with(policy);
        if (given) {
            CHECK(same(given, from_key));
        } else {
            CHECK(!from_key || from_key->kind == NameKind::skip || from_key->name == "_");
        }
    }
}

void check_parts(std::string_view text, std::size_t size_max) {
    const std::string_view prefix = zip::utf8_prefix(text, size_max);
    CHECK(text.starts_with(prefix) && prefix.size() <= size_max);
    if (fuzz::is_utf8(text)) {
        CHECK(fuzz::is_utf8(prefix));
        CHECK(prefix.size() == text.size() || prefix.size() + 4 > size_max);
    }
    const std::string_view last = zip::last_component(text);
    const std::size_t dot = zip::extension_begin(text);
    CHECK(text.ends_with(last) && last.find('/') == std::string_view::npos);
    CHECK(dot == text.size() || (text[dot] == '.' && dot > text.size() - last.size()));
}

std::vector<fuzz::Wish> wishes_of(const std::vector<Ask>& asks, NamePolicy policy) {
    std::vector<fuzz::Wish> wishes;
    for (const Ask& ask : asks) {
        const Outcome entry = ask.with(policy);
        if (entry && entry->kind != NameKind::skip)
            wishes.push_back({ask.key, entry->kind, entry->name});
    }
    return wishes;
}

constexpr unsigned kFlatten = 1;
constexpr unsigned kWithData = 2;
constexpr unsigned kRaw = 4;
constexpr unsigned kRename = 8;
constexpr unsigned kFolded = 16;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const unsigned options = input.byte();
    const std::string_view prefix = input.line();
    std::vector<Ask> asks;
    while (!input.empty()) {
        const std::string_view key = input.line();
        if (key.empty()) continue;  // S3 has no such key
        asks.push_back(
            {key, (options & kWithData) != 0 ? 7U : 0, prefix, (options & kFlatten) != 0});
        check_key(asks.back());
        check_explicit(key, asks.back().size);
        check_parts(key, prefix.size());
    }
    fuzz::check_claims(
        wishes_of(asks, (options & kRaw) != 0 ? NamePolicy::raw : NamePolicy::safe),
        (options & kRename) != 0 ? zip::OnDuplicate::rename : zip::OnDuplicate::fail,
        (options & kFolded) != 0 ? zip::NameEquality::folded : zip::NameEquality::exact);
    return 0;
}
