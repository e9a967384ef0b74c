import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterEach, describe, expect, test } from "vitest";
import { command, needs } from "../needs.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const SCRIPT = join(import.meta.dirname, "../../scripts/fill-engine.mjs");

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** A wheel's bytes; each file holds its own name, unless `recorded` names another content. */
function wheel(id: string, files: readonly string[], requires: readonly string[] = [], recorded = ""): Uint8Array {
  const [name = "", version = ""] = id.split("-");
  const info = `${name}-${version}.dist-info`;
  const metadata = [`Name: ${name}`, `Version: ${version}`, ...requires.map((line) => `Requires-Dist: ${line}`)];
  const contents: Record<string, Uint8Array> = Object.fromEntries(files.map((file) => [file, strToU8(file)]));
  contents[`${info}/METADATA`] = strToU8(
    `Metadata-Version: 2.4\n${metadata.join("\n")}\n\nRequires-Dist: nvidia-not-read\n`,
  );
  contents[`${info}/WHEEL`] = strToU8("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n");
  const rows = Object.entries(contents).map(([path, bytes]) => {
    const hash = sha256(recorded === "" ? bytes : strToU8(recorded)).toString("base64url");
    return `${path},sha256=${hash},${bytes.length}\r\n`;
  });
  contents[`${info}/RECORD`] = strToU8(`${rows.join("")}${info}/RECORD,,\r\n`);
  return zipSync(contents, { level: 6 });
}

const CPU = ["torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/include/ATen/ATen.h"];
const LEFT_OUT = ["torch/lib/libtorch_python.so", "torch/lib/libshm.so", "torch/__init__.py", "torch/bin/protoc"];
const GPU = ["torch/lib/libtorch_cuda.so", "torch/lib/libc10_cuda.so", "torch/lib/libtorch_nvshmem.so"];
const NEEDS = [
  "filelock",
  'cuda-toolkit[cublas,cudart,cupti]==13.0.3; platform_system == "Linux"',
  'cuda-bindings<14,>=13.0.3; platform_system == "Linux"',
  'nvidia-cudnn-cu13==9.20.0.48; platform_system == "Linux"',
  'triton==3.7.1; platform_system == "Linux"',
];
const forLinux = (extra: string) => `(sys_platform == 'linux' or sys_platform == 'win32') and extra == '${extra}'`;
const MACHINE = process.arch === "arm64" ? "aarch64" : "x86_64";
const TAGS = `cp311-cp311-manylinux_2_28_${MACHINE}`;
const NVIDIAS = `py3-none-manylinux_2_25_${MACHINE}`;

const CPU_WHEEL = { [`torch-9.9.1+cpu-${TAGS}.whl`]: wheel("torch-9.9.1+cpu", [...CPU, ...LEFT_OUT]) };
/** As PyPI has it: torch for CUDA, a package without files that names others, and those. */
const CUDA_WHEELS = {
  [`torch-9.9.1-${TAGS}.whl`]: wheel("torch-9.9.1", [...CPU, ...GPU, ...LEFT_OUT], NEEDS),
  [`torch-9.9.2-${TAGS}.whl`]: wheel("torch-9.9.2", []), // Newer than what is asked for.
  "cuda_toolkit-13.0.3.0-py2.py3-none-any.whl": wheel(
    "cuda_toolkit-13.0.3.0",
    [],
    [
      `nvidia-cublas==13.1.0.3.*; ${forLinux("cublas")}`,
      `nvidia-cuda-runtime==13.0.96.*; ${forLinux("cudart")}`,
      `nvidia-cuda-cupti==13.0.85.*; ${forLinux("cupti")}`,
      `nvidia-nvjitlink<14,>=13.0.88; ${forLinux("cublas")}`,
      `nvidia-nvjitlink==13.0.88.*; ${forLinux("cudart")}`,
      `nvidia-cufft==12.0.0.61.*; ${forLinux("cufft")}`,
      "nvidia-for-windows==1.0; sys_platform == 'win32'",
    ],
  ),
  [`nvidia_cublas-13.1.0.3-${NVIDIAS}.whl`]: wheel(
    "nvidia_cublas-13.1.0.3",
    ["nvidia/cu13/lib/libcublas.so.13"],
    ["nvidia-cuda-nvrtc", "nvidia-nvjitlink"],
  ),
  [`nvidia_cuda_nvrtc-13.9.9-${NVIDIAS}.whl`]: wheel("nvidia_cuda_nvrtc-13.9.9", ["nvidia/cu13/lib/libnvrtc.so.13"]),
  [`nvidia_cuda_nvrtc-13.10.1rc1-${NVIDIAS}.whl`]: wheel("nvidia_cuda_nvrtc-13.10.1rc1", []),
  [`nvidia_nvjitlink-13.0.88-${NVIDIAS}.whl`]: wheel("nvidia_nvjitlink-13.0.88", [
    "nvidia/cu13/lib/libnvJitLink.so.13",
  ]),
  [`nvidia_nvjitlink-13.5.1-${NVIDIAS}.whl`]: wheel("nvidia_nvjitlink-13.5.1", []), // Too new for one that asks.
  [`nvidia_cuda_runtime-13.0.9-${NVIDIAS}.whl`]: wheel("nvidia_cuda_runtime-13.0.9", []),
  [`nvidia_cuda_runtime-13.0.96-${NVIDIAS}.whl`]: wheel("nvidia_cuda_runtime-13.0.96", [
    "nvidia/cu13/lib/libcudart.so.13",
    "nvidia/cu13/include/cuda.h",
  ]),
  [`nvidia_cuda_cupti-13.0.85-${NVIDIAS}.whl`]: wheel("nvidia_cuda_cupti-13.0.85", [
    "nvidia/cu13/lib/libcupti.so.13",
    "nvidia/cu13/lib/libnvperf_host.so",
  ]),
  [`nvidia_cudnn_cu13-9.20.0.48-${NVIDIAS}.whl`]: wheel("nvidia_cudnn_cu13-9.20.0.48", [
    "nvidia/cudnn/lib/libcudnn.so.9",
  ]),
};
const SMALL = ["nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"];
const LARGE = ["libcublas.so.13", "libnvJitLink.so.13", "libnvperf_host.so", "libnvrtc.so.13"]
  .map((name) => `nvidia/cu13/lib/${name}`)
  .concat("nvidia/cudnn/lib/libcudnn.so.9");
