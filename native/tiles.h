// Whole products in bf16 of small ones: how operands are packed, in which order tiles are done, and by whom.
#pragma once

#include "packing.h"
#include "sharing.h"

#if defined(LIMBECK_FAST_PRODUCTS)

#include <vector>

namespace limbeck {

using at::native::cpublas::brgemm;
using at::native::cpublas::brgemm_release;

// Chosen by measurement: tiles of 64 x 64 over up to 768 of K run at the processor's peak, and stay in the second cache
// with their operands (docs/LOG.md, 2026-11-25).
constexpr int64_t kTile = 64;
constexpr int64_t kDepth = 768;
// A group of tiles shares its operands: rows of the left one, panels of the right one.
constexpr int64_t kGroupRows = 4 * kTile;
constexpr int64_t kGroupPanels = 8;
// Tokens are the inner dimension of a weight's gradient.
constexpr int64_t kTokenBlock = 1024;

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** A right operand [K, N] in panels of 64 columns, each [K / 2][columns][2]. */
struct Panels {
  Tensor data;
  int64_t K, N; // K is padded with zeros

  Panels(int64_t K, int64_t N) : data(at::empty({K * N}, at::kBFloat16)), K(K), N(N) {}
  int64_t Count() const { return CeilDiv(N, kTile); }
  int64_t Columns(int64_t panel) const { return std::min(kTile, N - panel * kTile); }
  BFloat16* At(int64_t panel, int64_t k) const { return data.data_ptr<BFloat16>() + panel * kTile * K + k * Columns(panel); }
  uint32_t* Words(int64_t panel, int64_t k) const { return reinterpret_cast<uint32_t*>(At(panel, k)); }
};

LIMBECK_AVX512_BEGIN

/** b [K, N] */
template <class T>
Panels PackRows(const T* b, int64_t ld, int64_t K, int64_t padded, int64_t N) {
  Panels panels(padded, N);
  constexpr int64_t kRows = 256;
  const int64_t blocks = CeilDiv(padded, kRows);
  ShareOut(blocks * panels.Count(), [&](int64_t task) {
    const int64_t panel = task / blocks, k = task % blocks * kRows;
    packing::PairRows(panels.Words(panel, k), b + k * ld + panel * kTile, ld, std::max<int64_t>(0, std::min(kRows, K - k)),
                      std::min(kRows, padded - k), panels.Columns(panel));
  });
  return panels;
}

/** b [N, K], as a Linear keeps its weight */
template <class T>
Panels PackTransposed(const T* b, int64_t K, int64_t N) {
  Panels panels(K, N);
  ShareOut(panels.Count(), [&](int64_t panel) {
    const int64_t columns = panels.Columns(panel);
    packing::PairTransposed(panels.Words(panel, 0), b + panel * kTile * K, K, K, columns, columns);
  });
  return panels;
}

/** a [M, K] · b, tile by tile: `finish(tile, row, rows, panel)` is given each in f32, [rows, columns of the panel]. */
template <class Finish>
void Multiply(const BFloat16* a, int64_t M, const Panels& b, const Finish& finish) {
  int64_t group_rows = kGroupRows, group_panels = kGroupPanels;
  const auto tasks = [&] { return CeilDiv(M, group_rows) * CeilDiv(b.Count(), group_panels); };
  const int64_t enough = 4 * at::get_num_threads();
  while (group_rows > kTile && tasks() < enough) group_rows /= 2;
  while (group_panels > 1 && tasks() < enough) group_panels /= 2;
  group_panels = CeilDiv(b.Count(), CeilDiv(b.Count(), group_panels)); // Of 12 panels not 8 and 4, but 6 and 6.
  const int64_t row_groups = CeilDiv(M, group_rows);
  ShareOut(tasks(), [&](int64_t task) {
    thread_local std::vector<float> tiles(kGroupRows * kGroupPanels * kTile);
    const int64_t first_row = task % row_groups * group_rows, end_row = std::min(M, first_row + group_rows);
    const int64_t first_panel = task / row_groups * group_panels, end_panel = std::min(b.Count(), first_panel + group_panels);
    const auto tile_at = [&](int64_t row, int64_t panel) {
      return tiles.data() + ((row - first_row) * kGroupPanels + (panel - first_panel) * kTile) * kTile;
    };
    for (int64_t k = 0; k < b.K; k += kDepth) {
      const int64_t depth = std::min(kDepth, b.K - k);
      for (int64_t panel = first_panel; panel < end_panel; ++panel) {
        const int64_t columns = b.Columns(panel);
        for (int64_t row = first_row; row < end_row; row += kTile)
          brgemm(std::min(kTile, end_row - row), columns, depth, b.K, columns, columns, /*add_C=*/k > 0, a + row * b.K + k, b.At(panel, k),
                 tile_at(row, panel));
      }
    }
    brgemm_release();
    for (int64_t panel = first_panel; panel < end_panel; ++panel)
      for (int64_t row = first_row; row < end_row; row += kTile) finish(tile_at(row, panel), row, std::min(kTile, end_row - row), panel);
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
inline void AddOuter(float* into, const BFloat16* gradient, const BFloat16* x, int64_t M, int64_t N, int64_t K, float* bias_into) {
  const int64_t padded = RoundUp(M);
  const Panels right = PackRows(x, K, M, padded, K);
  // Of each block of tokens [N][tokens of the block]: the row stride is one of few.
  const Tensor left = at::empty({N * padded}, at::kBFloat16);
  BFloat16* const rows = left.data_ptr<BFloat16>();
  ShareOut(CeilDiv(N, kTile), [&](int64_t task) {
    const int64_t n = task * kTile, columns = std::min(kTile, N - n);
    for (int64_t t = 0; t < padded; t += kTokenBlock) {
      const int64_t block = std::min(kTokenBlock, padded - t);
      packing::TransposeRows(rows + t * N + n * block, gradient + t * N + n, N, std::min(block, M - t), block, columns);
    }
    if (bias_into == nullptr) return;
    for (int64_t i = 0; i < columns; ++i) {
      Floats sum{};
      for (int64_t t = 0; t < padded; t += kTokenBlock) {
        const int64_t block = std::min(kTokenBlock, padded - t);
        for (int64_t j = 0; j < block; j += kLanes) sum += Load(rows + t * N + (n + i) * block + j);
      }
      bias_into[n + i] += static_cast<float>(Total(sum));
    }
  });
  // Rows of tiles that share their left operand.
  ShareOut(CeilDiv(N, kTile), [&](int64_t task) {
    const int64_t row = task * kTile;
    for (int64_t t = 0; t < padded; t += kTokenBlock) {
      const int64_t block = std::min(kTokenBlock, padded - t);
      for (int64_t panel = 0; panel < right.Count(); ++panel)
        brgemm(std::min(kTile, N - row), right.Columns(panel), block, block, right.Columns(panel), K, /*add_C=*/true,
               rows + t * N + row * block, right.At(panel, t), into + row * K + panel * kTile);
    }
    brgemm_release();
  });
}

LIMBECK_AVX512_END

}  // namespace limbeck

#endif
