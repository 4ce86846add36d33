#include "s3sim/body.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace s3sim {

class MemoryBudget {
  public:
    explicit MemoryBudget(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}
    bool reserve(std::uint64_t bytes) {
        const std::uint64_t now = used_.fetch_add(bytes) + bytes;
        if (max_bytes_ == 0 || now <= max_bytes_) return true;
        used_.fetch_sub(bytes);
        return false;
    }
    void release(std::uint64_t bytes) { used_.fetch_sub(bytes); }
    std::uint64_t used() const { return used_.load(); }

  private:
    const std::uint64_t max_bytes_;
    std::atomic<std::uint64_t> used_{0};
};

std::shared_ptr<MemoryBudget> make_memory_budget(std::uint64_t max_bytes) {
    return std::make_shared<MemoryBudget>(max_bytes);
}
std::uint64_t stored_bytes(const MemoryBudget& budget) { return budget.used(); }

class Memory {
  public:
    Memory(std::shared_ptr<MemoryBudget> budget, std::uint64_t size)
        : budget_(std::move(budget)), size_(size) {
        if (size_ < kMapFrom) {
            small_ = std::make_unique_for_overwrite<std::byte[]>(size_);
            data_ = small_.get();
            return;
        }
        void* mapped =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) return;
        ::madvise(mapped, size_,
                  MADV_HUGEPAGE);  // a hint: far fewer page faults while an upload streams in
        data_ = static_cast<std::byte*>(mapped);
    }
    ~Memory() {
        if (!small_ && data_ != nullptr) ::munmap(data_, size_);
        budget_->release(size_);
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    std::byte* data() const { return data_; }
    std::uint64_t size() const { return size_; }

  private:
    static constexpr std::uint64_t kMapFrom = 1 << 20;
    std::shared_ptr<MemoryBudget> budget_;
    std::uint64_t size_;
    std::unique_ptr<std::byte[]> small_;
    std::byte* data_ = nullptr;
};

namespace {

base::Error errno_error(const char* what, const std::string& path) {
    return {base::ErrorKind::exhausted,
            "io_error",
            fmt::format("{} {}: {}", what, path, std::strerror(errno)),
            0,
            {},
            {}};
}

class MemoryWriter final : public BodyWriter {
  public:
    explicit MemoryWriter(std::shared_ptr<Memory> memory) : memory_(std::move(memory)) {}
    base::Bytes window(base::Bytes) override {
        return {memory_->data() + used_, memory_->size() - used_};
    }
    base::Status commit(base::ByteView bytes) override {
        used_ += bytes.size();
        return {};
    }
    Stored finish() override { return {std::make_shared<MemoryBody>(std::move(memory_)), nullptr}; }

  private:
    std::shared_ptr<Memory> memory_;
    std::uint64_t used_ = 0;
};

class DiscardingWriter final : public BodyWriter {
  public:
    base::Bytes window(base::Bytes scratch) override { return scratch; }
    base::Status commit(base::ByteView) override { return {}; }
    Stored finish() override { return {}; }
};

class FileWriter final : public BodyWriter {
  public:
    FileWriter(std::shared_ptr<TempFile> file, int fd) : file_(std::move(file)), fd_(fd) {}
    ~FileWriter() override { ::close(fd_); }
    base::Bytes window(base::Bytes scratch) override { return scratch; }
    base::Status commit(base::ByteView bytes) override {
        while (!bytes.empty()) {
            const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return base::fail(errno_error("write", file_->path()));
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        }
        return {};
    }
    Stored finish() override { return {nullptr, file_}; }

  private:
    std::shared_ptr<TempFile> file_;
    int fd_;
};

}  // namespace

MemoryBody::MemoryBody(std::shared_ptr<const Memory> memory) {
    size_ = memory->size();
    slices_.push_back({std::move(memory), 0, size_});
}

