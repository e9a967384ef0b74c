// The optimizer's update as one op: it is bound by memory, and one pass is the floor.
#include "tables.h"

namespace limbeck {

namespace {

struct AdamW {
  double learning_rate, beta1, beta2, eps, weight_decay;
  int64_t step;
};

// With torch.optim.AdamW's arithmetic. `step` counts from 1.
void Update(const Tensor& values, const Tensor& gradients, const Tensor& first, const Tensor& second, const AdamW& by) {
  const Tensor step = at::full({}, static_cast<double>(by.step), gradients.options());
  at::_fused_adamw_({values}, {gradients}, {first}, {second}, {}, {step}, by.learning_rate, by.beta1, by.beta2, by.weight_decay,
                    by.eps, /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace

Bindings Optim() {
  return {
      Op("adamW_", [](Written values, const Tensor& gradients, Written first, Written second, double learningRate, double beta1,
                      double beta2, double eps, double weightDecay, int64_t step) {
        Update(*values, gradients, *first, *second, {learningRate, beta1, beta2, eps, weightDecay, step});
      }),
  };
}

}  // namespace limbeck
