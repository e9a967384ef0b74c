// Dropout, and the sum of residual and dropout under a layer norm, each as one pass over rows that stay in the cache.
#include "residual.h"
#include "dropout-noise.h"
#include "leaf-gradient.h"

#include <ATen/Parallel.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

namespace limbeck {

namespace {

Tensor ComposedResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, double p) {
  const Tensor sum = x + (p > 0 ? at::dropout(y, p, /*train=*/true) : y);
  return at::layer_norm(sum.to(at::kFloat), weight.sizes(), weight, bias, eps);
}

#if defined(LIMBECK_AVX512)

// Rows a thread takes at least: below, sharing costs more than it saves.
constexpr int64_t kGrain = 16;

using at::BFloat16;

bool IsPlain(const Tensor& x) {
  return x.is_cpu() && x.is_contiguous() && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

LIMBECK_AVX512_BEGIN

/** Calls `body(i, count, factors)` for vectors of a row of D elements. */
template <class Body>
LIMBECK_INLINE void OverRow(int64_t D, const DropoutNoise& noise, int64_t row, const Body& body) {
  const RowNoise keys(noise, row);
  for (int64_t i = 0; i < D; i += kNoiseBlock) {
    const KeepFactors keep = FactorsOf(noise, keys, i / kNoiseBlock);
    body(i, D - i, keep.low);
    if (i + kLanes < D) body(i + kLanes, D - i - kLanes, keep.high);
  }
}

template <class T>
void Drop(T* into, const T* from, int64_t rows, int64_t D, const DropoutNoise& noise) {
  at::parallel_for(0, rows, std::max<int64_t>(1, kGrain * 1024 / D), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      OverRow(D, noise, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
        StoreUpTo(into + row * D + i, LoadUpTo(from + row * D + i, count) * keep, count);
      });
  });
}

/** What a row's norm needs in the backward pass: its mean and 1 / standard deviation. */
struct Moments {
  float mean, inverse;
};

template <class T>
void Normalise(float* out, float* sums, Moments* moments, const float* x, const T* y, const float* weight, const float* bias, int64_t rows,
               int64_t D, double eps, const DropoutNoise& noise) {
  at::parallel_for(0, rows, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* const sum = sums + row * D;
      Floats total{};
      OverRow(D, noise, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
        const Floats s = LoadUpTo(x + row * D + i, count) + LoadUpTo(y + row * D + i, count) * keep;
        total += s;
        StoreUpTo(sum + i, s, count);
      });
      const auto mean = static_cast<float>(Total(total) / static_cast<double>(D));
      Floats squares{};
      for (int64_t i = 0; i < D; i += kLanes) {
        const Floats distance = D - i >= kLanes ? Load(sum + i) - mean : LoadTail(sum + i, D - i, mean) - mean;
        squares += distance * distance;
      }
      const auto inverse = static_cast<float>(1 / std::sqrt(Total(squares) / static_cast<double>(D) + eps));
      moments[row] = {mean, inverse};
      for (int64_t i = 0; i < D; i += kLanes) {
        const int64_t count = D - i;
        const Floats scaled = (LoadUpTo(sum + i, count) - mean) * inverse;
        StoreUpTo(out + row * D + i, scaled * LoadUpTo(weight + i, count) + LoadUpTo(bias + i, count), count);
      }
    }
  });
}

/** @param parts [threads, 2, D]: each thread's sums of the gradients of weight and bias */
template <class T>
void Backward(float* dx, T* dy, float* parts, const float* gradient, const float* sums, const Moments* moments, const float* weight,
              int64_t rows, int64_t D, const DropoutNoise& noise) {
  at::parallel_for(0, rows, kGrain, [&](int64_t begin, int64_t end) {
    float* const of_weight = parts + at::get_thread_num() * 2 * D;
    float* const of_bias = of_weight + D;
    for (int64_t row = begin; row < end; ++row) {
      const auto [mean, inverse] = moments[row];
      const float* const g = gradient + row * D;
      const float* const sum = sums + row * D;
      Floats along_ones{}, along_row{};
      for (int64_t i = 0; i < D; i += kLanes) {
        const int64_t count = D - i;
        const Floats given = LoadUpTo(g + i, count);
        const Floats scaled = (LoadUpTo(sum + i, count) - mean) * inverse;
        const Floats weighted = given * LoadUpTo(weight + i, count);
        along_ones += weighted;
        along_row += weighted * scaled;
        StoreUpTo(of_weight + i, LoadUpTo(of_weight + i, count) + given * scaled, count);
        StoreUpTo(of_bias + i, LoadUpTo(of_bias + i, count) + given, count);
      }
      const auto ones = static_cast<float>(Total(along_ones) / static_cast<double>(D));
      const auto along = static_cast<float>(Total(along_row) / static_cast<double>(D));
      OverRow(D, noise, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
        const Floats scaled = (LoadUpTo(sum + i, count) - mean) * inverse;
        const Floats d = (LoadUpTo(g + i, count) * LoadUpTo(weight + i, count) - ones - scaled * along) * inverse;
        StoreUpTo(dx + row * D + i, d, count);
        StoreUpTo(dy + row * D + i, d * keep, count);
      });
    }
  });
}

