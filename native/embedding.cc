// Rows of a table, and their gradient, which is added to the table's own where it has one.
#include "embedding.h"
#include "leaf-gradient.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

namespace limbeck {

namespace {

/** libtorch makes a gradient as large as the table, mostly zeros, and adds it: three passes over 94 MB for BERT's words. */
class EmbeddingFunction : public torch::autograd::Function<EmbeddingFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& weight, const Tensor& ids) {
    context->save_for_backward({ids});
    context->saved_data["weight"] = weight; // Not its values: it may change before the backward pass, which adds to its gradient.
    return at::embedding(weight, ids);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::embedding, backward", {});
    const Tensor ids = context->get_saved_variables()[0].contiguous();
    const LeafGradient of_weight(context->saved_data["weight"].toTensor());
    const Tensor gradient = gradients[0].contiguous();
    const int64_t D = gradient.size(-1);
    const int64_t* const row = ids.data_ptr<int64_t>();
    const float* from = gradient.data_ptr<float>();
    float* const table = of_weight.into.data_ptr<float>();
    // One thread: rows may be the same.
    for (int64_t i = 0; i < ids.numel(); ++i, from += D) {
      float* const to = table + row[i] * D;
      for (int64_t j = 0; j < D; ++j) to[j] += from[j];
    }
    return {of_weight.given, Tensor()};
  }
};

}  // namespace

Tensor Embedding(const Tensor& weight, const Tensor& ids) {
  const bool is_plain = weight.is_cpu() && weight.dim() == 2 && weight.scalar_type() == at::kFloat && weight.is_contiguous() &&
                        weight.is_leaf() && weight.requires_grad() && ids.scalar_type() == at::kLong;
  return is_plain ? EmbeddingFunction::apply(weight, ids) : at::embedding(weight, ids);
}

}  // namespace limbeck
