// Self-attention. On the CPU it never writes its scores to memory: a block of 64 queries at a time goes from scores
// to weighted values within the second cache, and the backward pass makes the scores again (Dao et al. 2022, FlashAttention).
#include "attention.h"
#include "packing.h"
#include "products.h"
#include "sharing.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace limbeck {

namespace {

/** Heads [B, H, S, d]; the mask broadcasts to [B, H, S, S]. */
Tensor ComposedAttention(const Tensor& q, const Tensor& k, const Tensor& v, const Optional<Tensor>& mask, const DropoutNoise& noise) {
  const int64_t H = q.size(1), S = q.size(2);
  Tensor scores = at::matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
  if (mask.has_value()) scores = scores + mask->to(scores.scalar_type());
  // By its inner name, which autocast leaves as it is: bf16 scores are summed in f32 all the same. Zeros where all is hidden.
  Tensor weights = at::_safe_softmax(scores, -1);
  if (noise.Drops()) {
    const Tensor each = at::arange(std::max(H, S), noise.keys.options());
    const Tensor rows = each.narrow(0, 0, H).unsqueeze(1) * AttentionRow(1, 0) + each.narrow(0, 0, S);
    weights = (weights * ComposedFactors(noise, rows.view({-1}), S).view(weights.sizes())).to(weights.scalar_type());
  }
  return at::matmul(weights, v);
}

Tensor Composed(const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, const DropoutNoise& noise) {
  const int64_t B = qkv.size(0), S = qkv.size(1), D = qkv.size(2) / 3;
  const auto parts = qkv.view({B, S, 3, heads, D / heads}).permute({2, 0, 3, 1, 4}).unbind();
  // libtorch's own draws noise of its own, and in bf16 on the CPU makes an object of oneDNN for every head and block: 2 to 20
  // times slower.
  const bool is_ours = noise.Drops() || (qkv.is_cpu() && qkv.scalar_type() == at::kBFloat16);
  const Tensor out = is_ours ? ComposedAttention(parts[0], parts[1], parts[2], mask, noise)
                             : at::scaled_dot_product_attention(parts[0], parts[1], parts[2], mask, /*dropout_p=*/0, /*is_causal=*/false);
  return out.transpose(1, 2).reshape({B, S, D});
}

#if defined(LIMBECK_AVX512)

using at::native::cpublas::brgemm;
using at::native::cpublas::brgemm_release;

// Queries at once.
constexpr int64_t kQueries = 64;
// What stands for -inf: its exponential is as good as 0, and no sum of two becomes NaN.
constexpr float kMasked = -1e30f;
// The sum of a row whose keys are all hidden: its result is 0, as libtorch's own has it.
constexpr float kAllHidden = std::numeric_limits<float>::infinity();

struct Shape {
  int64_t B, S, H, d, padded;

