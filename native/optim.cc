// The optimizer's update as one op: it is bound by memory, and one pass is the floor.
#include "tables.h"

namespace limbeck {

namespace {

struct AdamW {
  double learning_rate, beta1, beta2, eps, weight_decay;
  int64_t step;
};

// With torch.optim.AdamW's arithmetic. `step` counts from 1.
void Update(Tensor values, const Tensor& gradients, Tensor first, Tensor second, const AdamW& by) {
#if LIMBECK_TORCH_AT_LEAST(2, 4)
  const Tensor step = at::full({}, static_cast<double>(by.step), gradients.options());
  at::_fused_adamw_({values}, {gradients}, {first}, {second}, {}, {step}, by.learning_rate, by.beta1, by.beta2, by.weight_decay,
                    by.eps, /*amsgrad=*/false, /*maximize=*/false);
#else
  const double steps = static_cast<double>(by.step);
  if (by.weight_decay != 0) values.mul_(1 - by.learning_rate * by.weight_decay);
  first.lerp_(gradients, 1 - by.beta1);
  second.mul_(by.beta2).addcmul_(gradients, gradients, 1 - by.beta2);
  const Tensor denominator = second.sqrt().mul_(1 / std::sqrt(1 - std::pow(by.beta2, steps))).add_(by.eps);
  values.addcdiv_(first, denominator, -by.learning_rate / (1 - std::pow(by.beta1, steps)));
#endif
}

}  // namespace

Bindings Optim() {
  return {
      Op("adamW_", [](Tensor values, const Tensor& gradients, Tensor first, Tensor second, double learningRate, double beta1,
                      double beta2, double eps, double weightDecay, int64_t step) {
        Update(values, gradients, first, second, {learningRate, beta1, beta2, eps, weightDecay, step});
      }),
  };
}

}  // namespace limbeck
