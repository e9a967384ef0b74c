#!/usr/bin/env node
import { reportError } from "./display/output.js";
import { createProgram } from "./program.js";

// The reader of a pipe may have enough ("| head"); a terminal that was closed takes no more either.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (stream === process.stdout && error.code === "EPIPE") process.exit(0);
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => process.exit(reportError(error)));
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exit(reportError(error));
}
