// Matrix products in bf16 on the CPU: libtorch's brgemm on weights that are packed once for many micro-batches.
#pragma once

#include <ATen/ATen.h>
#include <ATen/native/CPUBlas.h>

// oneDNN's small products, as libtorch exports them; their operands are packed and converted here for x86 only.
#if defined(__x86_64__) && defined(CPUBLAS_BRGEMM_BF16BF16F32)
#define LIMBECK_FAST_PRODUCTS 1
#endif

namespace limbeck {

using at::Tensor;

/** Whether this processor and this libtorch have them. */
bool HasFastProducts();

/** Whether autocast asks for bf16 on the CPU here, and this is possible. */
bool UsesFastProducts(const Tensor& x);

/** x [..., K] · weightᵀ [K, N] + bias: [..., N] in bf16. The weight is f32, or bf16 where it is not trained; the bias f32 or undefined. */
Tensor FastLinear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/** Whether FastLinear takes a weight of this shape. */
bool FitsFastLinear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/** Whether the two below take a gradient [M, N] and a weight, or its gradient, [N, K]. */
bool FitsFastBackward(const Tensor& gradient, const Tensor& weight);

/** gradient [M, N] · weight [N, K]: [M, K] in f32, for the gradient in bf16 of a FastLinear's output. */
Tensor FastInputGradient(const Tensor& gradient, const Tensor& weight);

/** into [N, K] += gradientᵀ [N, M] · x [M, K], in f32, for gradient and x in bf16. */
void AddFastWeightGradient(Tensor& into, const Tensor& gradient, const Tensor& x);

/** Forgets what was packed of a tensor that was written to. */
void ForgetPacked(const Tensor& written);

}  // namespace limbeck
