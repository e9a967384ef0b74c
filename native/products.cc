// Linear maps: by products of our own on packed weights where those run, else by libtorch's.
#include "products.h"
#include "leaf-gradient.h"
#include "tables.h"
#include "tiles.h"

#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <map>
#include <tuple>
#include <unordered_map>

namespace limbeck {

#if defined(LIMBECK_FAST_PRODUCTS)

namespace {

/** Which operand a weight is: of the forward pass, or of its input's gradient. */
enum class Use { kForward, kInputGradient };

/** Packed weights, by the memory they were packed of. Whatever is written to is forgotten, and packed again when needed. */
class PackedWeights {
 public:
  const Panels& Of(const Tensor& weight, Use use) {
    c10::StorageImpl* const storage = weight.storage().unsafeGetStorageImpl();
    const auto found = kept_.find(storage);
    if (found == kept_.end() || found->second.memory.expired()) {
      Sweep();
      kept_.insert_or_assign(storage, Entry{weight.storage().getWeakStorageImpl(), {}});
    }
    auto& panels = kept_.at(storage).panels;
    const Key key{weight.storage_offset(), weight.size(0), weight.size(1), use};
    const auto packed = panels.find(key);
    return packed != panels.end() ? packed->second : panels.emplace(key, Pack(weight, use)).first->second;
  }

  void Forget(const Tensor& written) {
    if (kept_.empty() || !written.has_storage()) return;
    const auto found = kept_.find(written.storage().unsafeGetStorageImpl());
    if (found != kept_.end()) found->second.panels.clear();
  }

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t, Use>;
  struct Entry {
    c10::weak_intrusive_ptr<c10::StorageImpl> memory; // Another tensor may lie at the same address later.
    std::map<Key, Panels> panels;
  };

  static Panels Pack(const Tensor& weight, Use use) {
    RECORD_FUNCTION("limbeck::packWeight", {});
    return weight.scalar_type() == at::kFloat ? Pack(weight.data_ptr<float>(), weight, use) : Pack(weight.data_ptr<BFloat16>(), weight, use);
  }

  template <class T>
  static Panels Pack(const T* values, const Tensor& weight, Use use) {
    const int64_t N = weight.size(0), K = weight.size(1);
    return use == Use::kForward ? PackTransposed(values, K, N) : PackRows(values, K, N, N, K);
  }

  void Sweep() {
    std::erase_if(kept_, [](const auto& entry) { return entry.second.memory.expired(); });
  }

  std::unordered_map<c10::StorageImpl*, Entry> kept_;
};

PackedWeights& Packed() {
  static auto* packed = new PackedWeights; // Never destroyed: tensors may be freed at exit.
  return *packed;
}

Tensor Rows(const Tensor& x, int64_t columns) { return x.to(at::kBFloat16).reshape({-1, columns}).contiguous(); }

Tensor Forward(const Tensor& rows, const Tensor& weight, const Tensor& bias) {
  const int64_t M = rows.size(0), N = weight.size(0);
  Tensor out = at::empty({M, N}, at::kBFloat16);
  const float* const add = bias.defined() ? bias.data_ptr<float>() : nullptr;
  Multiply(rows.data_ptr<BFloat16>(), M, Packed().Of(weight, Use::kForward), StoreTile<BFloat16>{out.data_ptr<BFloat16>(), N, add});
  return out;
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight, const Optional<Tensor>& given_bias) {
    const Tensor bias = given_bias.value_or(Tensor());
    const Tensor rows = Rows(x, weight.size(1));
    context->save_for_backward({rows});
    // As values and not as saved variables: these are leaves, whose gradients are added to.
    context->saved_data["weight"] = weight;
    if (bias.defined()) context->saved_data["bias"] = bias;
    context->saved_data["dtype"] = x.scalar_type();
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    return Forward(rows, weight, bias).view(shape);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::linear, backward", {});
    const Tensor x = context->get_saved_variables()[0];
    const Tensor weight = context->saved_data["weight"].toTensor();
    const auto has_bias = context->saved_data.find("bias") != context->saved_data.end();
    const Tensor bias = has_bias ? context->saved_data["bias"].toTensor() : Tensor();
    const int64_t N = weight.size(0), K = weight.size(1);
    const Tensor gradient = Rows(gradients[0], N);
    torch::autograd::variable_list out(3);
    if (context->needs_input_grad(0)) {
      auto shape = gradients[0].sizes().vec();
      shape.back() = K;
      out[0] = InputGradient(gradient, weight, context->saved_data["dtype"].toScalarType()).view(shape);
    }
    const bool wants_bias = has_bias && context->needs_input_grad(2);
    if (context->needs_input_grad(1)) {
      const LeafGradient of_weight(weight);
      const auto of_bias = wants_bias ? std::optional(LeafGradient(bias)) : std::nullopt;
      AddOuter(of_weight.into.data_ptr<float>(), gradient.data_ptr<BFloat16>(), x.data_ptr<BFloat16>(), x.size(0), N, K,
               wants_bias ? of_bias->into.data_ptr<float>() : nullptr);
      out[1] = of_weight.given;
      if (wants_bias) out[2] = of_bias->given;
    } else if (wants_bias) {
      out[2] = gradient.to(at::kFloat).sum(0);
    }
    return out;
  }

