#include "products.h"
#include "leaf-gradient.h"
#include "packing.h"
#include "sharing.h"
#include "tables.h"

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

using at::native::cpublas::brgemm;
using at::native::cpublas::brgemm_release;

// Chosen by measurement: tiles of 64 x 64 over up to 768 of K run at the processor's peak, and stay in the second cache
// with their operands (docs/LOG.md, 2026-11-25).
constexpr int64_t kTile = 64;
constexpr int64_t kDepth = 768;
// A group of tiles shares its operands: rows of the left one, panels of the right one.
constexpr int64_t kGroupRows = 4 * kTile;
constexpr int64_t kGroupPanels = 8;
// Tokens are the inner dimension of a weight's gradient; brgemm compiles a kernel for each length, so there are few.
constexpr int64_t kTokenBlock = 1024;
constexpr int64_t kTokenStep = 32;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** A right operand [K, N] in panels of 64 columns, each [K / 2][columns][2]. */
struct Panels {
  Tensor data;
  int64_t K, N; // K is padded with zeros

  Panels(int64_t K, int64_t N) : data(at::empty({K * N}, at::kBFloat16)), K(K), N(N) {}
  int64_t Count() const { return CeilDiv(N, kTile); }
  int64_t Columns(int64_t panel) const { return std::min(kTile, N - panel * kTile); }
  BFloat16* At(int64_t panel, int64_t k) const { return data.data_ptr<BFloat16>() + panel * kTile * K + k * Columns(panel); }
  uint32_t* Words(int64_t panel, int64_t k) const { return reinterpret_cast<uint32_t*>(At(panel, k)); }
};

LIMBECK_AVX512_BF16_BEGIN

/** b [K, N] */
template <class T>
Panels PackRows(const T* b, int64_t ld, int64_t K, int64_t padded, int64_t N) {
  Panels panels(padded, N);
  constexpr int64_t kRows = 256;
  const int64_t blocks = CeilDiv(padded, kRows);
  ShareOut(blocks * panels.Count(), [&](int64_t task) {
    const int64_t panel = task / blocks, k = task % blocks * kRows;
    packing::PairRows(panels.Words(panel, k), b + k * ld + panel * kTile, ld, std::max<int64_t>(0, std::min(kRows, K - k)),
                      std::min(kRows, padded - k), panels.Columns(panel));
  });
  return panels;
}

/** b [N, K], as a Linear keeps its weight */
template <class T>
Panels PackTransposed(const T* b, int64_t K, int64_t N) {
  Panels panels(K, N);
  ShareOut(panels.Count(), [&](int64_t panel) {
    const int64_t columns = panels.Columns(panel);
    packing::PairTransposed(panels.Words(panel, 0), b + panel * kTile * K, K, K, columns, columns);
  });
  return panels;
}

/** a [M, K] · b, tile by tile: `finish(tile, row, rows, panel)` is given each in f32, [rows, columns of the panel]. */
template <class Finish>
void Multiply(const BFloat16* a, int64_t M, const Panels& b, const Finish& finish) {
  int64_t group_rows = kGroupRows, group_panels = kGroupPanels;
  const auto tasks = [&] { return CeilDiv(M, group_rows) * CeilDiv(b.Count(), group_panels); };
  const int64_t enough = 4 * at::get_num_threads();
  while (group_rows > kTile && tasks() < enough) group_rows /= 2;
  while (group_panels > 1 && tasks() < enough) group_panels /= 2;
  group_panels = CeilDiv(b.Count(), CeilDiv(b.Count(), group_panels)); // Of 12 panels not 8 and 4, but 6 and 6.
  const int64_t row_groups = CeilDiv(M, group_rows);
  ShareOut(tasks(), [&](int64_t task) {
    thread_local std::vector<float> tiles(kGroupRows * kGroupPanels * kTile);
    const int64_t first_row = task % row_groups * group_rows, end_row = std::min(M, first_row + group_rows);
    const int64_t first_panel = task / row_groups * group_panels, end_panel = std::min(b.Count(), first_panel + group_panels);
    const auto tile_at = [&](int64_t row, int64_t panel) {
      return tiles.data() + ((row - first_row) * kGroupPanels + (panel - first_panel) * kTile) * kTile;
    };
    for (int64_t k = 0; k < b.K; k += kDepth) {
      const int64_t depth = std::min(kDepth, b.K - k);
      for (int64_t panel = first_panel; panel < end_panel; ++panel) {
        const int64_t columns = b.Columns(panel);
        for (int64_t row = first_row; row < end_row; row += kTile)
          brgemm(std::min(kTile, end_row - row), columns, depth, b.K, columns, columns, /*add_C=*/k > 0, a + row * b.K + k, b.At(panel, k),
                 tile_at(row, panel));
      }
    }
    brgemm_release();
    for (int64_t panel = first_panel; panel < end_panel; ++panel)
      for (int64_t row = first_row; row < end_row; row += kTile) finish(tile_at(row, panel), row, std::min(kTile, end_row - row), panel);
  });
}

/** A tile, with a bias added where there is one, into rows [M, N] of f32 or bf16. */
template <class T>
struct StoreTile {
  T* into;
  int64_t N;
  const float* bias;

