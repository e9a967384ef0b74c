import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limbeck, limbeckJson } from "../limbeck.js";
import { makeWorkshop, TINY, type Workshop } from "../workshop.js";

let shop: Workshop;
let student: string;
beforeAll(async () => {
  shop = await makeWorkshop();
  student = join(shop.newFolder(), "student");
  const run = join(shop.newFolder(), "run");
  const from = ["--teacher", shop.teacher, "--data", shop.data, "--held-out-sequences", "4"];
  await limbeckJson(["distill", ...from, "--out", run, "--set", ...TINY, "studentLayers=1", "steps=2"]);
  await limbeckJson(["export", "--model", join(run, "model"), "--out", student]);
});
afterAll(() => shop[Symbol.dispose]());

/** The address that a playground says it serves on; then it is asked to stop. */
function servedUntilStopped(child: ChildProcess): Promise<Response> {
  return new Promise((done, fail) => {
    child.stdout?.on("data", (chunk) => {
      const { url } = JSON.parse(String(chunk)) as { url: string };
      fetch(url)
        .then(done, fail)
        .finally(() => child.kill("SIGINT"));
    });
  });
}

describe("playground", () => {
  test("serves until it is asked to stop, and leaves nothing of the model it exported for that", async () => {
    const temporary = mkdtempSync(join(tmpdir(), "limbeck-test-"));
    let served: Promise<Response> | undefined;
    const outcome = await limbeck(
      ["playground", "--model", student, "--compare", shop.teacher, "--port", "0", "--json"],
      {
        env: { TMPDIR: temporary },
        onStart: (child) => {
          served = servedUntilStopped(child);
        },
      },
    );
    expect(outcome).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/teacher\/model has no onnx\/: exporting it.*\nCtrl\+C ends it\.\n$/),
    });
    expect(await (await served)?.text()).toContain("A distilled student beside its teacher");
    expect(readdirSync(temporary).filter((name) => name.startsWith("limbeck"))).toEqual([]);
    rmSync(temporary, { recursive: true });
  });

  test("writes the page for a static host", async () => {
    const out = join(shop.newFolder(), "site");
    const { files } = await limbeckJson<{ files: number }>(["playground", "--model", student, "--out", out]);
    expect(files).toBeGreaterThan(10);
    expect(existsSync(join(out, "index.html"))).toBe(true);
    expect(await limbeck(["playground", "--model", student, "--out", out])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^limbeck: .*expected a new or an empty folder.*\n$/),
    });
  });

  test.each<[what: string, more: () => string[], message: RegExp]>([
    ["no model", () => ["--model", "nowhere"], /nowhere/],
    ["a folder that holds none", () => ["--model", shop.newFolder()], /config\.json/],
    ["the same model twice", () => ["--model", student, "--compare", student], /--compare .*expected another model/],
    ["a port that is none", () => ["--model", student, "--port", "70000"], /--port/],
    ["an address that is not this machine's", () => ["--model", student, "--host", "192.0.2.1"], /--host 192\.0\.2\.1/],
  ])("refuses %s in one line", async (_, more, message) => {
    const { status, stdout, stderr } = await limbeck(["playground", "--quiet", ...more()]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^limbeck: .+\n$/);
    expect(stderr).toMatch(message);
  });
});
