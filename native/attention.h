#pragma once

#include <ATen/ATen.h>

#include "convert.h"

namespace limbeck {

/**
 * Multi-head self-attention [B, S, D] of queries, keys and values side by side [B, S, 3 D]; the mask [B, 1, 1, S] is added to
 * the scores.
 */
Tensor SelfAttention(const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, double dropout);

}  // namespace limbeck
