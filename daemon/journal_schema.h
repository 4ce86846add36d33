// What lies in the journal's database, and how it got there: a list of migrations, of which a
// database has applied the first `user_version`.
//
// A migration is an SQL script and runs in one transaction. A released one never changes; a change
// of the schema is a new one at the end. All versions keep the table `meta` as it is, so that a
// newer journal is told from a damaged one. Called by the store, under its lock or before it is
// shared.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "daemon/journal_sqlite.h"

namespace s3zipd {

inline constexpr std::int64_t kJournalApplicationId = 0x73337A6A;  // "s3zj"
inline constexpr std::uint64_t kJournalRowBytesMax = 1 << 20;
inline constexpr std::size_t kJournalJobBytesMax = 128;

std::span<const char* const> journal_migrations();

// The one row of `meta`: changed in every transaction, has a checksum of its own.
struct JournalMeta {
    std::int64_t version = 0;    // again: user_version has no checksum
    std::uint64_t store = 0;     // random; the mark has it, too
    std::uint64_t sequence = 0;  // counts the commits
    std::uint64_t rows = 0;
    std::uint64_t rows_sum = 0;  // of the rows' checksums, wrapping
};
base::Result<JournalMeta> read_meta(const JournalConnection& connection, const std::string& path);
inline constexpr std::string_view kWriteMeta =
    "INSERT OR REPLACE INTO meta (id, version, store, sequence, rows, rows_sum, sum) "
    "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";
base::Status write_meta(JournalStatement& write, const JournalMeta& meta);

// A row's checksum. SQLite has none: without it a bit that flips in a value is not seen.
std::uint64_t row_sum(std::string_view job, std::uint8_t kind, std::uint64_t number,
                      std::string_view data);

// Errors: journal_too_new; journal_unavailable, another program's database; journal_corrupt.
// `is_ours`: something beside the database says that it is a journal.
base::Status check_identity(const JournalConnection& connection, const std::string& path,
                            std::size_t versions, bool is_ours);
// Applies what is missing; an empty database gets all, and an empty meta.
base::Status migrate(const JournalConnection& connection, const std::string& path,
                     std::span<const char* const> migrations);
// SQLite's own check of the structure.
base::Status check_structure(const JournalConnection& connection, const std::string& path);
// Reads every row and compares it with its checksum, and all with meta.
base::Status check_rows(const JournalConnection& connection, const std::string& path,
                        const JournalMeta& meta);

}  // namespace s3zipd
