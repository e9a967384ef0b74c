// The binding tables, one function per group of ops.
#pragma once

#include "convert.h"

namespace limbeck {

Bindings Pointwise();
Bindings Reductions();
Bindings LinearAlgebra();
Bindings Shapes();
Bindings Layers();
Bindings Storage();
Bindings Autograd();
Bindings Random();
Bindings Vocabulary();
Bindings Optim();
Bindings Engine();
Bindings Profile();

// Once, before the first tensor is made.
void KeepMemory();

// Gives what is kept of freed tensors back to the system.
void ReleaseMemory();

}  // namespace limbeck
