// Which elements dropout keeps: a pure function of the sequence's key, the op's place in the model, and the element's place in
// the sequence. So a sequence is given the same noise whatever it is batched and padded with, by any number of threads and any
// kernels, and masks are made again in the backward pass instead of kept.
#pragma once

#include "convert.h"
#include "vectors.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

namespace limbeck {

struct DropoutNoise {
  Tensor keys; // int64 [B], 64 random bits of each sequence; undefined where nothing is dropped
  uint64_t place = 0;
  double p = 0;
  uint32_t threshold = 0; // Dropped below it, of 65,536: p is rounded to that, by less than 1e-5.
  float scale = 1; // 1 / (1 - p)

  static DropoutNoise Of(double p, const Optional<Tensor>& keys, int64_t place) {
    TORCH_CHECK(p >= 0 && p <= 1, "dropout needs a probability from 0 to 1, got ", p);
    const auto threshold = static_cast<uint32_t>(std::lround(p * 65536));
    if (threshold == 0) return {};
    TORCH_CHECK(keys.has_value() && keys->dim() == 1 && keys->scalar_type() == at::kLong && keys->is_contiguous(),
                "dropout needs a key for each sequence, int64 [B]");
    return {*keys, static_cast<uint64_t>(place), p, threshold, static_cast<float>(1 / (1 - p))};
  }

  bool Drops() const { return threshold > 0; }

  /** Refuses another number of keys than sequences. */
  void CheckSequences(int64_t sequences) const {
    TORCH_CHECK(!Drops() || keys.size(0) == sequences, "dropout needs a key for each of ", sequences, " sequences, got ", keys.sizes());
  }

  /** Whether kernels on the CPU can read it. */
  bool IsOnCpu() const { return !Drops() || keys.is_cpu(); }

  void SaveTo(torch::autograd::AutogradContext* context) const {
    if (!Drops()) return;
    context->saved_data["keys"] = keys;
    context->saved_data["place"] = static_cast<int64_t>(place);
    context->saved_data["p"] = p;
  }

  static DropoutNoise SavedIn(torch::autograd::AutogradContext* context) {
    auto& saved = context->saved_data;
    if (saved.find("keys") == saved.end()) return {};
    return Of(saved["p"].toDouble(), saved["keys"].toTensor(), saved["place"].toInt());
  }
};

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ull;

/** SplitMix64's finaliser (Steele et al. 2014). */
inline uint64_t Mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/** The key of one sequence at one place. */
struct SequenceNoise {
  uint64_t key = 0;

  SequenceNoise(const DropoutNoise& noise, int64_t sequence) {
    if (noise.Drops()) key = Mixed(static_cast<uint64_t>(noise.keys.const_data_ptr<int64_t>()[sequence]) + kGolden * (noise.place + 1));
  }
};

/** The keys of one row of elements; rows are counted within their sequence. */
struct RowNoise {
  uint32_t first, second;

  RowNoise(const SequenceNoise& of, uint64_t row) {
    const uint64_t z = Mixed(of.key + kGolden * (row + 1));
    first = static_cast<uint32_t>(z);
    second = static_cast<uint32_t>(z >> 32);
  }
};

/** The row of attention's weights in its sequence, whose length does not matter. */
inline uint64_t AttentionRow(int64_t head, int64_t query) { return static_cast<uint64_t>(head) << 32 | static_cast<uint64_t>(query); }

/** Elements of a row that share their noise: two vectors. */
constexpr int64_t kNoiseBlock = 2 * kLanes;

/** Factors of the elements of a block: 0 or `scale`, or 1 where nothing is dropped. */
struct KeepFactors {
  Floats low, high;
};

LIMBECK_AVX512_BEGIN

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

LIMBECK_AVX512_END

/** The same factors by libtorch's ops, on any device: f32 [B, R, columns], for rows [R], int64, counted as RowNoise does. */
Tensor ComposedFactors(const DropoutNoise& noise, const Tensor& rows, int64_t columns);

}  // namespace limbeck
