// A BufferSlab is one reactor's part memory: one mapping, cut into blocks. Not thread-safe: use it
// on the owning reactor's thread. Buffers and PartMemory point into it, so it is destroyed last.
//
// It allocates once, in create(). Memory is reserved before a socket is opened for it: reserve()
// waits until the whole amount is free and its flow is next (FairQueue), so whoever holds memory
// never waits for more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "io/bounds.h"
#include "io/fair_queue.h"
#include "io/task.h"

namespace io {

class BufferSlab;

// The blocks of one part: a run of bytes that looks contiguous through at(). Move-only; gives the
// blocks back.
class PartMemory {
  public:
    PartMemory() = default;
    PartMemory(PartMemory&& other) noexcept;
    PartMemory& operator=(PartMemory&& other) noexcept;
    ~PartMemory();

    std::size_t size() const { return size_; }
    // How many were reserved before it.
    std::uint64_t number() const { return number_; }
    // The bytes from `offset` to the end of their block, at most `limit` of them.
    base::Bytes at(std::size_t offset, std::size_t limit);
    void write(std::size_t offset, base::ByteView bytes);
    // All of it, block by block, for sending.
    std::vector<base::ByteView> pieces() const;

  private:
    friend class BufferSlab;
    PartMemory(BufferSlab& slab, std::vector<std::byte*> blocks, std::size_t size,
               std::uint64_t flow_id, std::uint64_t number)
        : slab_(&slab), blocks_(std::move(blocks)), size_(size), flow_(flow_id), number_(number) {}
    BufferSlab* slab_ = nullptr;
    std::vector<std::byte*> blocks_;
    std::size_t size_ = 0;
    std::uint64_t flow_ = 0;
    std::uint64_t number_ = 0;
};

class BufferSlab {
  public:
    static constexpr std::size_t kBlockBytes = 1 << 20;
    // A fifth stays free for flows that hold nothing yet, as long as parts are no larger than that.
    static constexpr std::size_t kSpareShare = 5;

    // total_bytes is rounded down to whole blocks; the pages are taken from the kernel when first
    // touched. One flow may hold flow_bytes_max (0: all), but one part always, whatever its size.
    static base::Result<std::unique_ptr<BufferSlab>> create(Reactor& reactor,
                                                            std::uint64_t total_bytes,
                                                            std::uint64_t flow_bytes_max = 0);
    ~BufferSlab();
    BufferSlab(const BufferSlab&) = delete;
    BufferSlab& operator=(const BufferSlab&) = delete;

    // exhausted if `size` could never fit.
    Task<base::Result<PartMemory>> reserve(std::size_t size, Bounds bounds, Flow flow = {});

    std::uint64_t total_bytes() const { return block_count_ * kBlockBytes; }
    // A gauge: may be read from any thread.
    std::uint64_t in_use_bytes() const {
        return blocks_in_use_.load(std::memory_order_relaxed) * kBlockBytes;
    }

  private:
    friend class PartMemory;
    BufferSlab(Reactor& reactor, std::byte* base, std::size_t blocks, std::size_t flow_blocks_max);
    void give_back(std::vector<std::byte*>& blocks, std::uint64_t flow_id);

    std::byte* base_;
    std::size_t block_count_;
    FairQueue shares_;                     // counts blocks
    std::vector<std::byte*> free_blocks_;  // last in, first out: the warmest first
    std::uint64_t reserved_ = 0;           // parts, since the start
    std::atomic<std::uint64_t> blocks_in_use_{0};
};

}  // namespace io