  int64_t D() const { return H * d; }
  float Scale() const { return 1.0f / std::sqrt(static_cast<float>(d)); }
};

/** A thread's memory for one head. */
template <class T>
T* Scratch(std::vector<T>& memory, int64_t count) {
  if (static_cast<int64_t>(memory.size()) < count) memory.resize(count);
  return memory.data();
}

LIMBECK_AVX512_BEGIN

/** What is added to the scores of one sequence's keys, [padded]. */
void FillMask(float* into, const float* mask, const Shape& shape) {
  for (int64_t i = 0; i < shape.padded; ++i) into[i] = i >= shape.S ? kMasked : mask == nullptr ? 0 : std::max(mask[i], kMasked);
}

/** The largest of a row of scores, scaled and masked. */
LIMBECK_INLINE float LargestScore(const float* scores, const float* mask, const Shape& shape) {
  const float scale = shape.Scale();
  Floats largest = Spread(kMasked);
  for (int64_t i = 0; i < shape.padded; i += kLanes) {
    const Floats s = Load(scores + i) * scale + Load(mask + i);
    largest = largest < s ? s : largest;
  }
  return Largest(largest);
}

/** Exponentials of a row of scores less the largest, dropped or kept; returns the sum of all. */
template <class T>
LIMBECK_INLINE float Exponentials(T* weights, const float* scores, const float* mask, float largest, const Shape& shape, const DropoutNoise& noise,
                                  const RowNoise& keys) {
  const float scale = shape.Scale();
  Floats sum{};
  const auto one = [&](int64_t i, Floats keep) LIMBECK_INLINED {
    const Floats e = Exp(Load(scores + i) * scale + Load(mask + i) - largest);
    sum += e;
    Store(weights + i, e * keep);
  };
  for (int64_t i = 0; i < shape.padded; i += kNoiseBlock) {
    const KeepFactors keep = FactorsOf(noise, keys, i / kNoiseBlock);
    one(i, keep.low);
    one(i + kLanes, keep.high);
  }
  return static_cast<float>(Total(sum));
}

template <class T>
void Forward(T* out, float* log_sums, const T* qkv, const float* mask, const Shape& shape, const DropoutNoise& noise) {
  const int64_t B = shape.B, S = shape.S, H = shape.H, d = shape.d, padded = shape.padded;
  const int64_t D = shape.D();
  ShareOut(B * H, [&](int64_t head) {
    thread_local std::vector<float> floats;
    thread_local std::vector<T> elements;
    float* const scores = Scratch(floats, kQueries * (padded + d) + padded);
    float* const values = scores + kQueries * padded;
    float* const add = values + kQueries * d;
    T* const weights = Scratch(elements, kQueries * padded + 2 * padded * d);
    T* const k_columns = weights + kQueries * padded;
    T* const v_rows = k_columns + padded * d;
    const int64_t b = head / H, h = head % H;
    const T* const q = qkv + b * S * 3 * D + h * d;
    const SequenceNoise of_sequence(noise, b);
    FillMask(add, mask == nullptr ? nullptr : mask + b * S, shape);
    packing::PackRightTransposed(k_columns, q + D, 3 * D, d, S, padded);
    packing::PackRight(v_rows, q + 2 * D, 3 * D, S, padded, d);
    for (int64_t first = 0; first < S; first += kQueries) {
      const int64_t rows = std::min(kQueries, S - first);
      brgemm(rows, padded, d, 3 * D, padded, padded, false, q + first * 3 * D, k_columns, scores);
      float sums[kQueries];
      for (int64_t i = 0; i < rows; ++i) {
        const float* const row = scores + i * padded;
        const float largest = LargestScore(row, add, shape);
        sums[i] = Exponentials(weights + i * padded, row, add, largest, shape, noise, RowNoise(of_sequence, AttentionRow(h, first + i)));
        if (largest == kMasked) sums[i] = kAllHidden;
        log_sums[head * S + first + i] = largest + std::log(sums[i]);
      }
      brgemm(rows, d, padded, padded, d, d, false, weights, v_rows, values);
      for (int64_t i = 0; i < rows; ++i) {
        T* const to = out + (b * S + first + i) * D + h * d;
        const float* const from = values + i * d;
        const float over = 1 / sums[i];
        for (int64_t j = 0; j < d; j += kLanes) StoreUpTo(to + j, LoadUpTo(from + j, d - j) * over, d - j);
      }
    }
    brgemm_release();
  });
}

/** f32 [rows, d] into rows with the stride `ld`. */
template <class T>
void StoreRows(T* into, int64_t ld, const float* from, int64_t rows, int64_t d) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < d; j += kLanes) StoreUpTo(into + i * ld + j, LoadUpTo(from + i * d + j, d - j), d - j);
  }
}

template <class T>
LIMBECK_INLINE float Dot(const T* a, const T* b, int64_t d) {
  Floats sum{};
  for (int64_t j = 0; j < d; j += kLanes) sum += LoadUpTo(a + j, d - j) * LoadUpTo(b + j, d - j);
  return static_cast<float>(Total(sum));
}

