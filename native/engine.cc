// What engine this is and how it is set.
#include "kernels.h"
#include "tables.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

namespace limbeck {

Bindings Engine() {
  return {
      Op("torchVersion", [] { return std::string(TORCH_VERSION); }),
      Op("torchConfig", [] { return at::show_config(); }),
      Op("kernels", [] { return std::string(NameOf(KernelsInForce())); }),
      Op("machineKernels", [] { return std::string(NameOf(MachineKernels())); }),
      Op("setThreads", [](int64_t n) { at::set_num_threads(static_cast<int>(n)); }),
      Op("threads", [] { return static_cast<int64_t>(at::get_num_threads()); }),
      Op("cudaDevices", [] { return at::hasCUDA() ? static_cast<int64_t>(at::detail::getCUDAHooks().getNumGPUs()) : int64_t{0}; }),
  };
}

}  // namespace limbeck
