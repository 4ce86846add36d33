// A Listing takes the pages of one prefix into a Selection and checks them: some stores and proxies
// list in ways that would end in a wrong archive, or not end at all.
//
//   - A key that is not below the prefix is an error.
//   - A key that comes again, in its page or in a later one, is one object. If its ETag, size or
//     time has changed the later answer counts: the object was written during the listing.
//   - Any order is accepted. A sorted listing (S3's, by UTF-8 bytes) needs no memory for it; after
//     the first key out of order all keys are remembered (seen_keys.h).
//   - Continuation tokens that repeat, with any period, are an error. So are kIdlePagesMax pages in
//     a row without a new key, or kRepeatedPagesMax such pages with keys. S3 gives empty pages
//     where it steps over delete markers.
//
// All errors but those of the Selection are corrupt "bad_listing", or exhausted "too_many_objects".
//
// A page is taken in turns of some milliseconds, so that jobs share a worker thread: the cost of a
// page depends on the keys, the patterns and the store. Not thread-safe; each turn can run on
// another thread. The Selection and the Source outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/glob.h"
#include "archive/request.h"
#include "archive/seen_keys.h"
#include "archive/selection.h"
#include "s3client/xml.h"

namespace archive {

class Listing {
  public:
    static constexpr std::uint64_t kIdlePagesMax = 1'000;
    static constexpr std::uint64_t kRepeatedPagesMax = 100;
    // Steps of glob.h in one turn, some 5 ms.
    static constexpr std::uint64_t kStepsPerTurn = 4'000'000;
    // Keys remembered in one turn, when a listing turns out to be in no order.
    static constexpr std::size_t kKeysPerTurn = 50'000;

    Listing(Selection& selection, const Source& source);

    // One turn: takes objects of the page and removes them from `left`. Call it until none is left.
    base::Status take_some(std::span<const s3client::ListedObject>& left);
    // After the last object of a page. `next_token` is not empty: there is another page.
    base::Status end_page(std::string_view next_token);

  private:
    base::Status take(const s3client::ListedObject& object);
    base::Status add(const s3client::ListedObject& object);  // whose key is new
    base::Status select(const s3client::ListedObject& object, std::uint32_t& number);
    bool is_chosen(std::string_view key);
    bool remember_some();
    std::unexpected<base::Error> bad(std::string detail, std::string_view key = {}) const;

    Selection& selection_;
    const Source& source_;
    std::vector<Glob> include_, exclude_;
    std::uint64_t steps_ = 0;

    const std::size_t first_object_;  // of this listing, in the Selection
    std::uint64_t keys_ = 0;
    bool any_key_ = false;
    std::string last_key_;
    std::uint32_t last_object_ = SeenKeys::kNoObject;
    std::optional<SeenKeys> seen_;  // of a listing in no order
    std::size_t remembered_ = 0;    // objects of the Selection up to here are in seen_

    bool page_has_key_ = false, page_has_new_key_ = false;
    std::uint64_t idle_pages_ = 0, repeated_pages_ = 0;  // in a row
    // Brent's algorithm: the token of a page whose number is a power of two is kept until the next.
    std::string kept_token_;
    std::uint64_t pages_since_ = 0, pages_until_ = 1;
};

}  // namespace archive
