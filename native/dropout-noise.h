// Which elements dropout keeps: a pure function of a key, drawn once for an op, and the element's place. So masks are made
// by all threads, the same for any number of them, and made again in the backward pass instead of kept.
#pragma once

#include "vectors.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <mutex>

namespace limbeck {

struct DropoutNoise {
  uint64_t key = 0;
  uint32_t threshold = 0; // Dropped below it, of 65,536: p is rounded to that, by less than 1e-5.
  float scale = 1; // 1 / (1 - p)

  /** Draws the key from libtorch's default generator. */
  static DropoutNoise Draw(double p) {
    if (p == 0) return {};
    TORCH_CHECK(p > 0 && p < 1, "dropout needs a probability from 0 to below 1, got ", p);
    auto* const generator = at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
    const std::lock_guard lock(generator->mutex_);
    const auto threshold = static_cast<uint32_t>(std::lround(p * 65536));
    return {generator->random64(), threshold, static_cast<float>(1 / (1 - p))};
  }

  void SaveTo(torch::autograd::AutogradContext* context) const {
    context->saved_data["key"] = static_cast<int64_t>(key);
    context->saved_data["threshold"] = static_cast<int64_t>(threshold);
    context->saved_data["scale"] = static_cast<double>(scale);
  }

  static DropoutNoise SavedIn(torch::autograd::AutogradContext* context) {
    auto& saved = context->saved_data;
    return {static_cast<uint64_t>(saved["key"].toInt()), static_cast<uint32_t>(saved["threshold"].toInt()),
            static_cast<float>(saved["scale"].toDouble())};
  }

  bool Drops() const { return threshold > 0; }
};

/** The keys of one row of elements. */
struct RowNoise {
  uint32_t first, second;

  RowNoise(const DropoutNoise& noise, int64_t row) {
    // SplitMix64's finaliser (Steele et al. 2014).
    uint64_t z = noise.key + 0x9e3779b97f4a7c15ull * static_cast<uint64_t>(row + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    first = static_cast<uint32_t>(z);
    second = static_cast<uint32_t>(z >> 32);
  }
};

/** Elements of a row that share their noise: two vectors. */
constexpr int64_t kNoiseBlock = 2 * kLanes;

/** Factors of the elements of a block: 0 or `scale`, or 1 where nothing is dropped. */
struct KeepFactors {
  Floats low, high;
};

LIMBECK_INLINE KeepFactors FactorsOf(const DropoutNoise& noise, const RowNoise& row, int64_t block) {
  if (!noise.Drops()) return {Spread(1), Spread(1)};
  constexpr Words kLane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  // MurmurHash3's finaliser (Appleby 2011), with the second key between its halves.
  Words x = (kLane + static_cast<uint32_t>(block) * 16u) * 0x9e3779b9u + row.first;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x ^= row.second;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  x ^= x >> 16;
  const Floats kept = Spread(noise.scale), dropped{};
  return {(x & 0xffffu) < noise.threshold ? dropped : kept, (x >> 16) < noise.threshold ? dropped : kept};
}

}  // namespace limbeck
