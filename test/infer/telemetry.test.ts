import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { limbeck } from "../cli/limbeck.js";
import { TEACHER } from "./exported-models.js";

test("ONNX Runtime prepares no reports to its maker, when models are exported or run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limbeck-test-"));
  const env = { TMPDIR: folder, ORT_DISABLE_TELEMETRY: undefined };
  const out = join(folder, "exported");
  const commands = [
    ["export", "--model", TEACHER, "--out", out, "--dtype", "fp32", "--quiet"],
    ["predict", "--model", out, "--quiet", "A [MASK]."],
  ];
  for (const command of commands) expect(await limbeck(command, { env })).toMatchObject({ status: 0 });
  expect(readdirSync(folder)).toEqual(["exported"]); // It would leave its session's id and a log here.
  rmSync(folder, { recursive: true });
});
