// Where the backward pass of a fused op adds the gradient of a parameter.
#pragma once

#include "convert.h"

#include <c10/core/GradMode.h>

namespace limbeck {

/**
 * A leaf's own gradient, added to in place as autograd would where nobody differentiates through it; or zeros that autograd is
 * then given. Only for a leaf whose gradient is asked for.
 */
struct LeafGradient {
  Tensor into;
  Tensor given; // undefined where the leaf's own was added to

  explicit LeafGradient(const Tensor& leaf) {
    if (IsOwn(leaf)) {
      into = leaf.grad();
      ForgetPacked(into);
      into.unsafeGetTensorImpl()->bump_version(); // Whoever saved it for a backward pass of its own is told.
    } else {
      into = given = at::zeros_like(leaf, leaf.options().dtype(at::kFloat), at::MemoryFormat::Contiguous);
    }
  }

 private:
  static bool IsOwn(const Tensor& leaf) {
    if (!leaf.is_leaf() || !leaf.requires_grad() || c10::GradMode::is_enabled()) return false;
    const Tensor& own = leaf.grad();
    return own.defined() && !own.requires_grad() && own.is_contiguous() && own.scalar_type() == at::kFloat && own.sizes() == leaf.sizes();
  }
};

}  // namespace limbeck