/**
 * P = softmax(Q Kᵀ / √d + mask), O = dropout(P) V. With dP = dropout(dO Vᵀ) and the row sums c = Σ dO ∘ O:
 *   dS = P ∘ (dP − c) / √d;  dQ = dS K;  dK = dSᵀ Q;  dV = dropout(P)ᵀ dO.
 */
template <class T>
void Backward(T* dqkv, const T* gradient, const T* out, const float* log_sums, const T* qkv, const float* mask,
              const Shape& shape, const DropoutNoise& noise) {
  const int64_t B = shape.B, S = shape.S, H = shape.H, d = shape.d, padded = shape.padded;
  const int64_t D = shape.D();
  const float scale = shape.Scale();
  ShareOut(B * H, [&](int64_t head) {
    thread_local std::vector<float> floats;
    thread_local std::vector<T> elements;
    float* const scores = Scratch(floats, 2 * kQueries * padded + 2 * padded * d + kQueries * d + padded);
    float* const d_weights = scores + kQueries * padded;
    float* const dk = d_weights + kQueries * padded;
    float* const dv = dk + padded * d;
    float* const dq = dv + padded * d;
    float* const add = dq + kQueries * d;
    const int64_t block = kQueries * padded, keys = padded * d;
    T* const weights = Scratch(elements, 4 * block + 3 * keys + 2 * kQueries * d);
    T* const d_scores = weights + block;
    T* const weights_t = d_scores + block;
    T* const d_scores_t = weights_t + block;
    T* const k_columns = d_scores_t + block;
    T* const v_columns = k_columns + keys;
    T* const k_rows = v_columns + keys;
    T* const q_rows = k_rows + keys;
    T* const g_rows = q_rows + kQueries * d;
    const int64_t b = head / H, h = head % H, stride = 3 * D;
    const T* const q = qkv + b * S * stride + h * d;
    const T* const g = gradient + b * S * D + h * d;
    T* const d_q = dqkv + b * S * stride + h * d;
    const SequenceNoise of_sequence(noise, b);
    FillMask(add, mask == nullptr ? nullptr : mask + b * S, shape);
    packing::PackRightTransposed(k_columns, q + D, stride, d, S, padded);
    packing::PackRightTransposed(v_columns, q + 2 * D, stride, d, S, padded);
    packing::PackRight(k_rows, q + D, stride, S, padded, d);
    for (int64_t first = 0; first < S; first += kQueries) {
      const int64_t rows = std::min(kQueries, S - first), inner = RoundUp(rows);
      brgemm(rows, padded, d, stride, padded, padded, false, q + first * stride, k_columns, scores);
      brgemm(rows, padded, d, D, padded, padded, false, g + first * D, v_columns, d_weights);
      for (int64_t i = 0; i < rows; ++i) {
        const int64_t row = first + i;
        const float log_sum = log_sums[head * S + row];
        if (log_sum == kAllHidden) {
          std::fill_n(weights + i * padded, padded, T(0));
          std::fill_n(d_scores + i * padded, padded, T(0));
          continue;
        }
        const float c = Dot(g + row * D, out + (b * S + row) * D + h * d, d);
        const RowNoise row_noise(of_sequence, AttentionRow(h, row));
        const auto one = [&](int64_t j, Floats keep) LIMBECK_INLINED {
          const Floats p = Exp(Load(scores + i * padded + j) * scale + Load(add + j) - log_sum);
          Store(weights + i * padded + j, p * keep);
          Store(d_scores + i * padded + j, p * (Load(d_weights + i * padded + j) * keep - c) * scale);
        };
        for (int64_t j = 0; j < padded; j += kNoiseBlock) {
          const KeepFactors keep = FactorsOf(noise, row_noise, j / kNoiseBlock);
          one(j, keep.low);
          one(j + kLanes, keep.high);
        }
      }
      brgemm(rows, d, padded, padded, d, d, false, d_scores, k_rows, dq);
      StoreRows(d_q + first * stride, stride, dq, rows, d);
      packing::PackLeftTransposed(d_scores_t, d_scores, padded, rows, inner, padded);
      packing::PackLeftTransposed(weights_t, weights, padded, rows, inner, padded);
      packing::PackRight(q_rows, q + first * stride, stride, rows, inner, d);
      packing::PackRight(g_rows, g + first * D, D, rows, inner, d);
      brgemm(padded, d, inner, inner, d, d, /*add_C=*/first > 0, d_scores_t, q_rows, dk);
      brgemm(padded, d, inner, inner, d, d, /*add_C=*/first > 0, weights_t, g_rows, dv);
    }
    StoreRows(d_q + D, stride, dk, S, d);
    StoreRows(d_q + 2 * D, stride, dv, S, d);
    brgemm_release();
  });
}

