// Tables of one-line ops. libtorch decides semantics; an op is here only if TypeScript uses it.
#include "attention.h"
#include "embedding.h"
#include "products.h"
#include "residual.h"
#include "tables.h"

namespace limbeck {

using at::Scalar;
using Shape = std::vector<int64_t>;

Bindings Pointwise() {
  return {
      Op("add", [](const Tensor& x, const Tensor& y) { return at::add(x, y); }),
      Op("sub", [](const Tensor& x, const Tensor& y) { return at::sub(x, y); }),
      Op("mul", [](const Tensor& x, const Tensor& y) { return at::mul(x, y); }),
      Op("div", [](const Tensor& x, const Tensor& y) { return at::div(x, y); }),
      Op("addScalar", [](const Tensor& x, const Scalar& y) { return at::add(x, y); }),
      Op("mulScalar", [](const Tensor& x, const Scalar& y) { return at::mul(x, y); }),
      Op("divScalar", [](const Tensor& x, const Scalar& y) { return at::div(x, y); }),
      Op("neg", [](const Tensor& x) { return at::neg(x); }),
      Op("exp", [](const Tensor& x) { return at::exp(x); }),
      Op("log", [](const Tensor& x) { return at::log(x); }),
      Op("rsqrt", [](const Tensor& x) { return at::rsqrt(x); }),
      Op("tanh", [](const Tensor& x) { return at::tanh(x); }),
      Op("sigmoid", [](const Tensor& x) { return at::sigmoid(x); }),
      Op("relu", [](const Tensor& x) { return at::relu(x); }),
      Op("gelu", [](const Tensor& x, const std::string& approximate) { return at::gelu(x, approximate); }),
      Op("clampMin", [](const Tensor& x, const Scalar& min) { return at::clamp_min(x, min); }),
      Op("clamp", [](const Tensor& x, const Scalar& min, const Scalar& max) { return at::clamp(x, min, max); }),
      Op("eq", [](const Tensor& x, const Tensor& y) { return at::eq(x, y); }),
      Op("where", [](const Tensor& c, const Tensor& x, const Tensor& y) { return at::where(c, x, y); }),
      Op("maskedFill", [](const Tensor& x, const Tensor& mask, const Scalar& value) { return at::masked_fill(x, mask, value); }),
      Op("isfinite", [](const Tensor& x) { return at::isfinite(x); }),
      Op("add_", [](Written x, const Tensor& y, const Scalar& alpha) { x->add_(y, alpha); }),
      Op("addScalar_", [](Written x, const Scalar& y) { x->add_(y); }),
      Op("mul_", [](Written x, const Tensor& y) { x->mul_(y); }),
      Op("div_", [](Written x, const Tensor& y) { x->div_(y); }),
      Op("mulScalar_", [](Written x, const Scalar& y) { x->mul_(y); }),
      Op("sub_", [](Written x, const Tensor& y) { x->sub_(y); }),
      Op("exp_", [](Written x) { x->exp_(); }),
      Op("zero_", [](Written x) { x->zero_(); }),
      Op("copy_", [](Written x, const Tensor& y) { x->copy_(y); }),
  };
}

Bindings Reductions() {
  return {
      Op("sum", [](const Tensor& x) { return at::sum(x); }),
      Op("sumDim", [](const Tensor& x, const Shape& dims, bool keepDim) { return at::sum(x, dims, keepDim); }),
      Op("mean", [](const Tensor& x) { return at::mean(x); }),
      Op("amax", [](const Tensor& x, const Shape& dims, bool keepDim) { return at::amax(x, dims, keepDim); }),
      Op("argmax", [](const Tensor& x, int64_t dim) { return at::argmax(x, dim); }),
      Op("topk", [](const Tensor& x, int64_t k, int64_t dim) { return at::topk(x, k, dim); }),
      Op("norm", [](const Tensor& x) { return at::linalg_vector_norm(x); }),
      Op("logsumexp", [](const Tensor& x, const Shape& dims, bool keepDim) { return at::logsumexp(x, dims, keepDim); }),
      Op("softmax", [](const Tensor& x, int64_t dim) { return at::softmax(x, dim); }),
      Op("logSoftmax", [](const Tensor& x, int64_t dim) { return at::log_softmax(x, dim); }),
  };
}

Bindings LinearAlgebra() {
  return {
      Op("matmul", [](const Tensor& x, const Tensor& y) { return at::matmul(x, y); }),
      Op("linear", [](const Tensor& x, const Tensor& w, const Optional<Tensor>& b) { return Linear(x, w, b); }),
      Op("linearInputGradient", [](const Tensor& gradient, const Tensor& weight) { return LinearInputGradient(gradient, weight); }),
      Op("addLinearWeightGradient_", [](Written into, const Tensor& gradient, const Tensor& x) { AddLinearWeightGradient(*into, gradient, x); }),
  };
}

Bindings Shapes() {
  return {
      Op("view", [](const Tensor& x, const Shape& shape) { return x.view(shape); }),
      Op("reshape", [](const Tensor& x, const Shape& shape) { return at::reshape(x, shape); }),
      Op("transpose", [](const Tensor& x, int64_t a, int64_t b) { return at::transpose(x, a, b); }),
      Op("permute", [](const Tensor& x, const Shape& dims) { return at::permute(x, dims); }),
      Op("contiguous", [](const Tensor& x) { return x.contiguous(); }),
      Op("narrow", [](const Tensor& x, int64_t dim, int64_t start, int64_t length) { return at::narrow(x, dim, start, length); }),
      Op("select", [](const Tensor& x, int64_t dim, int64_t index) { return at::select(x, dim, index); }),
      Op("unsqueeze", [](const Tensor& x, int64_t dim) { return at::unsqueeze(x, dim); }),
      Op("squeeze", [](const Tensor& x, int64_t dim) { return at::squeeze(x, dim); }),
      Op("expand", [](const Tensor& x, const Shape& shape) { return x.expand(shape); }),
      Op("cat", [](const std::vector<Tensor>& xs, int64_t dim) { return at::cat(xs, dim); }),
      Op("unbind", [](const Tensor& x, int64_t dim) { return at::unbind(x, dim); }),
      Op("indexSelect", [](const Tensor& x, int64_t dim, const Tensor& index) { return at::index_select(x, dim, index); }),
      Op("gather", [](const Tensor& x, int64_t dim, const Tensor& index) { return at::gather(x, dim, index); }),
  };
}

Bindings Layers() {
  return {
      Op("embedding", [](const Tensor& weight, const Tensor& ids) { return Embedding(weight, ids); }),
      Op("conv1d", [](const Tensor& x, const Tensor& weight, const Tensor& bias) { return at::conv1d(x, weight, bias); }),
      Op("layerNorm", [](const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
        return at::layer_norm(x, weight.sizes(), weight, bias, eps);
      }),
      Op("dropout", [](const Tensor& x, double p, const Optional<Tensor>& keys, int64_t place) {
        return Dropout(x, DropoutNoise::Of(p, keys, place));
      }),
      Op("residualNorm", [](const Tensor& x, const Tensor& y, const Tensor& weight, const Tensor& bias, double eps, double dropout,
                            const Optional<Tensor>& keys, int64_t place) {
        return ResidualNorm(x, y, weight, bias, eps, DropoutNoise::Of(dropout, keys, place));
      }),
      Op("selfAttention", [](const Tensor& qkv, int64_t heads, const Optional<Tensor>& mask, double dropout,
                             const Optional<Tensor>& keys, int64_t place) {
        return SelfAttention(qkv, heads, mask, DropoutNoise::Of(dropout, keys, place));
      }),
      Op("nllLoss", [](const Tensor& logProbabilities, const Tensor& target, int64_t ignoreIndex) {
        return at::nll_loss(logProbabilities, target, {}, at::Reduction::Sum, ignoreIndex);
      }),
  };
}

}  // namespace limbeck
