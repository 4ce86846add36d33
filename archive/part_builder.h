// Builds one part in its own memory: ranges of objects are received straight to their places,
// several at once, their CRCs taken while the bytes are hot; then the headers, which need the CRCs,
// are written around them.
//
//   fetch()          GETs, side by side; also those of data outside the part whose CRC a header
//                    needs and nothing else has determined (ShardEntry::rest)
//   write_headers()  LocalFileHeaders with the true CRCs
//   write_directory  only in an archive's last parts
//   body()           what goes to S3, from the same memory, with the CRC of all of it
//
// Lives on one reactor; holds the part's memory and gives it back when destroyed.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "archive/job_record.h"
#include "archive/shard.h"
#include "io/slab.h"
#include "io/task_scope.h"
#include "s3client/client.h"
#include "zip/central_directory.h"

namespace archive {

// What an executor works with. Everything belongs to the same reactor and outlives the work.
struct ShardContext {
    io::Reactor& reactor;
    s3client::S3Client& client;
    io::BufferSlab& slab;
    s3client::CallContext call;
    JobRecorder* recorder = nullptr;  // null: nobody remembers
    // A call to a bucket of this access, which outlives the call.
    s3client::CallContext call_with(const s3client::Access& access) const {
        s3client::CallContext with = call;
        with.access = &access;
        return with;
    }
    // Of the parts of one flow the older is filled first: they end one after the other, and others
    // need not wait for all of them to get memory.
    ShardContext in_order(std::uint64_t number) const {
        ShardContext with = *this;
        with.call.flow.order = number;
        return with;
    }
};

class PartBuilder {
  public:
    PartBuilder(const ShardContext& context, const ShardPlan& shard, const ShardPart& part,
                io::PartMemory memory);

    // The first error is the result; it cancels all that is done in the same name, since a part
    // that cannot be filled fails its job. Errors of VerifySources::md5: corrupt
    // "checksum_mismatch", if the bytes of an object do not have the MD5 that its ETag is.
    io::Task<base::Status> fetch();
    // Errors: corrupt "checksum_mismatch", if an entry is not what S3 has stored of its object.
    base::Status write_headers();
    void write_directory(zip::CentralDirectory& directory);

    // Complete after fetch(): those of ShardResult.
    std::vector<PieceCrc> pieces() const;
    // Entries that were compared with a CRC-32 that S3 has stored, or with an ETag that is an MD5.
    std::uint64_t compared() const { return compared_; }
    // The part's bytes, and the CRC of all of it, combined from those of its segments. `views` must
    // outlive the body.
    s3client::Body body(std::vector<base::ByteView>& views) const;
    // Before it is sent: what must be known of it when it is found in S3 later.
    io::Task<void> record(std::uint32_t crc32) const;

  private:
    struct Fetch {
        std::size_t segment = 0;
        std::uint64_t object_offset = 0;
        std::uint64_t length = 0;
        std::size_t at = 0;  // in the part
        std::uint32_t crc32 = 0;
    };
    // A GET of a run outside the part, for its CRC only.
    struct RestFetch {
        std::size_t run = 0;  // index into rest_
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::uint32_t crc32 = 0;
    };
    class Receiver;
    class PartReceiver;
    class ScratchReceiver;
    void plan_fetches();
    io::Task<void> fetch_some();
    // Gives the stored CRC that came with a whole object and equals that of the bytes.
    io::Task<base::Result<std::optional<std::uint32_t>>> fetch_one(const ShardEntry& entry,
                                                                   s3client::ByteRange range,
                                                                   Receiver& receiver);
    void note_failure(base::Error error);
    io::Task<void> ask_stored_crc(std::size_t segment);
    io::Task<void> fetch_rest(std::size_t header_segment);
    io::Task<void> fetch_some_of_rest();
    void combine_fetches();
    std::uint32_t crc32_here(std::size_t header_segment) const;
    std::uint64_t bytes_here(std::size_t header_segment) const;
    bool counts_comparison(std::size_t header_segment) const;

    // VerifySources::md5, in part_md5.cc.
    bool wants_md5(const ShardEntry& entry) const;
    bool is_whole(std::size_t header_segment) const;
    void spawn_md5_reads(io::TaskScope& scope);
    io::Task<void> read_for_md5(std::size_t header_segment);
    io::Task<base::Status> read_in_order(std::size_t header_segment);
    io::Task<base::Status> check_md5s();
    io::Task<base::Status> check_md5(std::size_t header_segment, std::uint64_t& hashed);
    base::Status compare_with_md5_read(std::size_t header_segment, std::uint32_t crc32);
    void note_answer(std::uint32_t entry, bool opaque_etag, bool has_stored_crc);

    const ShardContext context_;
    const ShardPlan& shard_;
    const ShardPart& part_;
    io::PartMemory memory_;
    std::vector<std::size_t> places_;          // of each segment in the part
    std::vector<std::uint32_t> segment_crcs_;  // of each segment
    std::vector<Fetch> fetches_;
    std::size_t next_fetch_ = 0;
    std::vector<RestRun> rest_;    // of the last entry; complete after fetch()
    std::size_t rest_header_ = 0;  // the header segment that it belongs to
    std::vector<RestFetch> rest_fetches_;
    std::size_t next_rest_fetch_ = 0;
    std::map<std::size_t, std::uint32_t> stored_crcs_;  // by header segment
    std::set<std::uint32_t> without_md5_;  // entries with a stored CRC or an ETag that is no MD5
    std::map<std::size_t, std::uint32_t> md5_read_crcs_;  // by header segment: of read_in_order()
    std::uint64_t compared_ = 0;
    base::Status failure_;
};

}  // namespace archive
