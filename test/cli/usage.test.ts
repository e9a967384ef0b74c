import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { needs, proc } from "../needs.js";
import { limbeck } from "./limbeck.js";

const COMMANDS = [
  ...["doctor", "tokenizer", "prepare", "pretrain", "distill", "recipes", "demo"],
  ...["finetune", "evaluate", "glue", "ablate", "measure", "predict", "playground"],
];
/** Where nothing that needs the engine can run, nor any other addon. */
const withoutEngine = {
  env: {
    LIMBECK_ENGINE: "absent",
    NODE_OPTIONS: `--import "data:text/javascript,process.dlopen=(m,path)=>{throw Error('loaded '+path)}"`,
  },
};

describe("help", () => {
  test("lists every command, and says what the exit statuses mean", async () => {
    const { status, stdout, stderr } = await limbeck(["--help"], withoutEngine);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b.* {2}\\S`, "m"));
    expect(stdout).toContain("130 interrupted");
  });

  test.concurrent.each(COMMANDS)("of %s has an example, and needs no engine", async (command) => {
    const { status, stdout, stderr } = await limbeck([command, "--help"], withoutEngine);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^ {2}\\$ .*limbeck ${command}\\b`, "m"));
    expect(stdout).not.toMatch(/default: (false|\{\}|\[\])/);
  });

  test("is printed, with status 2, when no command is given", async () => {
    const { status, stdout, stderr } = await limbeck([], withoutEngine);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("Usage: limbeck");
  });
});

test.each([[["recipes"]], [["recipes", "nano"]], [["recipes", "squad-nano", "--json"]]])(
  "%j needs no engine",
  async (args) => {
    const { status, stdout, stderr } = await limbeck(args, withoutEngine);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/steps/);
  },
);

test("what needs an addon does not run so", async () => {
  const { NODE_OPTIONS } = withoutEngine.env;
  const { status, stderr } = await limbeck(["measure", "--pairs", "1"], { env: { NODE_OPTIONS } });
  expect(status).not.toBe(0); // Whichever addon comes first: that of tokenizers, or the engine.
  expect(stderr).toMatch(/native binding|does not load \(loaded .*\.node\)/);
});

test("--version is that of package.json", async () => {
  const manifest = readFileSync(join(resolve(import.meta.dirname, "../.."), "package.json"), "utf8");
  expect(await limbeck(["--version"])).toMatchObject({ status: 0, stdout: `${JSON.parse(manifest).version}\n` });
});

test.concurrent.each<[what: string, args: string[], line: RegExp]>([
  ["an unknown command", ["distil"], /unknown command 'distil' \(Did you mean distill\?\)/],
  ["an unknown option", ["recipes", "--jsn"], /unknown option '--jsn' \(Did you mean --json\?\)/],
  ["a missing option", ["prepare", "a.txt", "--out", "data"], /required option '--tokenizer <model>' not specified/],
  ["a missing argument", ["tokenizer", "--vocab-size", "9", "--out", "t"], /missing required argument 'corpus'/],
  ["an argument too many", ["recipes", "nano", "more"], /too many arguments/],
  ["an option without its value", ["distill", "--out"], /'--out <run>' argument missing/],
  ["a number that is none", ["distill", "--out", "r", "--threads", "0"], /--threads.*whole number of at least 1/],
])("%s is one line that says where to look, and status 2", async (_, args, line) => {
  const { status, stdout, stderr } = await limbeck(args, withoutEngine);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(line);
  expect(stderr).toMatch(/^limbeck: .* See "limbeck --help"\.\n$/);
});

describe("a place below /proc, where nothing can be made, is refused", needs(proc), () => {
  test.concurrent.each([
    ["prepare", "a.txt", "--tokenizer", "t", "--out"],
    ["tokenizer", "a.txt", "--vocab-size", "90", "--out"],
    ["distill", "--data", "d", "--out"],
    ["finetune", "--model", "m", "--task", "rte", "--data", "d", "--out"],
    ["evaluate", "--model", "m", "--task", "rte", "--data", "d", "--predictions"],
  ])("by %s", async (...args) => {
    const { status, stdout, stderr } = await limbeck([...args, "/proc/limbeck/run"], withoutEngine);
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^limbeck: \/proc\/limbeck\/run: expected a place where .* below \/proc\..*\n$/),
    });
  });
});

test("a reader that has enough is no error", async () => {
  const wrap = (command: string[]) => [
    "bash",
    "-c",
    '"$@" | head -c 1; echo " $' + '{PIPESTATUS[0]}"',
    "bash",
    ...command,
  ];
  expect(await limbeck(["recipes", "nano"], { wrap })).toMatchObject({ stdout: "k 0\n", stderr: "" });
});
