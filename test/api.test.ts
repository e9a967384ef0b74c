import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the public API is the one on record in docs/api", () => {
  const check = () => execFileSync(process.execPath, [join(import.meta.dirname, "../scripts/api.mjs"), "--check"]);
  expect(check).not.toThrow();
});