LIMBECK_AVX512_END

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& qkv, const Optional<Tensor>& given_mask, int64_t heads,
                        const DropoutNoise& noise) {
    const Tensor mask = given_mask.value_or(Tensor());
    const Shape shape = ShapeOf(qkv, heads);
    Tensor out = at::empty({shape.B, shape.S, shape.D()}, qkv.options());
    const Tensor log_sums = at::empty({shape.B, shape.H, shape.S}, qkv.options().dtype(at::kFloat));
    WithType(qkv, [&]<class T>(T*) {
      Forward(out.data_ptr<T>(), log_sums.data_ptr<float>(), qkv.data_ptr<T>(), DataOf(mask), shape, noise);
    });
    context->save_for_backward({qkv, mask, out, log_sums});
    context->saved_data["heads"] = heads;
    noise.SaveTo(context);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    RECORD_FUNCTION("limbeck::selfAttention, backward", {});
    const auto saved = context->get_saved_variables();
    const Tensor &qkv = saved[0], &mask = saved[1], &out = saved[2], &log_sums = saved[3];
    const Tensor gradient = gradients[0].contiguous();
    Tensor dqkv = at::empty_like(qkv);
    WithType(qkv, [&]<class T>(T*) {
      Backward(dqkv.data_ptr<T>(), gradient.data_ptr<T>(), out.data_ptr<T>(), log_sums.data_ptr<float>(), qkv.data_ptr<T>(), DataOf(mask),
               ShapeOf(qkv, context->saved_data["heads"].toInt()), DropoutNoise::SavedIn(context));
    });
    return {dqkv, Tensor(), Tensor(), Tensor()};
  }

 private:
  static Shape ShapeOf(const Tensor& qkv, int64_t heads) {
    return {qkv.size(0), qkv.size(1), heads, qkv.size(2) / 3 / heads, RoundUp(qkv.size(1))};
  }

  static const float* DataOf(const Tensor& mask) { return mask.defined() ? mask.data_ptr<float>() : nullptr; }
};

bool Fits(const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, const DropoutNoise& noise) {
  const int64_t d = qkv.size(2) / 3 / heads;
  const bool fits_mask = !mask.has_value() || (mask->is_cpu() && mask->scalar_type() == at::kFloat && mask->is_contiguous() &&
                                               mask->numel() == qkv.size(0) * qkv.size(1) && !mask->requires_grad());
  return qkv.is_contiguous() && qkv.numel() > 0 && (d % 2 == 0 || qkv.scalar_type() == at::kFloat) && fits_mask && noise.IsOnCpu();
}

#endif

}  // namespace

Tensor SelfAttention(const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, const DropoutNoise& noise) {
  TORCH_CHECK(qkv.dim() == 3 && heads > 0 && qkv.size(2) % (3 * heads) == 0, "needs [B, S, 3 D] whose D is a multiple of ", heads,
              " heads, got ", qkv.sizes());
  noise.CheckSequences(qkv.size(0));
#if defined(LIMBECK_AVX512)
  RECORD_FUNCTION("limbeck::selfAttention", {});
  if (const auto dtype = FastProductsOf(qkv); dtype.has_value()) {
    const Tensor x = qkv.to(*dtype);
    if (Fits(x, heads, mask, noise)) return AttentionFunction::apply(x, mask, heads, noise);
  }
#endif
  return Composed(qkv, heads, mask, noise);
}

}  // namespace limbeck
