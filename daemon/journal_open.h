// How a journal is opened: the directory's lock, the database made if there is none, the mark, and
// all checks (journal_store.h says which). The last moment at which damage can be found, so nothing
// is written before everything was read, but for the migration of an older version.
//
// First starts: the database is made aside, with everything in it, and renamed; then the mark.
// Killed in between, there is a database without a commit and without a mark, which is no damage.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "daemon/journal_directory.h"
#include "daemon/journal_mark.h"
#include "daemon/journal_schema.h"
#include "daemon/journal_sqlite.h"

namespace s3zipd {

struct OpenJournal {
    JournalDirectory directory;
    JournalMark mark;
    std::unique_ptr<JournalConnection> connection;
    JournalMeta meta;
};

base::Result<OpenJournal> open_journal(const std::string& directory, BootId boot,
                                       std::span<const char* const> migrations);

}  // namespace s3zipd
