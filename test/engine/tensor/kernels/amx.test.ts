import { testKernels } from "./kernel-tests.js";

testKernels("amx");
