#pragma once

#include <ATen/ATen.h>

namespace limbeck {

using at::Tensor;

/** Rows of weight [V, D] at ids: [...ids, D]. */
Tensor Embedding(const Tensor& weight, const Tensor& ids);

}  // namespace limbeck
