#include "kernels.h"

#include <ATen/ATen.h>
#include <ATen/cpu/Utils.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace limbeck {

namespace {

constexpr const char* kNames[] = {"composed", "avx2", "avx512", "avx512-bf16", "amx"};

#if defined(__x86_64__)

bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool HasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

/** By CPUID, as not every compiler knows it by name: tiles and their products in bf16, whose registers the operating system saves too. */
bool HasAmx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d >> 22 & 1) == 0 || (d >> 24 & 1) == 0) return false;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low >> 17 & 3) == 3 && at::cpu::init_amx(); // Linux asks each process whether it wants them.
}

/**
 * Whether oneDNN multiplies this dtype: it may have been told to use less than the processor has (ONEDNN_MAX_CPU_ISA), or not
 * be there at all.
 */
template <class T>
bool BrgemmRuns() {
  try {
    const T a[2] = {1.0f, 1.0f}, b[2] = {1.0f, 1.0f};
    float c[1];
    at::native::cpublas::brgemm(1, 1, 2, 2, 1, 1, /*add_C=*/false, a, b, c);
    at::native::cpublas::brgemm_release();
    return c[0] == 2;
  } catch (const std::exception&) { // libtorch's or oneDNN's
    return false;
  }
}

#endif

Kernels FindMachine() {
#if defined(__x86_64__)
  if (!HasAvx2()) return Kernels::kComposed;
  if (!HasAvx512()) return Kernels::kAvx2;
  if (!__builtin_cpu_supports("avx512bf16")) return Kernels::kAvx512;
  return HasAmx() ? Kernels::kAmx : Kernels::kAvx512Bf16;
#else
  return Kernels::kComposed;
#endif
}

/** At most what LIMBECK_KERNELS names; TypeScript has refused a name that is none. */
Kernels Wanted() {
  const char* const wanted = std::getenv("LIMBECK_KERNELS");
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), std::string_view(wanted == nullptr ? "" : wanted));
  return found == std::end(kNames) ? Kernels::kAmx : static_cast<Kernels>(found - std::begin(kNames));
}

Kernels FindInForce() {
  const Kernels most = std::min(MachineKernels(), Wanted());
#if defined(__x86_64__)
  if (most >= Kernels::kAvx512 && !BrgemmRuns<float>()) return Kernels::kAvx2;
  if (most >= Kernels::kAvx512Bf16 && !BrgemmRuns<at::BFloat16>()) return Kernels::kAvx512;
#endif
  return most;
}

}  // namespace

const char* NameOf(Kernels level) { return kNames[static_cast<int>(level)]; }

Kernels MachineKernels() {
  static const Kernels machine = FindMachine();
  return machine;
}

Kernels KernelsInForce() {
  static const Kernels in_force = FindInForce();
  return in_force;
}

}  // namespace limbeck
