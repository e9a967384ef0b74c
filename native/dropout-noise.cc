#include "dropout-noise.h"

namespace limbeck {

namespace {

/** A shift that brings in zeros, not the sign. */
Tensor ShiftedRight(const Tensor& x, int64_t by) { return x.bitwise_right_shift(by).bitwise_and_((int64_t{1} << (64 - by)) - 1); }

// int64 stands for uint64 and, where it is masked, for uint32: products wrap around alike.

Tensor ComposedMixed(Tensor z) {
  z = z.bitwise_xor(ShiftedRight(z, 30)) * static_cast<int64_t>(0xbf58476d1ce4e5b9ull);
  z = z.bitwise_xor(ShiftedRight(z, 27)) * static_cast<int64_t>(0x94d049bb133111ebull);
  return z.bitwise_xor(ShiftedRight(z, 31));
}

Tensor Low32(Tensor x) { return x.bitwise_and_(int64_t{0xffffffff}); }

}  // namespace

Tensor ComposedFactors(const DropoutNoise& noise, const Tensor& rows, int64_t columns) {
  constexpr auto golden = static_cast<int64_t>(kGolden);
  const Tensor sequences = ComposedMixed(noise.keys + static_cast<int64_t>(kGolden * (noise.place + 1)));
  const Tensor keys = ComposedMixed(sequences.unsqueeze(1) + (rows + 1) * golden).unsqueeze(2); // [B, R, 1]
  const int64_t blocks = (columns + kNoiseBlock - 1) / kNoiseBlock;
  Tensor x = Low32(at::arange(blocks * kLanes, rows.options()) * int64_t{0x9e3779b9} + keys);
  x = Low32(x.bitwise_xor_(x.bitwise_right_shift(16)).mul_(int64_t{0x85ebca6b}));
  x.bitwise_xor_(ShiftedRight(keys, 32));
  x = Low32(x.bitwise_xor_(x.bitwise_right_shift(13)).mul_(int64_t{0xc2b2ae35}));
  x = x.bitwise_xor_(x.bitwise_right_shift(16)).view({keys.size(0), keys.size(1), blocks, kLanes});
  const Tensor halves = at::stack({x.bitwise_and(int64_t{0xffff}), x.bitwise_right_shift(16)}, 3); // [B, R, blocks, 2, lanes]
  const Tensor is_dropped = halves.view({keys.size(0), keys.size(1), blocks * kNoiseBlock}).narrow(2, 0, columns) < static_cast<int64_t>(noise.threshold);
  return at::full(is_dropped.sizes(), noise.scale, rows.options().dtype(at::kFloat)).masked_fill_(is_dropped, 0);
}

}  // namespace limbeck
