// Whole products of small ones: how operands are packed, in which order tiles are done, and by whom. In bf16 or f32, added up
// in f32.
#pragma once

#include "packing.h"
#include "sharing.h"

#if defined(LIMBECK_AVX512)

#include <vector>

namespace limbeck {

using at::native::cpublas::brgemm;
using at::native::cpublas::brgemm_release;

// Chosen by measurement: tiles of 64 x 64 over up to 768 of K run at the processor's peak, with operands in the second
// cache (docs/LOG.md, 2026-11-25).
constexpr int64_t kTile = 64;
constexpr int64_t kDepth = 768;
// Tokens are the inner dimension of a weight's gradient.
constexpr int64_t kTokenBlock = 1024;

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** The columns of a right operand [K, N], in panels of 64. */
struct Columns {
  int64_t K, N;

  int64_t Count() const { return CeilDiv(N, kTile); }
  int64_t Of(int64_t panel) const { return std::min(kTile, N - panel * kTile); }
};

// What Multiply asks of a right operand: kTaskRows by kTaskPanels, the rows and panels of one task, which share operands in the
// second cache; and Part, rows [k, k + depth) of a panel as brgemm wants them, in place or packed into the memory it is given.

/** A right operand that is packed and kept. */
template <class T>
struct Panels : Columns {
  static constexpr int64_t kTaskRows = 4 * kTile, kTaskPanels = 8;
  Tensor data;

  Panels(int64_t K, int64_t N) : Columns{K, N}, data(at::empty({K * N}, c10::CppTypeToScalarType<T>::value)) {}
  T* At(int64_t panel, int64_t k) const { return data.data_ptr<T>() + panel * kTile * K + k * Of(panel); }
  const T* Part(int64_t panel, int64_t k, int64_t, T*) const { return At(panel, k); }
};

LIMBECK_AVX512_BEGIN

/** b [K, N] */
template <class T, class From>
Panels<T> PackRows(const From* b, int64_t ld, int64_t K, int64_t padded, int64_t N) {
  Panels<T> panels(padded, N);
  constexpr int64_t kRows = 256;
  const int64_t blocks = CeilDiv(padded, kRows);
  ShareOut(blocks * panels.Count(), [&](int64_t task) {
    const int64_t panel = task / blocks, k = task % blocks * kRows;
    packing::PackRight(panels.At(panel, k), b + k * ld + panel * kTile, ld, std::max<int64_t>(0, std::min(kRows, K - k)),
                       std::min(kRows, padded - k), panels.Of(panel));
  });
  return panels;
}

/** b [N, K], as a Linear keeps its weight */
template <class T, class From>
Panels<T> PackTransposed(const From* b, int64_t K, int64_t N) {
  Panels<T> panels(K, N);
  ShareOut(panels.Count(), [&](int64_t panel) {
    const int64_t columns = panels.Of(panel);
    packing::PackRightTransposed(panels.At(panel, 0), b + panel * kTile * K, K, K, columns, columns);
  });
  return panels;
}

/** A right operand in f32 that lies in rows or transposed, of which each task packs a panel into the second cache. */
struct Unpacked : Columns {
  static constexpr int64_t kTaskRows = 16 * kTile, kTaskPanels = 1;
  const float* b;
  bool transposed;

