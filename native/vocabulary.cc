// The distillation losses over the vocabulary and their gradient, in three passes over a row that stays in the cache.
//
// Composed of libtorch's ops it takes some fifteen passes over [rows, V] through
// memory, in f32: a third of a distillation step. Here a row of logits becomes its own gradient, in place.
#include "kernels.h"
#include "sharing.h"
#include "tables.h"
#include "vectors.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace limbeck {

namespace {

// What stands for logits beyond the row's end: its exponential is as good as 0.
constexpr float kNothing = -1e4f;
// Sums of this many vectors are taken in f32, and those sums in f64.
constexpr int64_t kBlock = 64;

/** A row's scalars, and what it comes to. */
struct Row {
  int64_t V;
  int64_t label; // -1 where there is none
  float temperature, ce_scale, mlm_scale;
  double ce = 0, mlm = 0;
};

namespace base {
#include "vector-functions.h"
#include "vocabulary-kernel.h"
}  // namespace base

#if defined(LIMBECK_AVX512)
LIMBECK_AVX2_BEGIN
namespace avx2 {
#include "vector-functions.h"
#include "vocabulary-kernel.h"
}  // namespace avx2
LIMBECK_AVX2_END

LIMBECK_AVX512_BEGIN
namespace avx512 {
#include "vocabulary-kernel.h"
}  // namespace avx512
LIMBECK_AVX512_END
#endif

template <class T>
auto KernelInForce() {
#if defined(LIMBECK_AVX512)
  if (Runs(Kernels::kAvx512)) return &avx512::Run<T>;
  if (Runs(Kernels::kAvx2)) return &avx2::Run<T>;
#endif
  return &base::Run<T>;
}

/** What every row of a chunk has in common. */
struct Weights {
  double temperature, ce_scale, mlm_scale;
};

template <class T>
Tensor OnCpu(const Tensor& logits, const Tensor* teacher, const int64_t* labels, int64_t labelled, const Tensor& bias, const Weights& weights) {
  const int64_t rows = logits.size(0), V = logits.size(1);
  static const auto kernel = KernelInForce<T>();
  // A part of the bias gradient for each thread, added up in their order: the same bits on every run.
  const Tensor parts = at::zeros({at::get_num_threads(), V}, bias.options());
  const Tensor losses = at::empty({2, rows}, bias.options().dtype(at::kDouble));
  T* const student = logits.data_ptr<T>();
  const T* const soft = teacher == nullptr ? nullptr : teacher->data_ptr<T>();
  ParallelFor(0, rows, 1, [&](int64_t begin, int64_t end) {
    float* const part = parts.data_ptr<float>() + at::get_thread_num() * V;
    for (int64_t i = begin; i < end; ++i) {
      Row row{V, i < labelled ? labels[i] : -1, static_cast<float>(weights.temperature), static_cast<float>(weights.ce_scale),
              static_cast<float>(weights.mlm_scale)};
      kernel(row, student + i * V, soft == nullptr ? nullptr : soft + i * V, part);
      losses.data_ptr<double>()[i] = row.ce;
      losses.data_ptr<double>()[rows + i] = row.mlm;
    }
  });
  bias.add_(parts.sum(0));
  return losses.sum(1).to(at::kFloat);
}

// The same of libtorch's own ops: for other devices.
Tensor Composed(const Tensor& logits, const Tensor* teacher, const Tensor& labels, const Tensor& bias, const Weights& weights) {
  const Tensor s = logits.to(at::kFloat);
  const double T = weights.temperature;
  Tensor gradient = at::zeros_like(s);
  Tensor ce = at::zeros({}, s.options()), mlm = at::zeros({}, s.options());
  if (teacher != nullptr) {
    const Tensor log_s = at::log_softmax(s / T, 1), log_t = at::log_softmax(teacher->to(at::kFloat) / T, 1);
    ce = (log_t.exp() * (log_t - log_s)).sum() * (T * T);
    gradient.add_(log_s.exp() - log_t.exp(), T * weights.ce_scale);
  }
  const int64_t labelled = labels.size(0);
  if (labelled > 0) {
    const Tensor log_p = at::log_softmax(s.narrow(0, 0, labelled), 1);
    mlm = at::nll_loss(log_p, labels, {}, at::Reduction::Sum);
    const Tensor index = labels.unsqueeze(1);
    const Tensor one_hot = at::zeros_like(log_p).scatter_(1, index, 1);
    gradient.narrow(0, 0, labelled).add_(log_p.exp() - one_hot, weights.mlm_scale);
  }
  bias.add_(gradient.sum(0));
  logits.copy_(gradient);
  return at::stack({ce, mlm});
}

Tensor VocabularyLosses(const Tensor& logits, const Optional<Tensor>& teacher, const Tensor& labels, const Tensor& bias, const Weights& weights) {
  const Tensor* given = teacher.has_value() ? &*teacher : nullptr;
  TORCH_CHECK(logits.dim() == 2 && bias.dim() == 1 && bias.size(0) == logits.size(1) && bias.scalar_type() == at::kFloat,
              "needs logits [N, V] and an f32 bias gradient [V], got ", logits.sizes(), " and ", bias.sizes());
  TORCH_CHECK(given == nullptr || (given->sizes() == logits.sizes() && given->scalar_type() == logits.scalar_type()),
              "the teacher's logits must be like the student's: ", logits.sizes(), " of ", logits.scalar_type());
  TORCH_CHECK(labels.dim() == 1 && labels.size(0) <= logits.size(0) && labels.scalar_type() == at::kLong,
              "needs at most as many int64 labels as rows, got ", labels.sizes());
  TORCH_CHECK(given != nullptr || labels.size(0) == logits.size(0), "rows without a teacher need a label each");
  if (logits.numel() == 0) return at::zeros({2}, bias.options());
  const bool plain = logits.is_contiguous() && bias.is_contiguous() && labels.is_contiguous() && (given == nullptr || given->is_contiguous());
  const bool known = logits.scalar_type() == at::kFloat || logits.scalar_type() == at::kBFloat16;
  if (!logits.is_cpu() || !plain || !known) return Composed(logits, given, labels, bias, weights);
  const int64_t* const ids = labels.data_ptr<int64_t>();
  for (int64_t i = 0; i < labels.size(0); ++i)
    TORCH_CHECK(ids[i] >= 0 && ids[i] < logits.size(1), "label ", ids[i], " of row ", i, " is no id of a vocabulary of ", logits.size(1));
  if (logits.scalar_type() == at::kFloat) return OnCpu<float>(logits, given, ids, labels.size(0), bias, weights);
  return OnCpu<at::BFloat16>(logits, given, ids, labels.size(0), bias, weights);
}

}  // namespace

Bindings Vocabulary() {
  return {
      Op("vocabularyLosses_", [](Written logits, const Optional<Tensor>& teacher, const Tensor& labels, Written biasGradient,
                                 double temperature, double ceScale, double mlmScale) {
        RECORD_FUNCTION("limbeck::vocabularyLosses_", c10::ArrayRef<const c10::IValue>()); // For profiles: it is no op of libtorch's.
        return VocabularyLosses(*logits, teacher, labels, *biasGradient, {temperature, ceScale, mlmScale});
      }),
  };
}

}  // namespace limbeck