const EVERYTHING = [...CPU, ...GPU, ...SMALL, ...LARGE].sort();

interface Filled {
  readonly status: number;
  readonly stderr: string;
  readonly files: string[];
}

/** Runs the script in a folder of its own; nothing of the user's pip is read. */
async function fill(engine: string, env: Record<string, string>, more: readonly string[] = []): Promise<Filled> {
  const cwd = temporaryFolder();
  const own = { HOME: cwd, XDG_CONFIG_HOME: cwd, PIP_CONFIG_FILE: "/dev/null", PATH: cwd };
  const args = [SCRIPT, engine, "9.9.1", "engine", ...more];
  const [status, stderr] = await new Promise<[number, string]>((done) => {
    execFile(process.execPath, args, { cwd, env: { ...own, ...env } }, (error, _, stderr) =>
      done([error === null ? 0 : Number(error.code), stderr]),
    );
  });
  if (status !== 0) return { status, stderr, files: [] };
  const folder = join(cwd, "engine");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name))).sort();
  for (const file of files) expect(readFileSync(join(folder, file), "utf8")).toBe(file);
  return { status, stderr, files };
}

function folderOf(...sets: readonly Record<string, Uint8Array>[]): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(Object.assign({}, ...sets) as Record<string, Uint8Array>)) {
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const packageOf = (file: string) => (file.split("-")[0] ?? "").replaceAll("_", "-");

/** An index: /simple/NAME/ as JSON or HTML, /files/NAME; `file` may answer for a file in its own way. */
function index(wheels: Record<string, Uint8Array>, asHtml: boolean, file?: RequestListener): Promise<string> {
  return serve((request, response) => {
    const [, room, name = ""] = decodeURIComponent(request.url ?? "").split("/");
    const files = Object.keys(wheels).filter((file) => packageOf(file) === name);
    const hash = (file: string) => sha256(wheels[file] ?? new Uint8Array()).toString("hex");
    if (room === "files" && file !== undefined) file(request, response);
    else if (room === "files") response.end(wheels[name]);
    else if (files.length === 0) response.writeHead(404).end();
    else if (asHtml) {
      const links = files.map(
        (file) => `<a href="/files/${encodeURIComponent(file)}#sha256=${hash(file)}">${file}</a>`,
      );
      response.setHeader("content-type", "text/html").end(`<!DOCTYPE html><body>${links.join("<br>\n")}`);
    } else {
      const listed = files.map((file) => ({ filename: file, url: `/files/${file}`, hashes: { sha256: hash(file) } }));
      response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
      response.end(JSON.stringify({ files: listed }));
    }
  });
}

describe("out of a folder that PIP_FIND_LINKS names:", () => {
  const fillFrom = (engine: string, folder: string, more: Record<string, string> = {}) =>
    fill(engine, { PIP_FIND_LINKS: folder, PIP_NO_INDEX: "1", ...more });

  test("the CPU's build goes before CUDA's", async () => {
    const { status, files } = await fillFrom("wheel", folderOf(CPU_WHEEL, CUDA_WHEELS));
    expect({ status, files }).toEqual({ status: 0, files: [...CPU].sort() });
  });

  test("of CUDA's build the CPU's library is taken, with the two of NVIDIA's that it wants", async () => {
    const { status, files } = await fillFrom("wheel", folderOf(CUDA_WHEELS));
    expect({ status, files }).toEqual({ status: 0, files: [...SMALL, ...CPU].sort() });
  });

  const pip = needs(command("python3 has no pip", "python3", "-m", "pip", "--version"));
  test("so they are by pip", { ...pip, timeout: 300_000 }, async () => {
    const { status, files } = await fillFrom("wheel", folderOf(CUDA_WHEELS), { PATH: process.env.PATH ?? "" });
    expect({ status, files }).toEqual({ status: 0, files: [...SMALL, ...CPU].sort() });
  });

  test("for CUDA all of it is taken, with every library that it names", async () => {
    const { status, files } = await fillFrom("cuda", folderOf(CPU_WHEEL, CUDA_WHEELS));
    expect({ status, files }).toEqual({ status: 0, files: EVERYTHING });
  });

  test("what is nowhere is said in one line", async () => {
    const { status, stderr } = await fillFrom("wheel", folderOf());
    expect(status).toBe(1);
    expect(stderr).toMatch(/^set-up: no folder and no index has torch 9\.9\.1\. .*setup-wheel\.log\.$/m);
  });

  test("so is a library of NVIDIA's that is missing", async () => {
    const wheels = Object.entries(CUDA_WHEELS).filter(([name]) => !name.includes("cupti"));
    const { status, stderr } = await fillFrom("wheel", folderOf(Object.fromEntries(wheels)));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^set-up: torch-\S+ requires nvidia-cuda-cupti==13\.0\.85\.\*: it is not to be had\./m);
  });

  test("a file that differs from the wheel's record is refused", async () => {
    const damaged = { [`torch-9.9.1+cpu-${TAGS}.whl`]: wheel("torch-9.9.1+cpu", CPU, [], "another content") };
    const { status, stderr } = await fillFrom("wheel", folderOf(damaged));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^set-up: \S+: torch\/lib\/libtorch_cpu\.so: expected sha256=\S+, got sha256=\S+/m);
  });
});