  static Tensor InputGradient(const Tensor& gradient, const Tensor& weight, at::ScalarType dtype) {
    const int64_t M = gradient.size(0), K = weight.size(1);
    Tensor out = at::empty({M, K}, dtype);
    const Panels& panels = Packed().Of(weight, Use::kInputGradient);
    if (dtype == at::kFloat) Multiply(gradient.data_ptr<BFloat16>(), M, panels, StoreTile<float>{out.data_ptr<float>(), K, nullptr});
    else Multiply(gradient.data_ptr<BFloat16>(), M, panels, StoreTile<BFloat16>{out.data_ptr<BFloat16>(), K, nullptr});
    return out;
  }
};

// oneDNN may be told to use less than the processor has (ONEDNN_MAX_CPU_ISA); its products in bf16 then refuse.
bool BrgemmRuns() {
  try {
    const BFloat16 a[2] = {1.0f, 1.0f}, b[2] = {1.0f, 1.0f};
    float c[1];
    brgemm(1, 1, 2, 2, 1, 1, /*add_C=*/false, a, b, c);
    brgemm_release();
    return c[0] == 2;
  } catch (const std::exception&) { // libtorch's or oneDNN's
    return false;
  }
}

bool IsPlainF32(const Tensor& x, int64_t dims) {
  return x.is_cpu() && x.dim() == dims && x.scalar_type() == at::kFloat && x.is_contiguous();
}

// A frozen model may hold its weights in bf16; gradients are added up in f32.
bool IsPlainWeight(const Tensor& x) {
  if (IsPlainF32(x, 2)) return true;
  const bool is_trained = c10::GradMode::is_enabled() && x.requires_grad();
  return x.is_cpu() && x.dim() == 2 && x.scalar_type() == at::kBFloat16 && x.is_contiguous() && !is_trained;
}

bool Fits(const Tensor& x, const Tensor& weight, const Optional<Tensor>& bias) {
  return x.dim() >= 1 && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && IsPlainWeight(weight) &&
         (!bias.has_value() || (IsPlainF32(*bias, 1) && bias->size(0) == weight.size(0))) && x.size(-1) == weight.size(1) &&
         weight.size(0) % 2 == 0 && weight.size(1) % 2 == 0 && weight.numel() > 0;
}

/** A gradient [M, N] in bf16 and a weight, or its gradient, [N, K]. */
bool FitsBackward(const Tensor& gradient, const Tensor& weight) {
  return HasFastProducts() && gradient.is_cpu() && gradient.dim() == 2 && gradient.scalar_type() == at::kBFloat16 && IsPlainF32(weight, 2) &&
         gradient.numel() > 0 && weight.numel() > 0 && gradient.size(1) == weight.size(0) && weight.size(0) % 2 == 0;
}

}  // namespace

bool HasFastProducts() {
  static const bool has = HasAvx512() && __builtin_cpu_supports("avx512bf16") && BrgemmRuns();
  return has && at::globalContext().userEnabledMkldnn();
}

bool UsesFastProducts(const Tensor& x) {
  return x.is_cpu() && HasFastProducts() && at::autocast::is_autocast_enabled(at::kCPU) &&
         at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
}

void ForgetPacked(const Tensor& written) { Packed().Forget(written); }

#else

void ForgetPacked(const Tensor&) {}

#endif

Tensor Linear(const Tensor& x, const Tensor& weight, const Optional<Tensor>& bias) {
#if defined(LIMBECK_FAST_PRODUCTS)
  RECORD_FUNCTION("limbeck::linear", {});
  if (UsesFastProducts(x) && Fits(x, weight, bias)) return LinearFunction::apply(x, weight, bias);
#endif
  return at::linear(x, weight, bias);
}

Tensor LinearInputGradient(const Tensor& gradient, const Tensor& weight) {
#if defined(LIMBECK_FAST_PRODUCTS)
  RECORD_FUNCTION("limbeck::linearInputGradient", {});
  if (FitsBackward(gradient, weight)) return LinearFunction::InputGradient(gradient.contiguous(), weight, at::kFloat);
#endif
  return at::matmul(gradient, weight.to(gradient.scalar_type())).to(at::kFloat);
}

void AddLinearWeightGradient(Tensor& into, const Tensor& gradient, const Tensor& x) {
  TORCH_CHECK(gradient.dim() == 2 && x.dim() == 2 && into.dim() == 2 && gradient.size(0) == x.size(0) && into.size(0) == gradient.size(1) &&
                  into.size(1) == x.size(1),
              "needs [N, K], [M, N] and [M, K], got ", into.sizes(), ", ", gradient.sizes(), " and ", x.sizes());
#if defined(LIMBECK_FAST_PRODUCTS)
  RECORD_FUNCTION("limbeck::addLinearWeightGradient_", {});
  if (FitsBackward(gradient, into) && x.scalar_type() == at::kBFloat16) {
    const Tensor g = gradient.contiguous(), rows = x.contiguous();
    return AddOuter(into.data_ptr<float>(), g.data_ptr<BFloat16>(), rows.data_ptr<BFloat16>(), x.size(0), into.size(0), into.size(1), nullptr);
  }
#endif
  if (gradient.scalar_type() == at::kFloat) into.addmm_(gradient.t(), x);
  else into.add_(at::matmul(gradient.t(), x));
}

}  // namespace limbeck
