#pragma once

#include "dropout-noise.h"

namespace limbeck {

/**
 * Multi-head self-attention [B, S, D] of queries, keys and values side by side [B, S, 3 D]; the mask [B, 1, 1, S] is added to
 * the scores. Where it hides every key, at -1e30 or below, the result is 0.
 */
Tensor SelfAttention(const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, const DropoutNoise& noise);

}  // namespace limbeck