describe("without Python, from an index:", () => {
  test.each([
    ["JSON", false],
    ["HTML", true],
  ])("whose pages are %s", async (_, asHtml) => {
    const PIP_INDEX_URL = `${await index(CUDA_WHEELS, asHtml)}/simple`;
    const { status, files } = await fill("wheel", { PIP_INDEX_URL });
    expect({ status, files }).toEqual({ status: 0, files: [...SMALL, ...CPU].sort() });
  });

  test("pip's own file names the indexes, and of two the one that has the CPU's build is used", async () => {
    const [first, second] = [await index(CUDA_WHEELS, false), await index(CPU_WHEEL, false)];
    const settings = join(temporaryFolder(), "pip.conf");
    writeFileSync(
      settings,
      `[install]\nindex-url = http://127.0.0.1:1\n[global]\nindex_url = ${first}/simple/\nextra-index-url =\n  # Ours.\n  ${second}/simple\n`,
    );
    const { files } = await fill("wheel", { PIP_CONFIG_FILE: settings });
    expect(files).toEqual([...CPU].sort());
  });

  test("the index for the CPU is asked after the user's own", async () => {
    const [users, cpus] = [await index(CUDA_WHEELS, false), await index(CPU_WHEEL, true)];
    const { files } = await fill("wheel", { PIP_INDEX_URL: `${users}/simple` }, [`${cpus}/simple`]);
    expect(files).toEqual([...CPU].sort());
  });

  test("a name and a password in the address are sent, and never shown", async () => {
    const seen: (string | undefined)[] = [];
    const address = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401).end();
    });
    const PIP_INDEX_URL = `${address.replace("//", "//user:p%40ss@")}/simple`;
    const { status, stderr } = await fill("cuda", { PIP_INDEX_URL });
    expect({ status, seen }).toEqual({ status: 1, seen: [`Basic ${Buffer.from("user:p@ss").toString("base64")}`] });
    expect(stderr).not.toMatch(/p%40ss|p@ss/);
  });

  test("a connection that breaks is gone on with where it broke", async () => {
    const bytes = Object.values(CPU_WHEEL)[0] ?? new Uint8Array();
    const ranges: (string | undefined)[] = [];
    const address = await index(CPU_WHEEL, false, (request, response) => {
      ranges.push(request.headers.range);
      const from = Number(request.headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from });
      response.write(bytes.subarray(from, from === 0 ? 100 : bytes.length));
      if (from === 0) setTimeout(() => response.destroy(), 200);
      else response.end();
    });
    const { status, files } = await fill("wheel", { PIP_INDEX_URL: `${address}/simple` });
    expect({ status, files }).toEqual({ status: 0, files: [...CPU].sort() });
    expect(ranges.at(-1)).toBe("bytes=100-");
  });

  test("what does not have the index's SHA-256 is refused", async () => {
    const address = await index(CPU_WHEEL, false, (_, response) => void response.end("something else"));
    const { status, stderr } = await fill("wheel", { PIP_INDEX_URL: `${address}/simple` });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^set-up: http:\S+whl: expected the SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}\./m);
  });
});
