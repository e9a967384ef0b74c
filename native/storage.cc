// Making tensors, reading them back, and what they are.
#include "tables.h"

#include <c10/core/GradMode.h>

#include <cstring>

namespace limbeck {

namespace {

using Shape = std::vector<int64_t>;

Tensor FromBytes(const Bytes& bytes, const Shape& shape, at::ScalarType dtype, at::Device device) {
  Tensor out = at::empty(shape, at::TensorOptions().dtype(dtype));
  TORCH_CHECK(out.nbytes() == bytes.length, "shape ", out.sizes(), " of ", dtype, " needs ", out.nbytes(), " bytes, got ",
              bytes.length);
  if (bytes.length > 0) std::memcpy(out.data_ptr(), bytes.data, bytes.length);
  return device.is_cpu() ? out : out.to(device);
}

void ToBytes(const Tensor& x, const Bytes& into) {
  const Tensor flat = x.detach().to(at::kCPU).contiguous();
  TORCH_CHECK(flat.nbytes() == into.length, "holds ", flat.nbytes(), " bytes, the buffer ", into.length);
  if (into.length > 0) std::memcpy(into.data, flat.data_ptr(), into.length);
}

// A leaf of its own that shares memory with `flat`: not an autograd view, so it may require a gradient.
Tensor Alias(const Tensor& flat, int64_t offset, const Shape& shape) {
  TORCH_CHECK(flat.dim() == 1 && flat.is_contiguous(), "needs a flat contiguous buffer, got shape ", flat.sizes());
  TORCH_CHECK(offset >= 0 && offset + c10::multiply_integers(shape) <= flat.numel(), "offset ", offset, " with shape ",
              at::IntArrayRef(shape), " reaches past a buffer of ", flat.numel());
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  c10::AutoGradMode off(false);
  Tensor out = at::empty({0}, flat.options());
  out.set_(flat.storage(), flat.storage_offset() + offset, shape, strides);
  return out;
}

}  // namespace

Bindings Storage() {
  return {
      Op("fromBytes", [](const Bytes& bytes, const Shape& shape, at::ScalarType dtype, at::Device device) {
        return FromBytes(bytes, shape, dtype, device);
      }),
      Op("toBytes", [](const Tensor& x, const Bytes& into) { ToBytes(x, into); }),
      Op("full", [](const Shape& shape, double value, at::ScalarType dtype, at::Device device) {
        return at::full(shape, value, at::TensorOptions().dtype(dtype).device(device));
      }),
      Op("arange", [](int64_t end, at::Device device) { return at::arange(end, at::TensorOptions().dtype(at::kLong).device(device)); }),
      Op("alias", [](const Tensor& flat, int64_t offset, const Shape& shape) { return Alias(flat, offset, shape); }),
      Op("clone", [](const Tensor& x) { return x.clone(); }),
      Op("toDType", [](const Tensor& x, at::ScalarType dtype) { return x.to(dtype); }),
      Op("toDevice", [](const Tensor& x, at::Device device) { return x.to(device); }),
      Op("shape", [](const Tensor& x) { return x.sizes().vec(); }),
      Op("dtype", [](const Tensor& x) { return x.scalar_type(); }),
      Op("device", [](const Tensor& x) { return x.device(); }),
      Op("isContiguous", [](const Tensor& x) { return x.is_contiguous(); }),
      Op("item", [](const Tensor& x) { return x.item<double>(); }),
      Op("free", [](const std::vector<double>& handles) {
        for (double handle : handles) Table().Free(handle);
      }),
      Op("liveTensors", [] { return Table().Live(); }),
      Op("releaseMemory", [] { ReleaseMemory(); }),
  };
}

}  // namespace limbeck
