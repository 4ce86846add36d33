#include "daemon/journal_mark.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "base/log.h"
#include "base/siphash.h"

namespace s3zipd {
namespace {

constexpr std::string_view kMagic = "s3zjmark";
constexpr const char* kNewMark = "journal.mark.new";
// Fixed: it guards against accidents, not against people who can write the file.
constexpr base::SipKey kMarkKey{0x6b72616d2d6c616e, 0x72756f6a2d337a73};

using Copy = std::array<std::byte, kMarkCopyBytes>;

std::uint64_t sum_of(const Copy& copy) {
    return base::siphash13(kMarkKey, base::as_text(copy).substr(0, 56));
}

}  // namespace

BootId current_boot() {
    BootId boot{};
    const JournalFile file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    char text[36];
    if (file.fd() < 0 || ::read(file.fd(), text, sizeof text) != ssize_t{sizeof text}) return boot;
    // The digest of the UUID's text does as well as the UUID.
    const std::string_view uuid(text, sizeof text);
    base::store_le(boot.data(), base::siphash13({1, 0}, uuid));
    base::store_le(boot.data() + 8, base::siphash13({2, 0}, uuid));
    return boot;
}

base::Result<JournalMark> JournalMark::open(const JournalDirectory& directory, BootId boot) {
    JournalMark mark(directory.path_of(kJournalMark), boot);
    // Left by a first start that did not get to its end.
    if (auto removed = directory.remove(kNewMark); !removed) return base::fail(removed.error());
    const auto size = directory.find(kJournalMark);
    if (!size) return base::fail(size.error());
    if (!*size) return mark;
    auto file = directory.open_file(kJournalMark, O_RDWR);
    if (!file) return base::fail(file.error());
    mark.file_ = std::move(*file);
    const bool first = mark.read_copy(0);
    const bool second = mark.read_copy(1);
    if (!first && !second) {
        return base::fail(journal_corrupt(
            mark.path_, "both copies of the mark are bad, so commits may be missing unnoticed"));
    }
    if (!first || !second) {
        base::log_warn("journal: one copy of the mark is bad, the other is used",
                       {{"file", mark.path_}});
    }
    return mark;
}

// True if the copy is good; takes it if it is the newer one.
bool JournalMark::read_copy(std::size_t which) {
    Copy copy;
    const auto offset = static_cast<off_t>(which * kMarkCopyDistance);
    if (::pread(file_.fd(), copy.data(), copy.size(), offset) != ssize_t{kMarkCopyBytes}) {
        return false;
    }
    if (base::as_text(copy).substr(0, 8) != kMagic ||
        base::load_le<std::uint64_t>(&copy[56]) != sum_of(copy)) {
        return false;
    }
    const auto generation = base::load_le<std::uint64_t>(&copy[16]);
    if (generation <= generation_) return true;
    generation_ = generation;
    commits_ = {.store = base::load_le<std::uint64_t>(&copy[8]),
                .sequence = base::load_le<std::uint64_t>(&copy[24]),
                .synced = base::load_le<std::uint64_t>(&copy[32])};
    std::copy_n(&copy[40], written_in_.size(), written_in_.begin());
    return true;
}

base::Status JournalMark::check(std::uint64_t store, std::uint64_t sequence) const {
    if (!exists()) {
        if (sequence == 0) return {};
        return base::fail(journal_corrupt(
            path_, "is missing, so commits of journal.db may be missing unnoticed"));
    }
    if (commits_.store != store) {
        return base::fail(journal_corrupt(path_, "belongs to another journal.db than this one"));
    }
    const bool same_boot = written_in_ == boot_ && boot_ != BootId{};
    const std::uint64_t acknowledged = same_boot ? commits_.sequence : commits_.synced;
    if (sequence >= acknowledged) return {};
    return base::fail(journal_corrupt(
        path_, fmt::format("acknowledged commits are lost: journal.db and its WAL end at commit "
                           "{}, the mark says {}",
                           sequence, acknowledged)));
}

base::Status JournalMark::start(const JournalDirectory& directory, const Commits& commits) {
    if (exists()) {
        const base::Status first = write(commits);
        return first ? write(commits) : first;
    }
    // Made aside and renamed: a mark is never half there.
    auto file = directory.open_file(kNewMark, O_RDWR | O_CREAT | O_EXCL);
    if (!file) return base::fail(file.error());
    for (int copies = 0; copies < 2; ++copies) {
        if (auto written = write_to(file->fd(), commits); !written) return written;
    }
    if (::fsync(file->fd()) != 0) {
        return base::fail(journal_errno(errno, path_, "cannot be synced"));
    }
    if (auto named = directory.rename(kNewMark, kJournalMark); !named) return named;
    file_ = std::move(*file);
    return directory.sync();
}

base::Status JournalMark::write(const Commits& commits) { return write_to(file_.fd(), commits); }

base::Status JournalMark::write_to(int fd, const Commits& commits) {
    const std::uint64_t generation = generation_ + 1;
    Copy copy{};
    std::ranges::copy(base::as_bytes(kMagic), copy.begin());
    base::store_le(&copy[8], commits.store);
    base::store_le(&copy[16], generation);
    base::store_le(&copy[24], commits.sequence);
    base::store_le(&copy[32], commits.synced);
    std::ranges::copy(boot_, &copy[40]);
    base::store_le(&copy[56], sum_of(copy));
    const auto offset = static_cast<off_t>(generation % 2 * kMarkCopyDistance);
    const ssize_t written = ::pwrite(fd, copy.data(), copy.size(), offset);
    if (written != ssize_t{kMarkCopyBytes}) {
        return base::fail(journal_errno(written < 0 ? errno : ENOSPC, path_, "cannot be written"));
    }
    generation_ = generation;
    commits_ = commits;
    written_in_ = boot_;
    return {};
}

}  // namespace s3zipd
