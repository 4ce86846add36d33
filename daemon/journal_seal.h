// Seals what must not stand in the journal in clear: requests that carry keys of customers (SSE-C).
// AES-256-GCM under a key of 32 random bytes in a file of its own (journal.key, mode 0600), so that
// a copy of the journal alone tells nothing.
//
// The file is made when something is sealed for the first time. Thread-safe. Errors:
// journal_unavailable; journal_key (corrupt), if there is no key, or another, for what was sealed.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"

namespace s3zipd {

class JournalSeal {
  public:
    explicit JournalSeal(const std::string& directory);
    ~JournalSeal();
    JournalSeal(const JournalSeal&) = delete;
    JournalSeal& operator=(const JournalSeal&) = delete;

    // `about` is bound to the text: what was sealed for one job opens for no other.
    base::Result<std::string> seal(std::string_view text, std::string_view about);
    base::Result<std::string> open(std::string_view sealed, std::string_view about);

  private:
    base::Status load_key(bool may_make);
    const std::string path_;
    std::mutex mutex_;
    std::string key_;  // "": not read yet
};

}  // namespace s3zipd
