#include "io/task.h"

#include <array>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define S3ZIPD_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define S3ZIPD_PLAIN_FRAMES 1  // let the sanitizer see a frame used after its end
#endif
#endif

namespace io::detail {
#ifdef S3ZIPD_PLAIN_FRAMES

void* allocate_frame(std::size_t size) { return ::operator new(size); }
void free_frame(void* frame, std::size_t) noexcept { ::operator delete(frame); }

#else
namespace {

constexpr std::size_t kClassBytes = 64;
constexpr std::size_t kClasses = 64;     // frames up to 4 KiB are kept
constexpr unsigned kKeptPerClass = 512;  // at most; more go back to the heap

struct FrameLists {
    struct Node {
        Node* next;
    };
    std::array<Node*, kClasses> heads{};
    std::array<unsigned, kClasses> counts{};

    ~FrameLists() {
        for (Node* head : heads) {
            while (head != nullptr) ::operator delete(std::exchange(head, head->next));
        }
    }
};
thread_local FrameLists t_frames;

std::size_t size_class(std::size_t size) { return (size - 1) / kClassBytes; }

}  // namespace

void* allocate_frame(std::size_t size) {
    const std::size_t cls = size_class(size);
    if (cls >= kClasses) return ::operator new(size);
    if (auto* node = t_frames.heads[cls]) {
        t_frames.heads[cls] = node->next;
        --t_frames.counts[cls];
        return node;
    }
    return ::operator new((cls + 1) * kClassBytes);
}

void free_frame(void* frame, std::size_t size) noexcept {
    const std::size_t cls = size_class(size);
    if (cls >= kClasses || t_frames.counts[cls] >= kKeptPerClass) {
        ::operator delete(frame);
        return;
    }
    auto* node = static_cast<FrameLists::Node*>(frame);
    node->next = t_frames.heads[cls];
    t_frames.heads[cls] = node;
    ++t_frames.counts[cls];
}

#endif
}  // namespace io::detail
