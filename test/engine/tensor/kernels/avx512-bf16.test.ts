import { testKernels } from "./kernel-tests.js";

testKernels("avx512-bf16");