LIMBECK_AVX512_END

Tensor Dropped(const Tensor& x, const DropoutNoise& noise) {
  Tensor out = at::empty_like(x);
  const int64_t D = x.dim() == 0 ? 1 : x.size(-1);
  WithType(x, [&]<class T>(T*) { Drop(out.data_ptr<T>(), x.data_ptr<T>(), x.numel() / D, D, noise); });
  return out;
}

class DropoutFunction : public torch::autograd::Function<DropoutFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double p) {
    const DropoutNoise noise = DropoutNoise::Draw(p);
    noise.SaveTo(context);
    return Dropped(x, noise);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::dropout, backward", {});
    return {Dropped(gradients[0].contiguous(), DropoutNoise::SavedIn(context)), Tensor()};
  }
};

class ResidualNormFunction : public torch::autograd::Function<ResidualNormFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias,
                        double eps, double p) {
    const int64_t D = x.size(-1), rows = x.numel() / D;
    const DropoutNoise noise = DropoutNoise::Draw(p);
    Tensor out = at::empty_like(x);
    const Tensor sums = at::empty_like(x), moments = at::empty({rows, 2}, x.options());
    WithType(y, [&]<class T>(T*) {
      Normalise(out.data_ptr<float>(), sums.data_ptr<float>(), reinterpret_cast<Moments*>(moments.data_ptr<float>()), x.data_ptr<float>(),
                y.data_ptr<T>(), weight.data_ptr<float>(), bias.data_ptr<float>(), rows, D, eps, noise);
    });
    context->save_for_backward({sums, moments});
    context->saved_data["weight"] = weight; // A leaf, whose gradient is added to.
    context->saved_data["bias"] = bias;
    context->saved_data["dtype"] = y.scalar_type();
    noise.SaveTo(context);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::residualNorm, backward", {});
    const auto saved = context->get_saved_variables();
    const Tensor &sums = saved[0], &moments = saved[1];
    const Tensor weight = context->saved_data["weight"].toTensor(), bias = context->saved_data["bias"].toTensor();
    const Tensor gradient = gradients[0].contiguous();
    const int64_t D = gradient.size(-1), rows = gradient.numel() / D;
    const Tensor parts = at::zeros({at::get_num_threads(), 2, D}, gradient.options());
    Tensor dx = at::empty_like(gradient), dy = at::empty_like(gradient, gradient.options().dtype(context->saved_data["dtype"].toScalarType()));
    WithType(dy, [&]<class T>(T*) {
      limbeck::Backward(dx.data_ptr<float>(), dy.data_ptr<T>(), parts.data_ptr<float>(), gradient.data_ptr<float>(), sums.data_ptr<float>(),
                        reinterpret_cast<const Moments*>(moments.data_ptr<float>()), weight.data_ptr<float>(), rows, D, DropoutNoise::SavedIn(context));
    });
    const Tensor whole = parts.sum(0);
    LeafGradient of_weight(weight), of_bias(bias);
    of_weight.into.add_(whole.select(0, 0));
    of_bias.into.add_(whole.select(0, 1));
    return {dx, dy, of_weight.given, of_bias.given, Tensor(), Tensor()};
  }
};

#endif

}  // namespace

Tensor Dropout(const Tensor& x, double p) {
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::dropout", {});
  if (HasAvx512() && IsPlain(x) && p < 1) return DropoutFunction::apply(x, p);
#endif
  return at::dropout(x, p, /*train=*/true);
}

Tensor ResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, double p) {
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::residualNorm", {});
  const auto is_f32 = [](const Tensor& t) { return IsPlain(t) && t.scalar_type() == at::kFloat; };
  if (HasAvx512() && is_f32(x) && IsPlain(y) && x.sizes() == y.sizes() && is_f32(weight) && is_f32(bias) && weight.dim() == 1 &&
      weight.sizes() == bias.sizes() && weight.size(0) == x.size(-1) && p < 1)
    return ResidualNormFunction::apply(x, y, weight, bias, eps, p);
#endif
  return ComposedResidualNorm(x, y, weight, bias, eps, p);
}

}  // namespace limbeck
