import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks", // libtorch keeps process-wide state (threads, grad mode): one process per file.
    maxWorkers: 2,
    reporters: ["default", "./test/skips-reporter.ts"],
    env: { LIMBECK_THREADS: "1" }, // Two files at a time, a thread each: waiting threads would take each other's cores.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