  const float* Part(int64_t panel, int64_t k, int64_t depth, float* packed) const {
    if (transposed) packing::PackRightTransposed(packed, b + panel * kTile * K + k, K, depth, Of(panel), Of(panel));
    else packing::PackRight(packed, b + k * N + panel * kTile, N, depth, depth, Of(panel));
    return packed;
  }
};

/** a [M, K] · b, tile by tile: `finish(tile, row, rows, panel)` is given each in f32, [rows, columns of the panel]. */
template <class T, class Right, class Finish>
void Multiply(const T* a, int64_t M, const Right& b, const Finish& finish) {
  int64_t task_rows = Right::kTaskRows, task_panels = Right::kTaskPanels;
  const auto tasks = [&] { return CeilDiv(M, task_rows) * CeilDiv(b.Count(), task_panels); };
  const int64_t enough = 4 * at::get_num_threads();
  while (task_rows > kTile && tasks() < enough) task_rows /= 2;
  while (task_panels > 1 && tasks() < enough) task_panels /= 2;
  task_panels = CeilDiv(b.Count(), CeilDiv(b.Count(), task_panels)); // Of 12 panels not 8 and 4, but 6 and 6.
  const int64_t row_tasks = CeilDiv(M, task_rows);
  ShareOut(tasks(), [&](int64_t task) {
    thread_local std::vector<float> tiles(Right::kTaskRows * kTile);
    thread_local std::vector<T> packed(kDepth * kTile);
    const int64_t first_row = task % row_tasks * task_rows, end_row = std::min(M, first_row + task_rows);
    const int64_t first_panel = task / row_tasks * task_panels, end_panel = std::min(b.Count(), first_panel + task_panels);
    for (int64_t panel = first_panel; panel < end_panel; ++panel) {
      const int64_t columns = b.Of(panel);
      for (int64_t k = 0; k < b.K; k += kDepth) {
        const int64_t depth = std::min(kDepth, b.K - k);
        const T* const part = b.Part(panel, k, depth, packed.data());
        for (int64_t row = first_row; row < end_row; row += kTile) {
          const int64_t rows = std::min(kTile, end_row - row);
          float* const tile = tiles.data() + (row - first_row) * kTile;
          brgemm(rows, columns, depth, b.K, columns, columns, /*add_C=*/k > 0, a + row * b.K + k, part, tile);
          if (k + depth == b.K) finish(tile, row, rows, panel);
        }
      }
    }
    brgemm_release();
  });
}

/** A tile, with a bias added where there is one, into rows [M, N] of f32 or bf16. */
template <class T>
struct StoreTile {
  T* into;
  int64_t N;
  const float* bias;

  void operator()(const float* tile, int64_t row, int64_t rows, int64_t panel) const {
    const int64_t columns = std::min(kTile, N - panel * kTile);
    const float* const add = bias == nullptr ? nullptr : bias + panel * kTile;
    for (int64_t i = 0; i < rows; ++i) {
      const float* const from = tile + i * columns;
      T* const to = into + (row + i) * N + panel * kTile;
      for (int64_t j = 0; j < columns; j += kLanes) {
        const Floats x = LoadUpTo(from + j, columns - j);
        StoreUpTo(to + j, add == nullptr ? x : x + LoadUpTo(add + j, columns - j), columns - j);
      }
    }
  }
};

/** into [N, K] += gradientᵀ · x, over the tokens; gradient [M, N], x [M, K]. Sums the gradient's columns too, if asked. */
template <class T>
void AddOuter(float* into, const T* gradient, const T* x, int64_t M, int64_t N, int64_t K, float* bias_into) {
  const int64_t padded = RoundUp(M);
  const Panels<T> right = PackRows<T>(x, K, M, padded, K);
  // 64 rows of `into` at once: their part of the gradient is transposed into the cache, and multiplied there.
  ShareOut(CeilDiv(N, kTile), [&](int64_t task) {
    thread_local std::vector<T> left(kTile * kTokenBlock);
    const int64_t n = task * kTile, rows = std::min(kTile, N - n);
    for (int64_t t = 0; t < padded; t += kTokenBlock) {
      const int64_t block = std::min(kTokenBlock, padded - t);
      packing::PackLeftTransposed(left.data(), gradient + t * N + n, N, std::min(block, M - t), block, rows);
      for (int64_t i = 0; i < rows && bias_into != nullptr; ++i) {
        Floats sum{};
        for (int64_t j = 0; j < block; j += kLanes) sum += Load(left.data() + i * block + j);
        bias_into[n + i] += static_cast<float>(Total(sum));
      }
      for (int64_t panel = 0; panel < right.Count(); ++panel)
        brgemm(rows, right.Of(panel), block, block, right.Of(panel), K, /*add_C=*/true, left.data(), right.At(panel, t),
               into + n * K + panel * kTile);
    }
    brgemm_release();
  });
}

LIMBECK_AVX512_END

}  // namespace limbeck

#endif
