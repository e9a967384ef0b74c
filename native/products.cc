// Linear maps: by products of our own where those run, in bf16 or f32, else by libtorch's.
#include "products.h"
#include "leaf-gradient.h"
#include "packed-weights.h"
#include "tables.h"

#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace limbeck {

#if defined(LIMBECK_AVX512)

namespace {

PackedWeights& Packed() {
  static auto* packed = new PackedWeights; // Never destroyed: tensors may be freed at exit.
  return *packed;
}

const float* DataOf(const Tensor& bias) { return bias.defined() ? bias.data_ptr<float>() : nullptr; }

// Products that differ in their operands' dtype: in how weights are packed, and for how long.

struct InBf16 {
  using Element = BFloat16;

  static void Forward(BFloat16* out, const Tensor& rows, const Tensor& weight, const Tensor& bias) {
    const StoreTile<BFloat16> store{out, weight.size(0), DataOf(bias)};
    Multiply(rows.data_ptr<BFloat16>(), rows.size(0), Packed().Of(weight, Use::kForward), store);
  }

  template <class T>
  static void InputGradient(T* out, const Tensor& gradient, const Tensor& weight) {
    const StoreTile<T> store{out, weight.size(1), nullptr};
    Multiply(gradient.data_ptr<BFloat16>(), gradient.size(0), Packed().Of(weight, Use::kInputGradient), store);
  }
};

// A weight needs no cast here, and is not kept in packed form, which would be twice its memory.
struct InF32 {
  using Element = float;

  static void Forward(float* out, const Tensor& rows, const Tensor& weight, const Tensor& bias) {
    const int64_t N = weight.size(0), K = weight.size(1);
    const Unpacked right{{K, N}, weight.data_ptr<float>(), /*transposed=*/true};
    Multiply(rows.data_ptr<float>(), rows.size(0), right, StoreTile<float>{out, N, DataOf(bias)});
  }

  static void InputGradient(float* out, const Tensor& gradient, const Tensor& weight) {
    const int64_t N = weight.size(0), K = weight.size(1);
    const Unpacked right{{N, K}, weight.data_ptr<float>(), /*transposed=*/false};
    Multiply(gradient.data_ptr<float>(), gradient.size(0), right, StoreTile<float>{out, K, nullptr});
  }
};

template <class Products>
class LinearFunction : public torch::autograd::Function<LinearFunction<Products>> {
  using Element = typename Products::Element;
  static constexpr at::ScalarType kDType = c10::CppTypeToScalarType<Element>::value;

 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight, const Optional<Tensor>& given_bias) {
    const Tensor bias = given_bias.value_or(Tensor());
    const Tensor rows = Rows(x, weight.size(1));
    context->save_for_backward({rows, weight});
    if (bias.defined()) context->saved_data["bias"] = bias; // Not its values: it may change before the backward pass.
    context->saved_data["dtype"] = x.scalar_type();
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    Tensor out = at::empty(shape, rows.options());
    Products::Forward(out.template data_ptr<Element>(), rows, weight, bias);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::linear, backward", {});
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const bool has_bias = context->saved_data.find("bias") != context->saved_data.end();
    const Tensor bias = has_bias ? context->saved_data["bias"].toTensor() : Tensor();
    const int64_t N = weight.size(0), K = weight.size(1);
    const Tensor gradient = Rows(gradients[0], N);
    torch::autograd::variable_list out(3);
    if (context->needs_input_grad(0)) {
      auto shape = gradients[0].sizes().vec();
      shape.back() = K;
      out[0] = InputGradient(gradient, weight, context->saved_data["dtype"].toScalarType()).view(shape);
    }
    const bool wants_bias = bias.defined() && context->needs_input_grad(2);
    if (context->needs_input_grad(1)) {
      const LeafGradient of_weight(weight);
      std::optional<LeafGradient> of_bias;
      if (wants_bias) of_bias.emplace(bias);
      AddOuter(of_weight.into.data_ptr<float>(), gradient.data_ptr<Element>(), x.data_ptr<Element>(), x.size(0), N, K,
               wants_bias ? of_bias->into.data_ptr<float>() : nullptr);
      out[1] = of_weight.given;
      if (wants_bias) out[2] = of_bias->given;
    } else if (wants_bias) {
      out[2] = gradient.to(at::kFloat).sum(0);
    }
    return out;
  }

  /** Of `gradient` [M, N], in the products' dtype: [M, K] in `dtype`. */
  static Tensor InputGradient(const Tensor& gradient, const Tensor& weight, at::ScalarType dtype) {
    Tensor out = at::empty({gradient.size(0), weight.size(1)}, dtype);
    if (dtype == at::kFloat) Products::InputGradient(out.data_ptr<float>(), gradient, weight);
    else Products::InputGradient(out.data_ptr<Element>(), gradient, weight);
    return out;
  }

 private:
  static Tensor Rows(const Tensor& x, int64_t columns) { return x.to(kDType).reshape({-1, columns}).contiguous(); }
};

bool IsRecorded(const Tensor& x) { return c10::GradMode::is_enabled() && x.requires_grad(); }

