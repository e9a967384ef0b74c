import { testKernels } from "./kernel-tests.js";

testKernels("avx512");
