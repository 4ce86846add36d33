#include "archive/listing.h"

#include <fmt/format.h>
#include <algorithm>

#include "s3client/clip.h"

namespace archive {
namespace {

constexpr std::size_t kKeyShownMax = 300;

FoundObject found(const s3client::ListedObject& object) {
    return {.key = object.key,
            .version_id = {},
            .etag = object.etag,
            .size = object.size,
            .last_modified_s = object.last_modified_s,
            .archived = object.is_archived()};
}

bool any_match(const std::vector<Glob>& patterns, std::string_view text, std::uint64_t& steps) {
    return std::ranges::any_of(patterns,
                               [&](const Glob& pattern) { return pattern.matches(text, steps); });
}

}  // namespace

Listing::Listing(Selection& selection, const Source& source)
    : selection_(selection),
      source_(source),
      include_(source.include.begin(), source.include.end()),
      exclude_(source.exclude.begin(), source.exclude.end()),
      first_object_(selection.count()) {}

base::Status Listing::take_some(std::span<const s3client::ListedObject>& left) {
    if (seen_ && !remember_some()) return {};
    for (steps_ = 0; !left.empty() && steps_ < kStepsPerTurn; left = left.subspan(1)) {
        const std::string_view key = left.front().key;
        if (!seen_ && any_key_ && key < last_key_) {
            // In no order. The object waits for the turn in which all before are remembered.
            seen_.emplace([this](std::uint32_t object) { return selection_.key_of(object); });
            remembered_ = first_object_;
            if (last_object_ == SeenKeys::kNoObject) seen_->insert(last_key_, SeenKeys::kNoObject);
            return {};
        }
        if (auto taken = take(left.front()); !taken) return taken;
    }
    return {};
}

// False: there are more for another turn.
bool Listing::remember_some() {
    const std::size_t end = std::min(selection_.count(), remembered_ + kKeysPerTurn);
    for (; remembered_ < end; ++remembered_) {
        const auto object = static_cast<std::uint32_t>(remembered_);
        seen_->insert(selection_.key_of(object), object);
    }
    selection_.charge_listing(seen_->bytes());
    return remembered_ == selection_.count();
}

base::Status Listing::take(const s3client::ListedObject& object) {
    if (!object.key.starts_with(source_.prefix)) {
        return bad(fmt::format("has the key \"{}\", which is not below the prefix",
                               s3client::clip(object.key, kKeyShownMax)),
                   object.key);
    }
    ++steps_;
    page_has_key_ = true;
    if (!seen_) {
        if (any_key_ && object.key == last_key_) {
            if (last_object_ == SeenKeys::kNoObject) return {};
            return selection_.replace(last_object_, found(object));
        }
        return add(object);
    }
    std::uint32_t* known = seen_->find(object.key);
    if (known == nullptr) return add(object);
    if (*known != SeenKeys::kNoObject) return selection_.replace(*known, found(object));
    // Left out before, or the hash of such a key: the patterns decide again, so that no object is
    // lost to a collision.
    const base::Status selected = select(object, *known);
    remembered_ = selection_.count();
    return selected;
}

base::Status Listing::add(const s3client::ListedObject& object) {
    if (++keys_ > selection_.limits().keys_listed) {
        return base::fail(base::ErrorKind::exhausted, "too_many_objects",
                          fmt::format("the listing of {}/{} has more than {} keys", source_.bucket,
                                      source_.prefix, selection_.limits().keys_listed));
    }
    page_has_new_key_ = any_key_ = true;
    last_key_ = object.key;
    last_object_ = SeenKeys::kNoObject;
    if (auto selected = select(object, last_object_); !selected) return selected;
    if (!seen_) return {};
    seen_->insert(object.key, last_object_);
    remembered_ = selection_.count();
    selection_.charge_listing(seen_->bytes());
    return selection_.check_limits();
}

// Adds the object to the Selection if the patterns and the Selection take it, and gives its number.
base::Status Listing::select(const s3client::ListedObject& object, std::uint32_t& number) {
    if (!is_chosen(object.key)) return {};
    const std::size_t before = selection_.count();
    if (auto added = selection_.add(source_.bucket, found(object), {}); !added) return added;
    if (selection_.count() > before) number = static_cast<std::uint32_t>(before);
    return {};
}

bool Listing::is_chosen(std::string_view key) {
    const std::string_view below = key.substr(source_.prefix.size());
    return (include_.empty() || any_match(include_, below, steps_)) &&
           !any_match(exclude_, below, steps_);
}

base::Status Listing::end_page(std::string_view next_token) {
    if (page_has_new_key_) idle_pages_ = repeated_pages_ = 0;
    if (!page_has_new_key_) ++idle_pages_;
    if (page_has_key_ && !page_has_new_key_) ++repeated_pages_;
    page_has_key_ = page_has_new_key_ = false;
    if (next_token.empty()) {
        selection_.charge_listing(0);  // seen_ ends with the listing
        return {};
    }
    if (next_token == kept_token_) {
        return bad(
            "goes in circles: the store gave a continuation token again that it had given before");
    }
    if (idle_pages_ >= kIdlePagesMax || repeated_pages_ >= kRepeatedPagesMax) {
        return bad(
            fmt::format("does not move on: {} pages in a row without a new key, and the "
                        "store announces more",
                        idle_pages_));
    }
    if (++pages_since_ == pages_until_) {
        kept_token_ = next_token;
        pages_since_ = 0;
        pages_until_ *= 2;
    }
    return {};
}

std::unexpected<base::Error> Listing::bad(std::string detail, std::string_view key) const {
    return base::fail(
        {base::ErrorKind::corrupt,
         "bad_listing",
         fmt::format("the listing of {}/{} {}", source_.bucket, source_.prefix, detail),
         0,
         {},
         fmt::format("{}/{}", source_.bucket,
                     s3client::clip(key.empty() ? source_.prefix : key, kKeyShownMax))});
}

}  // namespace archive