bool IsPlainF32(const Tensor& x, int64_t dims) {
  return x.is_cpu() && x.dim() == dims && x.scalar_type() == at::kFloat && x.is_contiguous();
}

// In f32, of fewer rows a product is done before packing the weight has paid; MKL is faster (docs/LOG.md, 2026-11-25).
constexpr int64_t kLeastRows = 64;

/** Whether a product of that many rows is ours: in bf16 columns go in pairs. */
bool FitsWeight(const Tensor& weight, int64_t rows, at::ScalarType dtype) {
  return weight.numel() > 0 && (dtype == at::kFloat ? rows >= kLeastRows : weight.size(0) % 2 == 0 && weight.size(1) % 2 == 0);
}

// A frozen model may hold its weights in bf16; gradients are added up in f32.
bool IsPlainWeight(const Tensor& x, at::ScalarType dtype) {
  if (IsPlainF32(x, 2)) return true;
  return x.is_cpu() && x.dim() == 2 && x.scalar_type() == at::kBFloat16 && dtype == at::kBFloat16 && x.is_contiguous() && !IsRecorded(x);
}

bool Fits(const Tensor& x, const Tensor& weight, const Optional<Tensor>& bias, at::ScalarType dtype) {
  return x.dim() >= 1 && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == dtype) && IsPlainWeight(weight, dtype) &&
         FitsWeight(weight, x.numel() / x.size(-1), dtype) && (!bias.has_value() || (IsPlainF32(*bias, 1) && bias->size(0) == weight.size(0))) &&
         x.size(-1) == weight.size(1);
}

/** A gradient [M, N] and a weight, or its gradient, [N, K]. */
bool FitsBackward(const Tensor& gradient, const Tensor& weight) {
  return !IsRecorded(gradient) && !IsRecorded(weight) && gradient.is_cpu() && HasFastProducts(gradient.scalar_type()) && gradient.dim() == 2 && IsPlainF32(weight, 2) &&
         gradient.numel() > 0 && gradient.size(1) == weight.size(0) && FitsWeight(weight, gradient.size(0), gradient.scalar_type());
}

}  // namespace

bool HasFastProducts(at::ScalarType dtype) {
  return dtype == at::kFloat ? Runs(Kernels::kAvx512) : dtype == at::kBFloat16 && Runs(Kernels::kAvx512Bf16);
}

Optional<at::ScalarType> FastProductsOf(const Tensor& x) {
  if (!x.is_cpu()) return {};
  const bool casts = at::autocast::is_autocast_enabled(at::kCPU);
  const auto dtype = casts ? at::autocast::get_autocast_dtype(at::kCPU) : x.scalar_type();
  if (dtype == at::kBFloat16 && !casts) return {}; // Left to libtorch: nobody trains so.
  return HasFastProducts(dtype) ? Optional<at::ScalarType>(dtype) : std::nullopt;
}

void ForgetPacked(const Tensor& written) { Packed().Forget(written); }

#else

void ForgetPacked(const Tensor&) {}

#endif

Tensor Linear(const Tensor& x, const Tensor& weight, const Optional<Tensor>& bias) {
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::linear", {});
  const auto dtype = FastProductsOf(x);
  if (dtype.has_value() && Fits(x, weight, bias, *dtype))
    return *dtype == at::kFloat ? LinearFunction<InF32>::apply(x, weight, bias) : LinearFunction<InBf16>::apply(x, weight, bias);
#endif
  return at::linear(x, weight, bias);
}

Tensor LinearInputGradient(const Tensor& gradient, const Tensor& weight) {
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::linearInputGradient", {});
  if (FitsBackward(gradient, weight)) {
    const auto of = gradient.scalar_type() == at::kFloat ? &LinearFunction<InF32>::InputGradient : &LinearFunction<InBf16>::InputGradient;
    return of(gradient.contiguous(), weight, at::kFloat);
  }
#endif
  return at::matmul(gradient, weight.to(gradient.scalar_type())).to(at::kFloat);
}

void AddLinearWeightGradient(const Tensor& into, const Tensor& gradient, const Tensor& x) {
  TORCH_CHECK(gradient.dim() == 2 && x.dim() == 2 && into.dim() == 2 && gradient.size(0) == x.size(0) && into.size(0) == gradient.size(1) &&
                  into.size(1) == x.size(1),
              "needs [N, K], [M, N] and [M, K], got ", into.sizes(), ", ", gradient.sizes(), " and ", x.sizes());
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::addLinearWeightGradient_", {});
  if (FitsBackward(gradient, into) && x.scalar_type() == gradient.scalar_type() && !IsRecorded(x)) {
    const Tensor g = gradient.contiguous(), rows = x.contiguous();
    return WithType(g, [&]<class T>(T*) {
      AddOuter(into.data_ptr<float>(), g.data_ptr<T>(), rows.data_ptr<T>(), x.size(0), into.size(0), into.size(1), nullptr);
    });
  }
#endif
  if (gradient.scalar_type() == at::kFloat) into.addmm_(gradient.t(), x);
  else into.add_(at::matmul(gradient.t(), x));
}

}  // namespace limbeck