MemoryBody::MemoryBody(std::span<const std::shared_ptr<const Body>> memory_bodies) {
    for (const auto& body : memory_bodies) {
        const auto* part = dynamic_cast<const MemoryBody*>(body.get());
        CHECK(part != nullptr);
        for (const Slice& slice : part->slices_) {
            if (slice.size == 0) continue;
            slices_.push_back({slice.memory, size_, slice.size});
            size_ += slice.size;
        }
    }
}

std::size_t MemoryBody::gather(std::uint64_t offset, std::uint64_t length,
                               std::span<iovec> out) const {
    auto slice =
        std::upper_bound(slices_.begin(), slices_.end(), offset,
                         [](std::uint64_t at, const Slice& s) { return at < s.offset_in_body; });
    if (slice != slices_.begin()) --slice;
    std::size_t used = 0;
    for (; slice != slices_.end() && length > 0 && used < out.size(); ++slice) {
        const std::uint64_t skip = offset - slice->offset_in_body;
        const std::uint64_t n = std::min(length, slice->size - skip);
        out[used++] = {slice->memory->data() + skip, n};
        offset += n;
        length -= n;
    }
    return used;
}

FileBody::~FileBody() { ::close(fd_); }

TempFile::~TempFile() {
    if (!moved_) ::unlink(path_.c_str());
}

base::Status TempFile::move_to(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return base::fail(errno_error("rename", path));
    moved_ = true;
    return {};
}

base::Result<std::shared_ptr<TempFile>> TempFile::create(const std::string& directory, int& fd) {
    static std::atomic<std::uint64_t> counter{0};
    const std::string path =
        fmt::format("{}/{}-{:016x}", directory, ::getpid(), counter.fetch_add(1));
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return base::fail(errno_error("create", path));
    return std::make_shared<TempFile>(path);
}

base::Result<std::unique_ptr<BodyWriter>> make_memory_writer(std::shared_ptr<MemoryBudget> budget,
                                                             std::uint64_t size) {
    if (!budget->reserve(size)) {
        return base::fail(base::ErrorKind::exhausted, "InsufficientStorage",
                          "the simulator's --max-memory does not hold this body");
    }
    auto memory = std::make_shared<Memory>(std::move(budget), size);
    if (memory->data() == nullptr) {
        return base::fail(base::ErrorKind::exhausted, "InsufficientStorage",
                          "no memory for this body");
    }
    return std::make_unique<MemoryWriter>(std::move(memory));
}

std::unique_ptr<BodyWriter> make_discarding_writer() {
    return std::make_unique<DiscardingWriter>();
}

base::Result<std::unique_ptr<BodyWriter>> make_file_writer(const std::string& directory) {
    int fd = -1;
    auto file = TempFile::create(directory, fd);
    if (!file) return std::unexpected(file.error());
    return std::make_unique<FileWriter>(std::move(*file), fd);
}

base::Status for_each_chunk(const Body& body, std::uint64_t offset, std::uint64_t length,
                            const std::function<base::Status(base::ByteView)>& take) {
    constexpr std::uint64_t kChunk = 256 << 10;
    std::vector<std::byte> scratch(body.fd() >= 0 ? std::min(kChunk, length) : 0);
    while (length > 0) {
        iovec view{};
        if (body.gather(offset, length, {&view, 1}) == 0) {
            const ssize_t n =
                ::pread(body.fd(), scratch.data(), std::min<std::uint64_t>(length, scratch.size()),
                        static_cast<off_t>(offset));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return base::fail(errno_error("read", "an object's file"));
            view = {scratch.data(), static_cast<std::size_t>(n)};
        }
        view.iov_len = std::min<std::uint64_t>(view.iov_len, kChunk);
        if (auto status = take({static_cast<const std::byte*>(view.iov_base), view.iov_len});
            !status) {
            return status;
        }
        offset += view.iov_len;
        length -= view.iov_len;
    }
    return {};
}

}  // namespace s3sim
