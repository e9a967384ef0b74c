// Linear maps, and which of them are products of our own: on the CPU, libtorch's brgemm on operands that we pack.
#pragma once

#include "convert.h"
#include "vectors.h"

#include <ATen/native/CPUBlas.h>

namespace limbeck {

/** x [..., K] · weightᵀ [K, N] + bias: [..., N], in what autocast says. */
Tensor Linear(const Tensor& x, const Tensor& weight, const Optional<Tensor>& bias);

/** gradient [M, N] · weight [N, K]: [M, K] in f32, for the gradient of a linear map's output, in the dtype of the products. */
Tensor LinearInputGradient(const Tensor& gradient, const Tensor& weight);

/** into [N, K] += gradientᵀ [N, M] · x [M, K], in f32, for gradient and x in the dtype of the products. */
void AddLinearWeightGradient(const Tensor& into, const Tensor& gradient, const Tensor& x);

#if defined(LIMBECK_AVX512)
/** Whether products in f32 or bf16 are ours. */
bool HasFastProducts(at::ScalarType dtype);

/** The dtype in which x is multiplied here, autocast's or its own, where products of ours do that; else none. */
Optional<at::ScalarType> FastProductsOf(const Tensor& x);
#endif

}  // namespace limbeck
