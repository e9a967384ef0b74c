// The tensors that JavaScript holds.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace limbeck {

using at::Tensor;

// A tensor used after it was freed: becomes LifetimeError in JavaScript.
struct StaleTensor : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// JavaScript holds a tensor as a number: 24 bits of slot, the rest its generation. Freed slots are used again with the
// next generation, so a stale number is recognised instead of reaching another tensor. The addon runs on one thread.
class TensorTable {
 public:
  double Put(Tensor tensor) {
    uint32_t index;
    if (free_.empty()) {
      index = static_cast<uint32_t>(slots_.size());
      if (index > kIndexMask) throw std::runtime_error("more than 16,777,216 live tensors: a scope is missing");
      slots_.push_back({std::move(tensor), 1, true});
    } else {
      index = free_.back();
      free_.pop_back();
      slots_[index].tensor = std::move(tensor);
      slots_[index].live = true;
    }
    return static_cast<double>((static_cast<uint64_t>(slots_[index].generation) << kIndexBits) | index);
  }

  const Tensor& Get(double handle) { return Find(handle).tensor; }

  void Free(double handle) {
    Slot& slot = Find(handle);
    slot.tensor = Tensor();
    slot.live = false;
    slot.generation = slot.generation == kLastGeneration ? 1 : slot.generation + 1;
    free_.push_back(static_cast<uint32_t>(static_cast<uint64_t>(handle) & kIndexMask));
  }

  int64_t Live() const { return static_cast<int64_t>(slots_.size() - free_.size()); }

 private:
  static constexpr uint32_t kIndexBits = 24;
  static constexpr uint64_t kIndexMask = (1u << kIndexBits) - 1;
  static constexpr uint32_t kLastGeneration = 0x0fffffff;
  struct Slot {
    Tensor tensor;
    uint32_t generation;
    bool live;
  };

  Slot& Find(double handle) {
    // What no double-to-integer cast may be given (NaN, negative, huge) becomes 0, which is nobody's handle.
    const auto bits = handle > 0 && handle < 9007199254740992.0 ? static_cast<uint64_t>(handle) : 0;
    const uint64_t index = bits & kIndexMask;
    if (index >= slots_.size() || !slots_[index].live || slots_[index].generation != (bits >> kIndexBits)) {
      throw StaleTensor("the tensor was freed: its scope has ended or it was disposed");
    }
    return slots_[index];
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
};

TensorTable& Table();

}  // namespace limbeck
