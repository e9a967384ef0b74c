// libtorch's generators: initial weights.
#include "tables.h"

namespace limbeck {

Bindings Random() {
  return {
      Op("manualSeed", [](int64_t seed) { at::manual_seed(static_cast<uint64_t>(seed)); }),
      Op("normal_", [](Written x, double mean, double std) { x->normal_(mean, std); }),
      Op("uniform_", [](Written x, double from, double to) { x->uniform_(from, to); }),
  };
}

}  // namespace limbeck
