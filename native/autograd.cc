// Gradient mode, backward, and autocast.
#include "tables.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

namespace limbeck {

namespace {

Optional<at::ScalarType> AutocastDType(at::Device device) {
  if (!at::autocast::is_autocast_enabled(device.type())) return {};
  return at::autocast::get_autocast_dtype(device.type());
}

void SetAutocast(at::Device device, const Optional<at::ScalarType>& dtype) {
  at::autocast::set_autocast_enabled(device.type(), dtype.has_value());
  if (dtype.has_value()) at::autocast::set_autocast_dtype(device.type(), *dtype);
  // Casts of weights are cached until the region ends: the weights change between steps.
  if (!dtype.has_value()) at::autocast::clear_cache();
}

// libtorch would broadcast another shape into it without a word.
void CheckGradient(const Tensor& x, const Tensor& grad) {
  TORCH_CHECK(grad.sizes() == x.sizes() && grad.scalar_type() == x.scalar_type(), "a gradient of shape ", grad.sizes(), " and ",
              grad.scalar_type(), " for a tensor of shape ", x.sizes(), " and ", x.scalar_type());
}

}  // namespace

Bindings Autograd() {
  return {
      Op("setGradMode", [](bool enabled) {
        const bool before = c10::GradMode::is_enabled();
        c10::GradMode::set_enabled(enabled);
#if !LIMBECK_TORCH_AT_LEAST(2, 13)
        // Autocast would use the cast of a weight that it made and kept without gradients where they are wanted.
        if (enabled != before) at::autocast::clear_cache();
#endif
        return before;
      }),
      Op("setAutocast", [](at::Device device, const Optional<at::ScalarType>& dtype) {
        const Optional<at::ScalarType> before = AutocastDType(device);
        SetAutocast(device, dtype);
        return before;
      }),
      Op("requiresGrad", [](const Tensor& x) { return x.requires_grad(); }),
      Op("setRequiresGrad", [](const Tensor& x, bool value) { x.set_requires_grad(value); }),
      Op("grad", [](const Tensor& x) { return x.grad().defined() ? Optional<Tensor>(x.grad()) : Optional<Tensor>(); }),
      Op("setGrad", [](const Tensor& x, const Optional<Tensor>& grad) {
        if (grad.has_value()) CheckGradient(x, *grad);
        x.mutable_grad() = grad.has_value() ? *grad : Tensor();
      }),
      Op("detach", [](const Tensor& x) { return x.detach(); }),
      // Gradients are added in place where a leaf already has one: so they land in the flat gradient buffer.
      Op("backward", [](const std::vector<Tensor>& roots, const std::vector<Optional<Tensor>>& grads) {
        std::vector<Tensor> given;
        for (const auto& grad : grads) given.push_back(grad.has_value() ? *grad : Tensor());
        c10::AutoGradMode off(false);
        torch::autograd::backward(roots, given, /*retain_graph=*/false, /*create_graph=*/false);
      }),
  };
}

}  // namespace limbeck
