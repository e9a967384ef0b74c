#pragma once

#include "dropout-noise.h"

namespace limbeck {

/** Of sequences [B, ..., D]: each element 0 with probability p, and 1 / (1 - p) times as large otherwise. */
Tensor Dropout(const Tensor& x, const DropoutNoise& noise);

/** layerNorm(x + dropout(y)), in f32, over the last dimension of [B, ..., D]. */
Tensor ResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, const DropoutNoise& noise);

}  // namespace limbeck
