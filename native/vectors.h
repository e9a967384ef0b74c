// Sixteen floats at once: what the kernels written by hand are made of.
#pragma once

#include "kernels.h"

#include <ATen/ATen.h>

#include <bit>
#include <cstring>

namespace limbeck {

// In GCC's and Clang's vector extension: one AVX-512 register, two of AVX2, four of SSE or NEON.
constexpr int64_t kLanes = 16;
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));
typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(uint32_t))));
typedef uint16_t Halves __attribute__((vector_size(kLanes * sizeof(uint16_t))));

// Inlined into one function per instruction set, so that vectors never cross a call.
#define LIMBECK_INLINE [[gnu::always_inline]] static inline
#define LIMBECK_INLINED __attribute__((always_inline))
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__x86_64__)
#define LIMBECK_AVX512 1
// Between BEGIN and END, functions and lambdas are compiled for AVX-512. Never around an #include: what
// headers define inline must run on any processor.
#if defined(__clang__)
#define LIMBECK_AVX512_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512dq,avx512vl,fma\"))), apply_to = function)")
#define LIMBECK_AVX512_END _Pragma("clang attribute pop")
#else
#define LIMBECK_AVX512_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512bw,avx512dq,avx512vl,fma\")")
#define LIMBECK_AVX512_END _Pragma("GCC pop_options")
#endif
#endif

/** Calls `body` with a null pointer of the type of a tensor's elements, f32 or bf16. */
template <class Body>
void WithType(const at::Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) body(static_cast<float*>(nullptr));
  else body(static_cast<at::BFloat16*>(nullptr));
}

LIMBECK_INLINE Floats Spread(float value) { return Floats{} + value; }

LIMBECK_INLINE Floats Load(const float* from) {
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

LIMBECK_INLINE Floats Load(const at::BFloat16* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return std::bit_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
}

LIMBECK_INLINE void Store(float* to, Floats x) { std::memcpy(to, &x, sizeof x); }

// Rounded to nearest, ties to even.
LIMBECK_INLINE void Store(at::BFloat16* to, Floats x) {
  const Words bits = std::bit_cast<Words>(x);
  const Halves halves = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

/** The first `count` lanes; the others are `otherwise`. */
template <class T>
LIMBECK_INLINE Floats LoadTail(const T* from, int64_t count, float otherwise = 0) {
  T padded[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) padded[i] = i < count ? from[i] : T(otherwise);
  return Load(padded);
}

template <class T>
LIMBECK_INLINE void StoreTail(T* to, Floats x, int64_t count) {
  T padded[kLanes];
  Store(padded, x);
  std::memcpy(to, padded, count * sizeof(T));
}

/** As many lanes as there are, up to all; none where `count` is not above 0. */
template <class T>
LIMBECK_INLINE Floats LoadUpTo(const T* from, int64_t count) {
  return count >= kLanes ? Load(from) : count > 0 ? LoadTail(from, count) : Floats{};
}

template <class T>
LIMBECK_INLINE void StoreUpTo(T* to, Floats x, int64_t count) {
  if (count >= kLanes) Store(to, x);
  else if (count > 0) StoreTail(to, x, count);
}

/** e^x for x <= 0, to 2 ulp: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes, expf). NaN stays NaN. */
LIMBECK_INLINE Floats Exp(Floats x) {
  x = x < -87.0f ? Spread(-87.0f) : x;
  const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to a whole number, which its low bits then hold.
  const Floats shifted = x * 1.44269504088896341f + magic;
  const Floats n = shifted - magic;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f; // ln 2 in two parts
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return std::bit_cast<Floats>(std::bit_cast<Ints>(p) + (std::bit_cast<Ints>(shifted) << 23));
}

LIMBECK_INLINE float Largest(Floats x) {
  float largest = x[0];
  for (int64_t i = 1; i < kLanes; ++i) largest = largest < x[i] ? x[i] : largest;
  return largest;
}

LIMBECK_INLINE double Total(Floats x) {
  double total = 0;
  for (int64_t i = 0; i < kLanes; ++i) total += x[i];
  return total;
}

}  // namespace limbeck
