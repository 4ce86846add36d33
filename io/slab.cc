#include "io/slab.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace io {

PartMemory::PartMemory(PartMemory&& other) noexcept
    : slab_(std::exchange(other.slab_, nullptr)),
      blocks_(std::move(other.blocks_)),
      size_(std::exchange(other.size_, 0)),
      flow_(other.flow_),
      number_(other.number_) {}

PartMemory& PartMemory::operator=(PartMemory&& other) noexcept {
    if (slab_ != nullptr) slab_->give_back(blocks_, flow_);
    slab_ = std::exchange(other.slab_, nullptr);
    blocks_ = std::move(other.blocks_);
    size_ = std::exchange(other.size_, 0);
    flow_ = other.flow_;
    number_ = other.number_;
    return *this;
}

PartMemory::~PartMemory() {
    if (slab_ != nullptr) slab_->give_back(blocks_, flow_);
}

base::Bytes PartMemory::at(std::size_t offset, std::size_t limit) {
    CHECK(offset < size_);
    const std::size_t in_block = offset % BufferSlab::kBlockBytes;
    const std::size_t left = std::min(BufferSlab::kBlockBytes - in_block, size_ - offset);
    return {blocks_[offset / BufferSlab::kBlockBytes] + in_block, std::min(left, limit)};
}

void PartMemory::write(std::size_t offset, base::ByteView bytes) {
    while (!bytes.empty()) {
        const base::Bytes to = at(offset, bytes.size());
        std::copy_n(bytes.begin(), to.size(), to.begin());
        bytes = bytes.subspan(to.size());
        offset += to.size();
    }
}

std::vector<base::ByteView> PartMemory::pieces() const {
    std::vector<base::ByteView> views;
    views.reserve(blocks_.size());
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const std::size_t length =
            std::min(BufferSlab::kBlockBytes, size_ - i * BufferSlab::kBlockBytes);
        // Neighbouring blocks are often neighbours in memory: fewer, longer pieces.
        if (!views.empty() && views.back().data() + views.back().size() == blocks_[i]) {
            views.back() = {views.back().data(), views.back().size() + length};
        } else {
            views.push_back({blocks_[i], length});
        }
    }
    return views;
}

base::Result<std::unique_ptr<BufferSlab>> BufferSlab::create(Reactor& reactor,
                                                             std::uint64_t total_bytes,
                                                             std::uint64_t flow_bytes_max) {
    const std::size_t blocks = total_bytes / kBlockBytes;
    void* memory =
        ::mmap(nullptr, std::max<std::size_t>(1, blocks) * kBlockBytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return std::unexpected(io_error(-errno, "mapping part memory"));
    ::madvise(memory, blocks * kBlockBytes, MADV_HUGEPAGE);  // a wish; works without
    return std::unique_ptr<BufferSlab>(new BufferSlab(
        reactor, static_cast<std::byte*>(memory), blocks,
        flow_bytes_max == 0 ? 0 : std::max<std::size_t>(1, flow_bytes_max / kBlockBytes)));
}

BufferSlab::BufferSlab(Reactor& reactor, std::byte* base, std::size_t blocks,
                       std::size_t flow_blocks_max)
    : base_(base),
      block_count_(blocks),
      shares_(reactor, blocks,
              {.flow_units_max = flow_blocks_max, .spare_units = blocks / kSpareShare}) {
    free_blocks_.reserve(blocks);
    for (std::size_t i = blocks; i-- > 0;) free_blocks_.push_back(base_ + i * kBlockBytes);
}

BufferSlab::~BufferSlab() {
    CHECK(shares_.taken() == 0);
    ::munmap(base_, std::max<std::size_t>(1, block_count_) * kBlockBytes);
}

Task<base::Result<PartMemory>> BufferSlab::reserve(std::size_t size, Bounds bounds, Flow flow) {
    const std::size_t blocks = size / kBlockBytes + (size % kBlockBytes != 0 ? 1 : 0);
    if (blocks > block_count_) {
        co_return base::fail(
            base::ErrorKind::exhausted, "memory",
            fmt::format("a part of {} bytes does not fit into the {} bytes of part memory "
                        "each reactor has; raise --memory or lower --reactors",
                        size, total_bytes()));
    }
    if (auto taken = co_await shares_.take(flow, blocks, bounds); !taken) {
        co_return std::unexpected(taken.error());
    }
    std::vector<std::byte*> taken(free_blocks_.end() - static_cast<std::ptrdiff_t>(blocks),
                                  free_blocks_.end());
    free_blocks_.resize(free_blocks_.size() - blocks);
    std::reverse(taken.begin(), taken.end());
    blocks_in_use_.fetch_add(blocks, std::memory_order_relaxed);
    co_return PartMemory(*this, std::move(taken), size, flow.id, reserved_++);
}

void BufferSlab::give_back(std::vector<std::byte*>& blocks, std::uint64_t flow_id) {
    free_blocks_.insert(free_blocks_.end(), blocks.rbegin(), blocks.rend());
    blocks_in_use_.fetch_sub(blocks.size(), std::memory_order_relaxed);
    shares_.give_back(flow_id, blocks.size());
    blocks.clear();
}

}  // namespace io
