// Sixteen floats at once: what the kernels written by hand are made of.
#pragma once

#include "kernels.h"

#include <ATen/ATen.h>

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
// Between BEGIN and END, functions and lambdas are compiled for AVX-512, or AVX2. Never around another's #include: what
// headers define inline must run on any processor.
#define LIMBECK_TARGET_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,fma"
#define LIMBECK_TARGET_AVX2 "avx2,fma"
#define LIMBECK_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define LIMBECK_BEGIN(instructions) LIMBECK_PRAGMA(clang attribute push(__attribute__((target(instructions))), apply_to = function))
#define LIMBECK_END _Pragma("clang attribute pop")
#else
#define LIMBECK_BEGIN(instructions) _Pragma("GCC push_options") LIMBECK_PRAGMA(GCC target(instructions))
#define LIMBECK_END _Pragma("GCC pop_options")
#endif
#define LIMBECK_AVX512_BEGIN LIMBECK_BEGIN(LIMBECK_TARGET_AVX512)
#define LIMBECK_AVX512_END LIMBECK_END
#define LIMBECK_AVX2_BEGIN LIMBECK_BEGIN(LIMBECK_TARGET_AVX2)
#define LIMBECK_AVX2_END LIMBECK_END
#else
#define LIMBECK_AVX512_BEGIN
#define LIMBECK_AVX512_END
#endif

/** Calls `body` with a null pointer of the type of a tensor's elements, f32 or bf16. */
template <class Body>
void WithType(const at::Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) body(static_cast<float*>(nullptr));
  else body(static_cast<at::BFloat16*>(nullptr));
}

LIMBECK_AVX512_BEGIN
#include "vector-functions.h"
LIMBECK_AVX512_END

}  // namespace limbeck
