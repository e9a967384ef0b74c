// Dropout, and the sum of residual and dropout under a layer norm, each as one pass over rows that stay in the cache.
#include "residual.h"
#include "dropout-noise.h"
#include "leaf-gradient.h"
#include "sharing.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

namespace limbeck {

namespace {

/** Rows of the last dimension, as many for each sequence. */
int64_t RowsPerSequence(const Tensor& x) { return x.size(0) == 0 || x.size(-1) == 0 ? 0 : x.numel() / x.size(0) / x.size(-1); }

Tensor ComposedDropout(const Tensor& x, const DropoutNoise& noise) {
  if (!noise.Drops() || x.numel() == 0) return x;
  const Tensor rows = at::arange(RowsPerSequence(x), noise.keys.options());
  return x * ComposedFactors(noise, rows, x.size(-1)).view(x.sizes());
}

Tensor ComposedResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, const DropoutNoise& noise) {
  return at::layer_norm((x + ComposedDropout(y, noise)).to(at::kFloat), weight.sizes(), weight, bias, eps);
}

#if defined(LIMBECK_AVX512)

// Rows a thread takes at least: below, sharing costs more than it saves.
constexpr int64_t kGrain = 16;

using at::BFloat16;

bool IsPlain(const Tensor& x) {
  return x.is_cpu() && x.is_contiguous() && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

struct Rows {
  int64_t count, per_sequence;
};

LIMBECK_AVX512_BEGIN

/** Calls `body(i, count, factors)` for vectors of a row of D elements. */
template <class Body>
LIMBECK_INLINE void OverRow(int64_t D, const DropoutNoise& noise, const Rows& rows, int64_t row, const Body& body) {
  const RowNoise keys(SequenceNoise(noise, row / rows.per_sequence), row % rows.per_sequence);
  for (int64_t i = 0; i < D; i += kNoiseBlock) {
    const KeepFactors keep = FactorsOf(noise, keys, i / kNoiseBlock);
    body(i, D - i, keep.low);
    if (i + kLanes < D) body(i + kLanes, D - i - kLanes, keep.high);
  }
}

template <class T>
void Drop(T* into, const T* from, const Rows& rows, int64_t D, const DropoutNoise& noise) {
  ParallelFor(0, rows.count, std::max<int64_t>(1, kGrain * 1024 / D), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      OverRow(D, noise, rows, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
        StoreUpTo(into + row * D + i, LoadUpTo(from + row * D + i, count) * keep, count);
      });
  });
}

/** What a row's norm needs in the backward pass: its mean and 1 / standard deviation. */
struct Moments {
  float mean, inverse;
};

