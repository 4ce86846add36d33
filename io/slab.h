// A BufferSlab is one reactor's part memory: one mapping, cut into blocks. Not thread-safe: use it
// on the owning reactor's thread. Buffers and PartMemory point into it, so it is destroyed last.
//
// It allocates once, in create(). Memory is reserved before a socket is opened for it: reserve()
// waits, in order of arrival, until the whole amount is free, so whoever holds memory never waits
// for more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "io/bounds.h"
#include "io/sync.h"
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
    // The bytes from `offset` to the end of their block, at most `limit` of them.
    base::Bytes at(std::size_t offset, std::size_t limit);
    void write(std::size_t offset, base::ByteView bytes);
    // All of it, block by block, for sending.
    std::vector<base::ByteView> pieces() const;

  private:
    friend class BufferSlab;
    PartMemory(BufferSlab& slab, std::vector<std::byte*> blocks, std::size_t size)
        : slab_(&slab), blocks_(std::move(blocks)), size_(size) {}
    BufferSlab* slab_ = nullptr;
    std::vector<std::byte*> blocks_;
    std::size_t size_ = 0;
};

class BufferSlab {
  public:
    static constexpr std::size_t kBlockBytes = 1 << 20;

    // total_bytes is rounded down to whole blocks; the pages are taken from the kernel when first
    // touched.
    static base::Result<std::unique_ptr<BufferSlab>> create(Reactor& reactor,
                                                            std::uint64_t total_bytes);
    ~BufferSlab();
    BufferSlab(const BufferSlab&) = delete;
    BufferSlab& operator=(const BufferSlab&) = delete;

    // exhausted if `size` could never fit.
    Task<base::Result<PartMemory>> reserve(std::size_t size, Bounds bounds);

    std::uint64_t total_bytes() const { return block_count_ * kBlockBytes; }
    // A gauge: may be read from any thread.
    std::uint64_t in_use_bytes() const {
        return blocks_in_use_.load(std::memory_order_relaxed) * kBlockBytes;
    }

  private:
    friend class PartMemory;
    BufferSlab(Reactor& reactor, std::byte* base, std::size_t blocks);
    void give_back(std::vector<std::byte*>& blocks);

    std::byte* base_;
    std::size_t block_count_;
    Semaphore free_;                       // counts free blocks
    std::vector<std::byte*> free_blocks_;  // last in, first out: the warmest first
    std::atomic<std::uint64_t> blocks_in_use_{0};
};

}  // namespace io
