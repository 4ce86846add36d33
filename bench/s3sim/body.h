// Where bytes are: bodies that can be sent (memory, a file, a synthetic pool) and writers that
// uploads are received into. Bodies are immutable and shared between threads; a BodyWriter belongs
// to one request.
#pragma once

#include <sys/uio.h>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace s3sim {

class Body {
  public:
    virtual ~Body() = default;
    virtual std::uint64_t size() const = 0;
    // Views of at most `length` bytes from `offset`; returns how many were filled in, 0 for a file.
    virtual std::size_t gather(std::uint64_t offset, std::uint64_t length,
                               std::span<iovec> out) const = 0;
    virtual int fd() const { return -1; }  // of a file: send it from there
};

// Calls `take` with the range's bytes in order, from `scratch` if they are in a file. Blocks for
// files.
base::Status for_each_chunk(const Body& body, std::uint64_t offset, std::uint64_t length,
                            const std::function<base::Status(base::ByteView)>& take);

// Anonymous memory of one size, huge pages where the kernel has them; `counter` follows what is
// allocated.
class Memory;

// Slices of memory, in order. Cheap to concatenate: a multipart object shares its parts' memory.
class MemoryBody final : public Body {
  public:
    struct Slice {
        std::shared_ptr<const Memory> memory;
        std::uint64_t offset_in_body = 0;
        std::uint64_t size = 0;
    };
    explicit MemoryBody(std::shared_ptr<const Memory> memory);
    explicit MemoryBody(std::span<const std::shared_ptr<const Body>> memory_bodies);
    std::uint64_t size() const override { return size_; }
    std::size_t gather(std::uint64_t offset, std::uint64_t length,
                       std::span<iovec> out) const override;

  private:
    std::vector<Slice> slices_;
    std::uint64_t size_ = 0;
};

// An open file; closes it.
class FileBody final : public Body {
  public:
    FileBody(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
    ~FileBody() override;
    std::uint64_t size() const override { return size_; }
    std::size_t gather(std::uint64_t, std::uint64_t, std::span<iovec>) const override { return 0; }
    int fd() const override { return fd_; }

  private:
    int fd_;
    std::uint64_t size_;
};

// A file that is removed again unless it was renamed to its place.
class TempFile {
  public:
    explicit TempFile(std::string path) : path_(std::move(path)) {}
    ~TempFile();
    TempFile(const TempFile&) = delete;
    TempFile& operator=(const TempFile&) = delete;
    const std::string& path() const { return path_; }
    base::Status move_to(const std::string& path);
    static base::Result<std::shared_ptr<TempFile>> create(const std::string& directory, int& fd);

  private:
    std::string path_;
    bool moved_ = false;
};

// What a writer leaves behind: bytes in memory, or in a file, or nowhere (sinks, discarded bodies).
struct Stored {
    std::shared_ptr<const Body> body;
    std::shared_ptr<TempFile> file;
};

class BodyWriter {
  public:
    virtual ~BodyWriter() = default;
    // Where the next bytes go; `scratch` is the caller's, for writers that do not keep memory.
    // Never empty before the declared size is reached.
    virtual base::Bytes window(base::Bytes scratch) = 0;
    virtual base::Status commit(base::ByteView bytes) = 0;  // a prefix of the last window
    virtual Stored finish() = 0;
};

// How much may be stored in memory, and how much is. Shared by every Memory of one server.
class MemoryBudget;
std::shared_ptr<MemoryBudget> make_memory_budget(std::uint64_t max_bytes);
std::uint64_t stored_bytes(const MemoryBudget& budget);

base::Result<std::unique_ptr<BodyWriter>> make_memory_writer(std::shared_ptr<MemoryBudget> budget,
                                                             std::uint64_t size);
std::unique_ptr<BodyWriter> make_discarding_writer();
base::Result<std::unique_ptr<BodyWriter>> make_file_writer(const std::string& directory);

}  // namespace s3sim
