#pragma once

#include <ATen/ATen.h>

namespace limbeck {

using at::Tensor;

/** Each element 0 with probability p, and 1 / (1 - p) times as large otherwise. */
Tensor Dropout(const Tensor& x, double p);

/** layerNorm(x + dropout(y)), in f32, over the last dimension. */
Tensor ResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, double p);

}  // namespace limbeck
