#include "archive/manifest_codec.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/encoding.h"
#include "base/packed.h"

namespace archive {
namespace {

using base::PackedReader;
using base::PackedWriter;

constexpr std::uint64_t kVersion = 1;

enum class Chunk : std::uint8_t {
    head = 1,
    entries = 2,
    skipped = 3,
    missing_list = 4,
    renamed = 5
};

// Reasons are literals in a report; 0 is none.
constexpr std::array<std::string_view, 6> kReasons = {"",          "unsafe",   "duplicate",
                                                      "not_found", "archived", "destination"};

std::uint8_t reason_code(std::string_view reason) {
    const auto found = std::ranges::find(kReasons, reason);
    CHECK(found != kReasons.end());
    return static_cast<std::uint8_t>(found - kReasons.begin());
}

base::Error bad_record(std::string_view what) {
    return {base::ErrorKind::corrupt,
            "bad_manifest_record",
            "a manifest in the journal cannot be read: " + std::string(what),
            0,
            {},
            {}};
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// An ETag is mostly 32 digits of hex, with "-N" behind them of a multipart upload.
void write_etag(PackedWriter& out, std::string_view etag) {
    constexpr std::size_t kDigits = 32;
    const std::string_view head = etag.substr(0, kDigits);
    const bool is_hex = head.size() == kDigits &&
                        std::ranges::all_of(head, [](char c) { return hex_digit(c) >= 0; });
    if (!is_hex) {
        out.byte(0);
        return out.text(etag);
    }
    out.byte(etag.size() == kDigits ? 1 : 2);
    for (std::size_t i = 0; i < kDigits; i += 2) {
        out.byte(static_cast<std::uint8_t>(hex_digit(head[i]) << 4 | hex_digit(head[i + 1])));
    }
    if (etag.size() > kDigits) out.text(etag.substr(kDigits));
}

void read_etag(PackedReader& in, std::string& etag) {
    const std::uint8_t form = in.byte();
    if (form == 0) {
        etag = in.text();
        return;
    }
    if (form > 2) return in.fail();
    etag = base::hex(base::as_bytes(in.bytes(16)));
    if (form == 2) etag += in.text();
}

// Cuts what is written into chunks, each with its kind before it.
class ChunkWriter {
  public:
    explicit ChunkWriter(std::vector<std::string>& out) : out_(out) {}
    // True: a new chunk has begun.
    bool begin(Chunk kind) {
        const bool same = open_ && kind == kind_ && writer.size() < ManifestDecoder::kChunkBytes;
        if (same) return false;
        end();
        kind_ = kind;
        open_ = true;
        writer.byte(static_cast<std::uint8_t>(kind));
        return true;
    }
    void end() {
        if (open_) out_.push_back(writer.take());
        open_ = false;
    }
    PackedWriter writer;

  private:
    std::vector<std::string>& out_;
    Chunk kind_ = Chunk::head;
    bool open_ = false;
};

std::size_t source_of(const s3client::AccessedBucket& bucket, const ArchiveRequest& request) {
    const auto& sources = request.sources;
    const auto found = std::ranges::find(sources, bucket.access, &Source::access);
    // 0: as anybody would.
    return found == sources.end() ? 0 : static_cast<std::size_t>(found - sources.begin()) + 1;
}

void write_skipped(ChunkWriter& chunks, const ObjectReport& report) {
    for (const SkippedObject& object : report.skipped()) {
        chunks.begin(Chunk::skipped);
        chunks.writer.text(object.bucket);
        chunks.writer.text(object.key);
        chunks.writer.byte(reason_code(object.reason));
    }
}

void read_skipped(PackedReader& in, ObjectReport& report) {
    while (in.ok() && !in.at_end()) {
        const std::string_view bucket = in.text();
        const std::string_view key = in.text();
        const std::uint8_t reason = in.byte();
        if (reason == 0 || reason >= kReasons.size()) in.fail();
        if (in.ok()) report.skip(bucket, key, kReasons[reason]);
    }
}

class EntryWriter {
  public:
    EntryWriter(const Manifest& manifest, ChunkWriter& chunks)
        : manifest_(manifest), chunks_(chunks), renamed_(manifest.report()->renamed()) {}

    void write(std::uint64_t index) {
        const ManifestEntry& entry = manifest_[index];
        if (chunks_.begin(Chunk::entries)) {
            key_ = {};
            mtime_ = 0;
        }
        PackedWriter& out = chunks_.writer;
        const std::string_view key = entry.key();
        const auto differs = std::ranges::mismatch(key, key_);
        const auto common = static_cast<std::size_t>(differs.in1 - key.begin());
        out.number(common);
        out.text(key.substr(common));
        out.text(entry.version_id());
        write_etag(out, entry.etag());
        out.number(entry.size);
        const std::int64_t mtime = manifest_.entry(index).mtime_unix_s;
        out.signed_number(mtime - mtime_);
        out.number(entry.bucket);
        write_name(out, entry);
        key_ = key;
        mtime_ = mtime;
    }
    bool told_all_renames() const { return next_renamed_ == renamed_.size(); }

  private:
    void write_name(PackedWriter& out, const ManifestEntry& entry) {
        const std::string_view key = entry.key(), name = entry.name();
        // 0: the name follows; else one more than where it begins in the key.
        if (key.ends_with(name)) {
            out.number(key.size() - name.size() + 1);
        } else {
            out.number(0);
            out.text(name);
        }
        // Renames were told in the order of the entries, and names are unique.
        const bool renamed =
            next_renamed_ < renamed_.size() && renamed_[next_renamed_].name == name;
        out.byte(renamed ? reason_code(renamed_[next_renamed_++].reason) : 0);
    }

    const Manifest& manifest_;
    ChunkWriter& chunks_;
    const std::vector<RenamedObject>& renamed_;
    std::size_t next_renamed_ = 0;
    std::string_view key_;
    std::int64_t mtime_ = 0;
};

}  // namespace

std::vector<std::string> encode_manifest(const Manifest& manifest, const ArchiveRequest& request) {
    std::vector<std::string> out;
    ChunkWriter chunks(out);
    chunks.begin(Chunk::head);
    chunks.writer.number(kVersion);
    chunks.writer.number(manifest.count());
    chunks.writer.number(manifest.bucket_count());
    std::uint64_t missing_list_at = 0;  // one more than its index; 0: there is none
    for (std::uint32_t b = 0; b < manifest.bucket_count(); ++b) {
        chunks.writer.text(manifest.bucket(b).name);
        chunks.writer.number(source_of(manifest.bucket(b), request));
    }
    if (manifest.count() > 0 && !manifest.text_of(manifest.count() - 1).empty())
        missing_list_at = manifest.count();
    chunks.writer.number(missing_list_at);
    EntryWriter entries(manifest, chunks);
    for (std::uint64_t i = 0; i < manifest.count(); ++i) entries.write(i);
    CHECK(entries.told_all_renames());
    write_skipped(chunks, *manifest.report());
    if (missing_list_at != 0) {
        for (std::string_view rest = manifest.text_of(missing_list_at - 1); !rest.empty();) {
            const std::string_view piece = rest.substr(0, ManifestDecoder::kChunkBytes);
            chunks.end();
            chunks.begin(Chunk::missing_list);
            chunks.writer.text(piece);
            rest.remove_prefix(piece.size());
        }
    }
    chunks.end();
    return out;
}

struct ManifestDecoder::State {
    explicit State(const ArchiveRequest& the_request)
        : request(the_request),
          manifest(new Manifest(Selection(the_request), the_request.options)),
          report(std::make_unique<ObjectReport>()) {}

