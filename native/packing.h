// How brgemm wants its operands: the left one in rows, the right one in rows of 64 columns or fewer, which in bf16 are paired.
// Include where AVX-512 is.
#pragma once

#include "products.h"
#include "vectors.h"

#if defined(LIMBECK_AVX512)

// GCC 12 takes the undefined lanes of its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>

namespace limbeck {

using at::BFloat16;

// Lengths are padded to a multiple of this: brgemm compiles a kernel for each, so there are few.
constexpr int64_t kStep = 32;

inline int64_t RoundUp(int64_t n) { return (n + kStep - 1) / kStep * kStep; }

LIMBECK_AVX512_BEGIN

namespace packing {

/** Sixteen rows of sixteen 32-bit words become columns. */
LIMBECK_INLINE void Transpose16(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

LIMBECK_INLINE void Transpose16(Floats rows[kLanes]) {
  __m512i words[kLanes];
  std::memcpy(words, rows, sizeof words);
  Transpose16(words);
  std::memcpy(rows, words, sizeof words);
}

/** Asks for a few columns of rows that lie far apart, which the processor does not foresee, into the second cache. */
template <class T>
LIMBECK_INLINE void Prefetch(const T* from, int64_t ld, int64_t first, int64_t end, int64_t columns) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = first; i < end; ++i)
    for (int64_t j = 0; j < columns; j += kLine) __builtin_prefetch(from + i * ld + j, /*rw=*/0, /*locality=*/2);
}

/** The bits of sixteen values in bf16, in the low half of each word. */
LIMBECK_INLINE Words Bits(const BFloat16* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, Words);
}

LIMBECK_INLINE Words Bits(const float* from) {
  BFloat16 rounded[kLanes];
  Store(rounded, Load(from));
  return Bits(rounded);
}

template <class T>
LIMBECK_INLINE uint32_t BitsOf(T value) {
  return at::BFloat16(static_cast<float>(value)).x;
}

/** Thirty-two values of one row as sixteen pairs. */
LIMBECK_INLINE __m512i PairsOf(const BFloat16* from) { return _mm512_loadu_si512(from); }

LIMBECK_INLINE __m512i PairsOf(const float* from) {
  BFloat16 rounded[2 * kLanes];
  Store(rounded, Load(from));
  Store(rounded + kLanes, Load(from + kLanes));
  return _mm512_loadu_si512(rounded);
}

/**
 * A right operand whose rows lie one after the other, as pairs of rows: into[k / 2][n][k % 2] = from[k][n].
 *
 * Rows from `rows` to `padded`, an even number, are zero.
 */
template <class T>
inline void PackRight(BFloat16* packed, const T* from, int64_t ld, int64_t rows, int64_t padded, int64_t columns) {
  auto* into = reinterpret_cast<uint32_t*>(packed);
  const int64_t whole = columns - columns % kLanes;
  for (int64_t k = 0; k < padded; k += 2, into += columns) {
    const T* const even = k < rows ? from + k * ld : nullptr;
    const T* const odd = k + 1 < rows ? even + ld : nullptr;
    for (int64_t n = 0; n < whole; n += kLanes) {
      Words pair = even == nullptr ? Words{} : Bits(even + n);
      if (odd != nullptr) pair |= Bits(odd + n) << 16;
      std::memcpy(into + n, &pair, sizeof pair);
    }
    for (int64_t n = whole; n < columns; ++n)
      into[n] = (even == nullptr ? 0 : BitsOf(even[n])) | (odd == nullptr ? 0 : BitsOf(odd[n]) << 16);
  }
}

/**
 * A right operand that lies transposed: into[k / 2][n][k % 2] = from[n][k]. `rows` is even; columns from `columns` to
 * `padded` are zero.
 */
