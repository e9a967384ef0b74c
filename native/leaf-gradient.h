// Where the backward pass of a fused op adds the gradient of a parameter.
#pragma once

#include <ATen/ATen.h>

namespace limbeck {

using at::Tensor;

/** A leaf's own gradient, added to in place as autograd would; or zeros that autograd is then given. */
struct LeafGradient {
  Tensor into;
  Tensor given; // undefined where the leaf's own was added to

  explicit LeafGradient(const Tensor& leaf) {
    const bool is_own = leaf.is_leaf() && leaf.grad().defined() && leaf.grad().is_contiguous() && leaf.grad().scalar_type() == at::kFloat;
    into = is_own ? leaf.grad() : at::zeros_like(leaf, at::MemoryFormat::Contiguous);
    if (!is_own) given = into;
  }
};

}  // namespace limbeck