    void read_head(PackedReader& in);
    void read_entries(PackedReader& in);
    void read_entry(PackedReader& in, std::int64_t& mtime);

    const ArchiveRequest& request;
    std::shared_ptr<Manifest> manifest;
    std::unique_ptr<ObjectReport> report;
    std::uint64_t entries_due = 0;
    bool has_head = false;
    std::string key, etag, buffer;  // of the entry before, and scratch
};

ManifestDecoder::ManifestDecoder(const ArchiveRequest& request)
    : state_(std::make_unique<State>(request)) {}
ManifestDecoder::~ManifestDecoder() = default;

void ManifestDecoder::State::read_head(PackedReader& in) {
    if (has_head || in.number() != kVersion) return in.fail();
    has_head = true;
    entries_due = in.number();
    const std::uint64_t buckets = in.number();
    for (std::uint64_t b = 0; b < buckets && in.ok(); ++b) {
        s3client::AccessedBucket& bucket = manifest->buckets_.emplace_back();
        bucket.name = in.text();
        const std::uint64_t source = in.number();
        if (source > request.sources.size()) return in.fail();
        if (source > 0) bucket.access = request.sources[source - 1].access;
    }
    const std::uint64_t missing_list_at = in.number();
    if (missing_list_at != 0) manifest->missing_list_at_ = missing_list_at - 1;
}

void ManifestDecoder::State::read_entries(PackedReader& in) {
    key.clear();
    std::int64_t mtime = 0;
    while (in.ok() && !in.at_end()) {
        if (manifest->entries_.size() == entries_due) return in.fail();
        read_entry(in, mtime);
    }
}

void ManifestDecoder::State::read_entry(PackedReader& in, std::int64_t& mtime) {
    const std::uint64_t common = in.number();
    const std::string_view rest = in.text();
    if (common > key.size()) return in.fail();
    key.resize(common);
    key += rest;
    const std::string_view version = in.text();
    read_etag(in, etag);
    ManifestEntry entry;
    entry.size = in.number();
    mtime += in.signed_number();
    entry.mtime_unix_s = mtime;
    const std::uint64_t bucket = in.number();
    const std::uint64_t name_at = in.number();
    const std::string_view name = name_at == 0 ? in.text() : std::string_view{};
    const std::uint8_t reason = in.byte();
    constexpr std::size_t kMax = ManifestEntry::kTextBytesMax;
    const bool is_list = manifest->entries_.size() == manifest->missing_list_at_;
    if (!in.ok() || (bucket >= manifest->buckets_.size() && !is_list) || name_at > key.size() ||
        reason >= kReasons.size() ||
        std::max({key.size(), version.size(), etag.size(), name.size()}) > kMax) {
        return in.fail();
    }
    entry.bucket = static_cast<std::uint32_t>(bucket);
    entry.pack(*manifest->pool_, {key, version, etag, name}, buffer);
    if (name_at != 0) entry.set_name(entry.key().substr(name_at - 1));
    if (reason != 0)
        report->rename(manifest->buckets_[entry.bucket].name, key, entry.name(), kReasons[reason]);
    if (!is_list) manifest->source_bytes_ += entry.size;
    manifest->entries_.push_back(entry);
}

base::Status ManifestDecoder::add(std::string_view chunk) {
    PackedReader in(chunk);
    switch (static_cast<Chunk>(in.byte())) {
        case Chunk::head: state_->read_head(in); break;
        case Chunk::entries: state_->read_entries(in); break;
        case Chunk::skipped: read_skipped(in, *state_->report); break;
        case Chunk::missing_list: state_->manifest->missing_list_ += in.text(); break;
        default: in.fail();
    }
    if (!in.at_end()) return std::unexpected(bad_record("a chunk is damaged"));
    return {};
}

base::Result<std::shared_ptr<const Manifest>> ManifestDecoder::finish() {
    Manifest& manifest = *state_->manifest;
    const bool has_list = manifest.missing_list_at_ != UINT64_MAX;
    if (!state_->has_head || manifest.entries_.size() != state_->entries_due ||
        has_list == manifest.missing_list_.empty() ||
        (has_list &&
         (manifest.missing_list_at_ >= manifest.entries_.size() ||
          manifest.entries_[manifest.missing_list_at_].size != manifest.missing_list_.size()))) {
        return std::unexpected(bad_record("it is not whole"));
    }
    manifest.report_ = std::move(state_->report);
    manifest.entries_.shrink_to_fit();
    return std::move(state_->manifest);
}

std::vector<std::string> encode_report(const ObjectReport& report) {
    std::vector<std::string> out;
    ChunkWriter chunks(out);
    write_skipped(chunks, report);
    for (const RenamedObject& object : report.renamed()) {
        chunks.begin(Chunk::renamed);
        chunks.writer.text(object.bucket);
        chunks.writer.text(object.key);
        chunks.writer.text(object.name);
        chunks.writer.byte(reason_code(object.reason));
    }
    chunks.end();
    return out;
}

base::Result<std::shared_ptr<const ObjectReport>> decode_report(
    const std::vector<std::string>& chunks) {
    auto report = std::make_shared<ObjectReport>();
    for (const std::string& chunk : chunks) {
        PackedReader in(chunk);
        const auto kind = static_cast<Chunk>(in.byte());
        if (kind == Chunk::skipped) read_skipped(in, *report);
        while (kind == Chunk::renamed && in.ok() && !in.at_end()) {
            const std::string_view bucket = in.text();
            const std::string_view key = in.text();
            const std::string_view name = in.text();
            const std::uint8_t reason = in.byte();
            if (reason == 0 || reason >= kReasons.size()) in.fail();
            if (in.ok()) report->rename(bucket, key, name, kReasons[reason]);
        }
        if (!in.at_end()) return std::unexpected(bad_record("a report is damaged"));
    }
    return report;
}

}  // namespace archive