template <class T>
inline void PackRightTransposed(BFloat16* packed, const T* from, int64_t ld, int64_t rows, int64_t columns, int64_t padded) {
  auto* const into = reinterpret_cast<uint32_t*>(packed);
  const int64_t whole_k = rows - rows % (2 * kLanes), whole_n = columns - columns % kLanes;
  for (int64_t n = 0; n < whole_n; n += kLanes) {
    for (int64_t k = 0; k < whole_k; k += 2 * kLanes) {
      __m512i block[16];
      for (int i = 0; i < 16; ++i) block[i] = PairsOf(from + (n + i) * ld + k);
      Transpose16(block);
      for (int i = 0; i < 16; ++i) _mm512_storeu_si512(into + (k / 2 + i) * padded + n, block[i]);
    }
  }
  for (int64_t n = 0; n < padded; ++n) {
    for (int64_t k = n < whole_n ? whole_k : 0; k < rows; k += 2) {
      const T* const pair = from + n * ld + k;
      into[k / 2 * padded + n] = n < columns ? BitsOf(pair[0]) | BitsOf(pair[1]) << 16 : 0;
    }
  }
}

/**
 * A left operand that lies transposed: into[n][k] = from[k][n], with `padded` elements a row of `into`. Rows of `from`
 * from `rows` to `padded`, a multiple of 32, are zero.
 */
inline void PackLeftTransposed(BFloat16* into, const BFloat16* from, int64_t ld, int64_t rows, int64_t padded, int64_t columns) {
  const int64_t whole = columns - columns % kLanes;
  for (int64_t k = 0; k < padded; k += 2 * kLanes) {
    Prefetch(from, ld, k + 4 * kLanes, std::min(rows, k + 6 * kLanes), columns);
    for (int64_t n = 0; n < whole; n += kLanes) {
      __m512i block[16];
      for (int64_t i = 0; i < 16; ++i) {
        const int64_t row = k + 2 * i;
        Words pair = row < rows ? Bits(from + row * ld + n) : Words{};
        if (row + 1 < rows) pair |= Bits(from + (row + 1) * ld + n) << 16;
        std::memcpy(&block[i], &pair, sizeof pair);
      }
      Transpose16(block);
      for (int i = 0; i < 16; ++i) _mm512_storeu_si512(into + (n + i) * padded + k, block[i]);
    }
    for (int64_t n = whole; n < columns; ++n)
      for (int64_t i = k; i < k + 2 * kLanes; ++i) into[n * padded + i] = i < rows ? from[i * ld + n] : BFloat16(0.0f);
  }
}

/** The same right operand in f32: into[k][n] = from[k][n]. */
inline void PackRight(float* into, const float* from, int64_t ld, int64_t rows, int64_t padded, int64_t columns) {
  for (int64_t k = 0; k < padded; ++k, into += columns) {
    if (k < rows) std::memcpy(into, from + k * ld, columns * sizeof(float));
    else std::memset(into, 0, columns * sizeof(float));
  }
}

/** into[j][i] = from[i][j], with `padded` elements a row of `into`; from[i] is zero from i = `rows` to `padded`. */
inline void Transpose(float* into, const float* from, int64_t ld, int64_t rows, int64_t padded, int64_t columns) {
  for (int64_t i = 0; i < padded; i += kLanes) {
    Prefetch(from, ld, i + 2 * kLanes, std::min(rows, i + 3 * kLanes), columns);
    for (int64_t j = 0; j < columns; j += kLanes) {
      Floats block[kLanes];
      for (int64_t lane = 0; lane < kLanes; ++lane)
        block[lane] = i + lane < rows ? LoadUpTo(from + (i + lane) * ld + j, columns - j) : Floats{};
      Transpose16(block);
      for (int64_t lane = 0; lane < std::min(kLanes, columns - j); ++lane)
        StoreUpTo(into + (j + lane) * padded + i, block[lane], padded - i);
    }
  }
}

inline void PackRightTransposed(float* into, const float* from, int64_t ld, int64_t rows, int64_t columns, int64_t padded) {
  Transpose(into, from, ld, columns, padded, rows);
}

inline void PackLeftTransposed(float* into, const float* from, int64_t ld, int64_t rows, int64_t padded, int64_t columns) {
  Transpose(into, from, ld, rows, padded, columns);
}

}  // namespace packing

LIMBECK_AVX512_END

}  // namespace limbeck

#endif