  void operator()(const float* tile, int64_t row, int64_t rows, int64_t panel) const {
    const int64_t columns = std::min(kTile, N - panel * kTile), whole = columns - columns % kLanes;
    const float* const add = bias == nullptr ? nullptr : bias + panel * kTile;
    for (int64_t i = 0; i < rows; ++i) {
      const float* const from = tile + i * columns;
      T* const to = into + (row + i) * N + panel * kTile;
      for (int64_t j = 0; j < whole; j += kLanes) packing::StoreRounded(to + j, add == nullptr ? Load(from + j) : Load(from + j) + Load(add + j));
      for (int64_t j = whole; j < columns; ++j) to[j] = static_cast<T>(from[j] + (add == nullptr ? 0 : add[j]));
    }
  }
};

/** into [N, K] += gradientᵀ · x, over the tokens; gradient [M, N], x [M, K]. Sums the gradient's columns too, if asked. */
void AddOuter(float* into, const BFloat16* gradient, const BFloat16* x, int64_t M, int64_t N, int64_t K, float* bias_into) {
  const int64_t padded = CeilDiv(M, kTokenStep) * kTokenStep;
  const Panels right = PackRows(x, K, M, padded, K);
  // Of each block of tokens [N][tokens of the block]: the row stride is one of few.
  const Tensor left = at::empty({N * padded}, at::kBFloat16);
  BFloat16* const rows = left.data_ptr<BFloat16>();
  ShareOut(CeilDiv(N, kTile), [&](int64_t task) {
    const int64_t n = task * kTile, columns = std::min(kTile, N - n);
    for (int64_t t = 0; t < padded; t += kTokenBlock) {
      const int64_t block = std::min(kTokenBlock, padded - t);
      packing::TransposeRows(rows + t * N + n * block, gradient + t * N + n, N, std::min(block, M - t), block, columns);
    }
    if (bias_into == nullptr) return;
    for (int64_t i = 0; i < columns; ++i) {
      Floats sum{};
      for (int64_t t = 0; t < padded; t += kTokenBlock) {
        const int64_t block = std::min(kTokenBlock, padded - t);
        for (int64_t j = 0; j < block; j += kLanes) sum += Load(rows + t * N + (n + i) * block + j);
      }
      bias_into[n + i] += static_cast<float>(Total(sum));
    }
  });
  // Rows of tiles that share their left operand.
  ShareOut(CeilDiv(N, kTile), [&](int64_t task) {
    const int64_t row = task * kTile;
    for (int64_t t = 0; t < padded; t += kTokenBlock) {
      const int64_t block = std::min(kTokenBlock, padded - t);
      for (int64_t panel = 0; panel < right.Count(); ++panel)
        brgemm(std::min(kTile, N - row), right.Columns(panel), block, block, right.Columns(panel), K, /*add_C=*/true,
               rows + t * N + row * block, right.At(panel, t), into + row * K + panel * kTile);
    }
    brgemm_release();
  });
}

LIMBECK_AVX512_END

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
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight, const std::optional<Tensor>& given_bias) {
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

}  // namespace

bool HasFastProducts() {
  static const bool has = HasAvx512() && __builtin_cpu_supports("avx512bf16") && BrgemmRuns();
  return has && at::globalContext().userEnabledMkldnn();
}

bool UsesFastProducts(const Tensor& x) {
  return x.is_cpu() && HasFastProducts() && at::autocast::is_autocast_enabled(at::kCPU) &&
         at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
}

bool FitsFastLinear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return x.dim() >= 1 && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && IsPlainWeight(weight) &&
         (!bias.defined() || (IsPlainF32(bias, 1) && bias.size(0) == weight.size(0))) && x.size(-1) == weight.size(1) &&
         weight.size(0) % 2 == 0 && weight.size(1) % 2 == 0 && weight.numel() > 0;
}

bool FitsFastBackward(const Tensor& gradient, const Tensor& weight) {
  return HasFastProducts() && gradient.is_cpu() && gradient.dim() == 2 && gradient.scalar_type() == at::kBFloat16 && IsPlainF32(weight, 2) &&
         gradient.numel() > 0 && weight.numel() > 0 && gradient.size(1) == weight.size(0) && weight.size(0) % 2 == 0;
}

Tensor FastLinear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  RECORD_FUNCTION("limbeck::linear", {});
  return LinearFunction::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

Tensor FastInputGradient(const Tensor& gradient, const Tensor& weight) {
  RECORD_FUNCTION("limbeck::linearInputGradient", {});
  return LinearFunction::InputGradient(Rows(gradient, weight.size(0)), weight, at::kFloat);
}

void AddFastWeightGradient(Tensor& into, const Tensor& gradient, const Tensor& x) {
  RECORD_FUNCTION("limbeck::addLinearWeightGradient_", {});
  const int64_t N = into.size(0), K = into.size(1);
  const Tensor g = Rows(gradient, N), rows = Rows(x, K);
  AddOuter(into.data_ptr<float>(), g.data_ptr<BFloat16>(), rows.data_ptr<BFloat16>(), rows.size(0), N, K, nullptr);
}

void ForgetPacked(const Tensor& written) { Packed().Forget(written); }

#else

bool HasFastProducts() { return false; }
bool UsesFastProducts(const Tensor&) { return false; }
bool FitsFastLinear(const Tensor&, const Tensor&, const Tensor&) { return false; }
bool FitsFastBackward(const Tensor&, const Tensor&) { return false; }
Tensor FastLinear(const Tensor& x, const Tensor& weight, const Tensor& bias) { return at::linear(x, weight, bias); }
Tensor FastInputGradient(const Tensor& gradient, const Tensor& weight) { return at::matmul(gradient, weight); }
void AddFastWeightGradient(Tensor& into, const Tensor& gradient, const Tensor& x) { into.add_(at::matmul(gradient.t(), x)); }
void ForgetPacked(const Tensor&) {}

#endif

}  // namespace limbeck
