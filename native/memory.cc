// Where tensors on the CPU live: freed blocks are kept by size and handed out again.
#include "tables.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace limbeck {

namespace {

// Vector loads and oneDNN like 64-byte lines; the header takes one.
constexpr size_t kLine = 64;
// Sizes are rounded up to 4, 5, 6 or 7 times a power of two: at most a quarter is wasted.
constexpr size_t kStepsPerDoubling = 4;
constexpr size_t kClasses = 64 * kStepsPerDoubling;
// A block may serve a size up to three steps smaller: batches differ in length, and each length has sizes of its own.
constexpr size_t kLargerClasses = 3;
// Large blocks lie a page and 16 lines further apart than their size. The optimizer's buffers for DistilBERT-base are just
// below 2^28 bytes each; exactly so far apart, AMD's level-1 cache takes one for the other, and AdamW's step takes 1.5 times as
// long (docs/LOG.md, 2026-11-25).
constexpr size_t kSkew = 4096 + 16 * kLine;
constexpr size_t kSkewedFrom = size_t{1} << 20;
// Kept without regard to how much is in use.
constexpr size_t kAlwaysKept = size_t{256} << 20;

struct Header {
  size_t size_class;
  Header* next; // While it is kept: a list needs no memory of its own, so that nothing can fail where a tensor is freed.
};

size_t ClassOf(size_t bytes) {
  if (bytes < kStepsPerDoubling * kLine) bytes = kStepsPerDoubling * kLine;
  const size_t shift = std::bit_width(bytes - 1) - 3; // bytes - 1 has its three leading bits in [4, 7].
  return shift * kStepsPerDoubling + ((bytes - 1) >> shift) - 3;
}

size_t SizeOf(size_t size_class) {
  const size_t doublings = (size_class - 1) / kStepsPerDoubling;
  const size_t step = (size_class - 1) % kStepsPerDoubling;
  return (step + kStepsPerDoubling + 1) << doublings;
}

/** What is asked of malloc for a block of this size. */
size_t SkewedSize(size_t size) {
  return size < kSkewedFrom ? size : size + kSkew;
}

/**
 * A training step takes and frees the same sizes over and over, some thousand times. glibc sorts, splits and merges
 * blocks each time: a fifth of a step of a small model (docs/LOG.md, 2026-11-25).
 */
class BlockCache {
 public:
  void* Take(size_t bytes) {
    const size_t wanted = ClassOf(bytes + kLine);
    {
      const std::lock_guard lock(mutex_);
      for (size_t at = wanted; at <= wanted + kLargerClasses && at < kClasses; ++at) {
        if (free_[at] == nullptr) continue;
        Header* const block = std::exchange(free_[at], free_[at]->next);
        kept_ -= SizeOf(at);
        used_ += SizeOf(at);
        if (used_ > peak_) peak_ = used_;
        return BlockOf(block);
      }
    }
    void* line = nullptr;
    TORCH_CHECK(posix_memalign(&line, kLine, SkewedSize(SizeOf(wanted))) == 0,
                "not enough memory: tried to allocate ", bytes, " bytes");
    auto* const made = new (line) Header{wanted, nullptr};
    const std::lock_guard lock(mutex_);
    used_ += SizeOf(wanted);
    if (used_ > peak_) peak_ = used_;
    return BlockOf(made);
  }

  void Give(void* block) noexcept {
    auto* const header = reinterpret_cast<Header*>(static_cast<char*>(block) - kLine);
    const size_t at = header->size_class;
    {
      const std::lock_guard lock(mutex_);
      used_ -= SizeOf(at);
      // What is kept is never more than what was once in use, so the process stays below twice its need.
      if (kept_ + used_ + SizeOf(at) <= peak_ + kAlwaysKept) {
        header->next = std::exchange(free_[at], header);
        kept_ += SizeOf(at);
        return;
      }
    }
    std::free(header);
  }

  /** Frees what is kept, and lets as little be kept as if nothing had been in use but what is. */
  void Release() {
    const std::lock_guard lock(mutex_);
    for (Header*& first : free_)
      while (first != nullptr) std::free(std::exchange(first, first->next));
    kept_ = 0;
    peak_ = used_;
  }

 private:
  static void* BlockOf(Header* header) { return reinterpret_cast<char*>(header) + kLine; }

  std::mutex mutex_;
  std::array<Header*, kClasses> free_{};
  size_t used_ = 0;
  size_t kept_ = 0;
  size_t peak_ = 0;
};

BlockCache& Cache() {
  static auto* cache = new BlockCache; // Never destroyed: tensors may be freed at exit.
  return *cache;
}

void Give(void* block) noexcept {
  if (block != nullptr) Cache().Give(block);
}

class CachingAllocator final : public at::Allocator {
 public:
  at::DataPtr allocate(size_t bytes) override {
    void* block = bytes == 0 ? nullptr : Cache().Take(bytes);
    return {block, block, &Give, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &Give; }
  void copy_data(void* into, const void* from, size_t bytes) const override { std::memcpy(into, from, bytes); }
};

}  // namespace

void KeepMemory() {
#if defined(__GLIBC__)
  // What is not a tensor stays with the process too: by default glibc gives each freed block over 128 KB back to the
  // kernel and faults it in again at the next op.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 2147483647);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
  static auto* allocator = new CachingAllocator;
  c10::SetCPUAllocator(allocator, /*priority=*/1);
}

void ReleaseMemory() {
  Cache().Release();
#if defined(__GLIBC__)
  malloc_trim(0); // From the middle of the heap too.
#endif
}

}  // namespace limbeck
