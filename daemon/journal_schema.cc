#include "daemon/journal_schema.h"

#include <fmt/format.h>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"
#include "base/siphash.h"
#include "daemon/journal_directory.h"

namespace s3zipd {
namespace {

// Fixed: they guard against accidents, not against people who can write the file.
constexpr base::SipKey kRowKey{0x776f722d6c616e72, 0x756f6a2d70697a73};
constexpr base::SipKey kDataKey{0x617461642d6c616e, 0x72756f6a2d337a73};
constexpr base::SipKey kMetaKey{0x6174656d2d6c616e, 0x72756f6a2d337a73};

// `sum` lies before `data`, so that it is read without the pages that a long value spills to.
constexpr const char* kMigrations[] = {
    // 1
    "CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,"
    " store INTEGER NOT NULL, sequence INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " rows_sum INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE entry (job BLOB NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL,"
    " sum INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY (job, kind, number)) STRICT, WITHOUT ROWID;",
};

std::uint64_t sum_of(const JournalMeta& meta) {
    std::array<std::byte, 40> bytes;
    base::store_le(&bytes[0], static_cast<std::uint64_t>(meta.version));
    base::store_le(&bytes[8], meta.store);
    base::store_le(&bytes[16], meta.sequence);
    base::store_le(&bytes[24], meta.rows);
    base::store_le(&bytes[32], meta.rows_sum);
    return base::siphash13(kMetaKey, base::as_text(bytes));
}

base::Status apply(const JournalConnection& connection, const std::string& path,
                   std::int64_t version, const char* script) {
    JournalMeta meta;
    if (version == 1) {
        meta.store = base::Random::from_system().next();
        const auto id = fmt::format("PRAGMA application_id = {}", kJournalApplicationId);
        if (auto set = connection.run(id.c_str()); !set) return set;
    } else {
        const auto read = read_meta(connection, path);
        if (!read) return base::fail(read.error());
        meta = *read;
    }
    if (auto ran = connection.run(script); !ran) return ran;
    meta.version = version;
    auto write = connection.prepare(kWriteMeta);
    if (!write) return base::fail(write.error());
    if (auto written = write_meta(*write, meta); !written) return written;
    return connection.run(fmt::format("PRAGMA user_version = {}", version).c_str());
}

}  // namespace

std::span<const char* const> journal_migrations() { return kMigrations; }

std::uint64_t row_sum(std::string_view job, std::uint8_t kind, std::uint64_t number,
                      std::string_view data) {
    // The data's digest stands for the data: nothing long is copied.
    std::string text(25, '\0');
    auto* at = reinterpret_cast<std::byte*>(text.data());
    base::store_le(at, kind);
    base::store_le(at + 1, number);
    base::store_le(at + 9, std::uint64_t{data.size()});
    base::store_le(at + 17, base::siphash13(kDataKey, data));
    text += job;
    return base::siphash13(kRowKey, text);
}

base::Result<JournalMeta> read_meta(const JournalConnection& connection, const std::string& path) {
    auto read =
        connection.prepare("SELECT version, store, sequence, rows, rows_sum, sum, id FROM meta");
    if (!read) return base::fail(read.error());
    const auto row = read->step();
    if (!row) return base::fail(row.error());
    if (!*row) return base::fail(journal_corrupt(path, "the row of its meta table is missing"));
    const auto count = [&](int column) { return static_cast<std::uint64_t>(read->number(column)); };
    const JournalMeta meta{.version = read->number(0),
                           .store = count(1),
                           .sequence = count(2),
                           .rows = count(3),
                           .rows_sum = count(4)};
    if (count(5) != sum_of(meta) || read->number(6) != 1) {
        return base::fail(journal_corrupt(path, "the row of its meta table has a bad checksum"));
    }
    return meta;
}

base::Status write_meta(JournalStatement& write, const JournalMeta& meta) {
    write.bind(1, meta.version);
    write.bind(2, static_cast<std::int64_t>(meta.store));
    write.bind(3, static_cast<std::int64_t>(meta.sequence));
    write.bind(4, static_cast<std::int64_t>(meta.rows));
    write.bind(5, static_cast<std::int64_t>(meta.rows_sum));
    write.bind(6, static_cast<std::int64_t>(sum_of(meta)));
    return write.run();
}

base::Status check_identity(const JournalConnection& connection, const std::string& path,
                            std::size_t versions, bool is_ours) {
    const auto application = connection.number("PRAGMA application_id");
    if (!application) return base::fail(application.error());
    if (*application != kJournalApplicationId) {
        if (is_ours) {
            return base::fail(journal_corrupt(
                path, fmt::format("its application_id is {:#x}, a journal's is {:#x}", *application,
                                  kJournalApplicationId)));
        }
        return base::fail(base::ErrorKind::invalid, "journal_unavailable",
                          path +
                              ": is the SQLite database of another program; give the journal a "
                              "directory of its own");
    }
    const auto version = connection.number("PRAGMA user_version");
    if (!version) return base::fail(version.error());
    const auto meta = read_meta(connection, path);
    if (!meta) return base::fail(meta.error());
    if (*version != meta->version || *version < 1) {
        return base::fail(
            journal_corrupt(path, fmt::format("its user_version is {}, its meta table says {}",
                                              *version, meta->version)));
    }
    if (*version > static_cast<std::int64_t>(versions)) {
        return base::fail(
            base::ErrorKind::invalid, "journal_too_new",
            fmt::format("{}: was written by a newer s3zipd (its version is {}, this one knows {}); "
                        "run that one, or give this one another directory",
                        path, *version, versions));
    }
    return {};
}

base::Status migrate(const JournalConnection& connection, const std::string& path,
                     std::span<const char* const> migrations) {
    const auto applied = connection.number("PRAGMA user_version");
    if (!applied) return base::fail(applied.error());
    for (auto at = static_cast<std::size_t>(*applied); at < migrations.size(); ++at) {
        base::Status done = connection.run("BEGIN IMMEDIATE");
        if (done) done = apply(connection, path, static_cast<std::int64_t>(at + 1), migrations[at]);
        if (done) done = connection.run("COMMIT");
        if (!done) {
            connection.roll_back();
            return done;
        }
    }
    return {};
}

base::Status check_structure(const JournalConnection& connection, const std::string& path) {
    const auto answer = connection.text("PRAGMA integrity_check(1)");
    if (!answer) return base::fail(answer.error());
    if (*answer == "ok") return {};
    // It takes what the disk cannot read for damage, too.
    if (auto read = connection.read_through(); !read) return read;
    return base::fail(journal_corrupt(path, *answer));
}

base::Status check_rows(const JournalConnection& connection, const std::string& path,
                        const JournalMeta& meta) {
    auto read = connection.prepare(
        "SELECT job, kind, number, sum, data FROM entry ORDER BY job, kind, number");
    if (!read) return base::fail(read.error());
    std::uint64_t rows = 0;
    std::uint64_t rows_sum = 0;
    std::optional<std::tuple<std::string, std::int64_t, std::int64_t>> last;
    for (;;) {
        const auto row = read->step();
        if (!row) return base::fail(row.error());
        if (!*row) break;
        const std::string_view job = read->bytes(0);
        const std::int64_t kind = read->number(1);
        const std::int64_t number = read->number(2);
        const auto sum = static_cast<std::uint64_t>(read->number(3));
        // Strictly ascending keys are what a look-up relies on.
        std::tuple key(std::string(job), kind, number);
        if (kind < 0 || kind > std::numeric_limits<std::uint8_t>::max() || number < 0 ||
            (last && key <= *last) ||
            sum != row_sum(job, static_cast<std::uint8_t>(kind), static_cast<std::uint64_t>(number),
                           read->bytes(4))) {
            return base::fail(journal_corrupt(
                path, fmt::format("the row {} (kind {}, number {}) has a bad checksum or place",
                                  rows + 1, kind, number)));
        }
        last = std::move(key);
        ++rows;
        rows_sum += sum;
    }
    if (rows == meta.rows && rows_sum == meta.rows_sum) return {};
    return base::fail(journal_corrupt(
        path, fmt::format("it holds {} rows that do not add up to the {} rows that were written",
                          rows, meta.rows)));
}

}  // namespace s3zipd
