// Which arithmetic runs: one value, found once, that every kernel of this addon asks.
#pragma once

namespace limbeck {

/**
 * Each level has what those before it have (docs/design/0007-kernels.md).
 *
 *   composed      libtorch's ops, and of ours plain C++
 *   avx2          the losses over the vocabulary in vectors of eight
 *   avx512        and dropout, residual norms, linear maps and attention in f32
 *   avx512-bf16   and linear maps and attention in bf16
 *   amx           and these by the processor's tiles
 */
enum class Kernels { kComposed, kAvx2, kAvx512, kAvx512Bf16, kAmx };

const char* NameOf(Kernels level);

/** What processor and operating system have. */
Kernels MachineKernels();

/** What runs: the machine's, at most what LIMBECK_KERNELS names and oneDNN's products in f32 and bf16 answer to. */
Kernels KernelsInForce();

inline bool Runs(Kernels level) { return KernelsInForce() >= level; }

}  // namespace limbeck