template <class T>
void Normalise(float* out, float* sums, Moments* moments, const float* x, const T* y, const float* weight, const float* bias, const Rows& rows,
               int64_t D, double eps, const DropoutNoise& noise) {
  ParallelFor(0, rows.count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* const sum = sums + row * D;
      Floats total{};
      OverRow(D, noise, rows, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
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
              const Rows& rows, int64_t D, const DropoutNoise& noise) {
  ParallelFor(0, rows.count, kGrain, [&](int64_t begin, int64_t end) {
    float* const of_weight = parts + at::get_thread_num() * 2 * D;
    float* const of_bias = of_weight + D;
    for (int64_t row = begin; row < end; ++row) {
      const float mean = moments[row].mean, inverse = moments[row].inverse; // Clang before 16 captures no structured bindings.
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
      OverRow(D, noise, rows, row, [&](int64_t i, int64_t count, Floats keep) LIMBECK_INLINED {
        const Floats scaled = (LoadUpTo(sum + i, count) - mean) * inverse;
        const Floats d = (LoadUpTo(g + i, count) * LoadUpTo(weight + i, count) - ones - scaled * along) * inverse;
        StoreUpTo(dx + row * D + i, d, count);
        StoreUpTo(dy + row * D + i, d * keep, count);
      });
    }
  });
}

LIMBECK_AVX512_END

Rows RowsOf(const Tensor& x) { return {x.numel() / x.size(-1), RowsPerSequence(x)}; }

Tensor Dropped(const Tensor& x, const DropoutNoise& noise) {
  Tensor out = at::empty_like(x);
  WithType(x, [&]<class T>(T*) { Drop(out.data_ptr<T>(), x.data_ptr<T>(), RowsOf(x), x.size(-1), noise); });
  return out;
}

class DropoutFunction : public torch::autograd::Function<DropoutFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const DropoutNoise& noise) {
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
                        double eps, const DropoutNoise& noise) {
    const Rows rows = RowsOf(x);
    Tensor out = at::empty_like(x);
    const Tensor sums = at::empty_like(x), moments = at::empty({rows.count, 2}, x.options());
    WithType(y, [&]<class T>(T*) {
      Normalise(out.data_ptr<float>(), sums.data_ptr<float>(), reinterpret_cast<Moments*>(moments.data_ptr<float>()), x.data_ptr<float>(),
                y.data_ptr<T>(), weight.data_ptr<float>(), bias.data_ptr<float>(), rows, x.size(-1), eps, noise);
    });
    context->save_for_backward({sums, moments, weight, bias});
    context->saved_data["dtype"] = y.scalar_type();
    noise.SaveTo(context);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::residualNorm, backward", {});
    const auto saved = context->get_saved_variables();
    const Tensor &sums = saved[0], &moments = saved[1], &weight = saved[2], &bias = saved[3];
    const Tensor gradient = gradients[0].contiguous();
    const int64_t D = gradient.size(-1);
    const Tensor parts = at::zeros({at::get_num_threads(), 2, D}, gradient.options());
    Tensor dx = at::empty_like(gradient), dy = at::empty_like(gradient, gradient.options().dtype(context->saved_data["dtype"].toScalarType()));
    WithType(dy, [&]<class T>(T*) {
      limbeck::Backward(dx.data_ptr<float>(), dy.data_ptr<T>(), parts.data_ptr<float>(), gradient.data_ptr<float>(), sums.data_ptr<float>(),
                        reinterpret_cast<const Moments*>(moments.data_ptr<float>()), weight.data_ptr<float>(), RowsOf(gradient), D,
                        DropoutNoise::SavedIn(context));
    });
    const Tensor whole = parts.sum(0);
    const auto added = [&](int input, const Tensor& leaf, int64_t part) {
      if (!context->needs_input_grad(input)) return Tensor();
      const LeafGradient of(leaf);
      of.into.add_(whole.select(0, part));
      return of.given;
    };
    return {dx, dy, added(2, weight, 0), added(3, bias, 1), Tensor(), Tensor()};
  }
};

#endif

}  // namespace

Tensor Dropout(const Tensor& x, const DropoutNoise& noise) {
  TORCH_CHECK(x.dim() >= 2, "dropout needs sequences [B, ..., D], got ", x.sizes());
  noise.CheckSequences(x.size(0));
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::dropout", {});
  if (Runs(Kernels::kAvx512) && IsPlain(x) && noise.IsOnCpu()) return DropoutFunction::apply(x, noise);
#endif
  return ComposedDropout(x, noise).to(x.scalar_type());
}

Tensor ResidualNorm(const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, const DropoutNoise& noise) {
  TORCH_CHECK(x.dim() >= 2, "residualNorm needs sequences [B, ..., D], got ", x.sizes());
  noise.CheckSequences(x.size(0));
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::residualNorm", {});
  const auto is_f32 = [](const Tensor& t) { return IsPlain(t) && t.scalar_type() == at::kFloat; };
  if (Runs(Kernels::kAvx512) && is_f32(x) && IsPlain(y) && x.sizes() == y.sizes() && is_f32(weight) && is_f32(bias) && weight.dim() == 1 &&
      weight.sizes() == bias.sizes() && weight.size(0) == x.size(-1) && noise.IsOnCpu())
    return ResidualNormFunction::apply(x, y, weight, bias, eps, noise);
#endif
  return ComposedResidualNorm(x, y, weight, bias, eps, noise);
}

}  // namespace limbeck
