#include "zip/layout.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/check.h"

namespace zip {
namespace {

base::Status check_entry(const Entry& entry, std::uint64_t index) {
    const auto invalid = [&](std::string_view code, std::string_view what) {
        return base::fail(base::ErrorKind::invalid, code,
                          fmt::format("entry {} ({}): {}", index, entry.name.substr(0, 200), what));
    };
    if (entry.name.empty()) return invalid("bad_entry_name", "the name is empty");
    if (entry.name.size() > kNameSizeMax) {
        return invalid("bad_entry_name", fmt::format("the name has {} bytes, at most {} fit",
                                                     entry.name.size(), kNameSizeMax));
    }
    if (entry.is_directory != entry.name.ends_with('/')) {
        return invalid("bad_entry_name", "a directory's name, and no other, ends in '/'");
    }
    if (entry.is_directory && entry.size != 0)
        return invalid("bad_entry_size", "a directory has no data");
    return {};
}

base::Status check_comment_size(std::size_t size) {
    if (size <= kCommentSizeMax) return {};
    return base::fail(
        base::ErrorKind::invalid, "bad_comment",
        fmt::format("the comment has {} bytes, at most {} fit", size, kCommentSizeMax));
}

}  // namespace

base::Status check_comment(std::string_view comment) {
    if (comment.contains("PK\5\6")) {
        return base::fail(base::ErrorKind::invalid, "bad_comment",
                          "the comment contains the signature of a ZIP end record");
    }
    return check_comment_size(comment.size());
}

base::Result<Layout> Layout::create(const EntryList& entries, LayoutOptions options) {
    // Row packs offsets into 48 bits; staying below 2^47 also keeps every sum here far from
    // overflow.
    const std::uint64_t size_max = std::min(options.archive_size_max, std::uint64_t{1} << 47);
    const auto too_large = [&](std::uint64_t index) {
        return base::fail(base::ErrorKind::exhausted, "archive_too_large",
                          fmt::format("the archive passes {} bytes at entry {} of {}", size_max,
                                      index, entries.count()));
    };
    if (base::Status ok = check_comment_size(options.comment_size); !ok) {
        return base::fail(std::move(ok.error()));
    }
    const std::uint64_t count = entries.count();
    Layout layout;
    layout.rows_.reserve(count + 1);
    std::uint64_t offset = 0;
    std::uint64_t cd_size = 0;
    std::uint64_t previous_size = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Entry entry = entries.entry(i);
        if (base::Status ok = check_entry(entry, i); !ok) return base::fail(std::move(ok.error()));
        const std::size_t header_size = local_file_header_size(entry);
        layout.rows_.push_back({offset, cd_size << kSizeBits | header_size});
        cd_size += central_directory_header_size(entry, offset, is_wide_after(previous_size));
        previous_size = entry.size;
        if (entry.size > size_max) return too_large(i);
        offset += header_size + entry.size;
        if (offset + cd_size > size_max) return too_large(i);
    }
    layout.rows_.push_back({offset, cd_size << kSizeBits});
    layout.archive_size_ =
        offset + cd_size + end_records_size(layout.directory(), options.comment_size);
    if (layout.archive_size_ > size_max) return too_large(count);
    return layout;
}

std::uint64_t Layout::entry_at(std::uint64_t offset) const {
    CHECK(offset < cd_offset());
    const auto after = std::ranges::upper_bound(rows_, offset, {}, &Row::header_offset);
    return static_cast<std::uint64_t>(after - rows_.begin()) - 1;
}

std::uint64_t Layout::cd_entry_at(std::uint64_t offset) const {
    CHECK(offset >= cd_offset() && offset < end_records_offset());
    const auto after = std::ranges::upper_bound(
        rows_, offset - cd_offset(), {}, [](const Row& row) { return row.packed >> kSizeBits; });
    return static_cast<std::uint64_t>(after - rows_.begin()) - 1;
}

}  // namespace zip
