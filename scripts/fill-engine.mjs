// Fills a folder with libtorch out of torch's wheels:
//
//   node scripts/fill-engine.mjs wheel|cuda VERSION FOLDER [CPU-INDEX]
//
// wheel: for the CPU. The build for it (VERSION+cpu) where the disk, an index that pip is set up with, or CPU-INDEX has it.
//   PyPI has only the build for CUDA: of that, the CPU's library, which wants two small ones of NVIDIA's and no GPU.
// cuda: PyPI's wheel, and every wheel of NVIDIA's that it names.
//
// Files keep their places in the wheels, by which libraries find each other: torch/lib, torch/include, nvidia/*/lib.
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { WheelFile } from "./wheel-file.mjs";
import { openSource } from "./wheel-sources.mjs";

const LOG = "build/setup-wheel.log";
const DOWNLOADS = "build/wheels";

/** Python's own half, and what only PyTorch's tests load. */
const PYTHONS_OWN = /\/lib(torch_python|shm|torchbind_test|jitbackend_test|backend_with_compiler|aoti_custom_ops)\b/;

const ENGINES = {
  wheel: {
    builds: ["+cpu", ""],
    needs: /^nvidia-cuda-(runtime|cupti)$/,
    nvidia: /\/lib(cudart|cupti)\.so/,
    leavesOut: /\/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)/,
  },
  cuda: {
    builds: [""],
    needs: /^nvidia-/,
    nvidia: /\.so/,
    leavesOut: /^$/,
  },
};

const say = (words) => process.stderr.write(`set-up: ${words}\n`);
const log = (words) => appendFileSync(LOG, `${words.trimEnd()}\n`);

/** Whether a file of a wheel is part of the engine. */
function isWanted(name, { nvidia, leavesOut }) {
  if (name.startsWith("torch/include/")) return true;
  if (/^torch(\.libs|\/lib)\/[^/]*\.so/.test(name)) return !PYTHONS_OWN.test(name) && !leavesOut.test(name);
  return /^nvidia\/[^/]+\/lib\//.test(name) && nvidia.test(name);
}

/**
 * What a wheel requires, as far as it is NVIDIA's: a line is
 * `cuda-toolkit[cudart,cupti]==13.0.3; platform_system == "Linux"`, or `nvidia-cuda-runtime==13.0.96.*; … and extra == 'cudart'`.
 */
function requirements(lines, extras) {
  return lines.flatMap((line) => {
    const [, name, more = "", version, marker = ""] =
      line.match(/^([\w.-]+)(?:\[([^\]]*)\])? *([^;]*?) *(?:;(.*))?$/) ?? [];
    if (!/^(nvidia-|cuda-toolkit$)/.test(name)) return [];
    const [, extra] = marker.match(/\bextra *== *["']([^"']+)["']/) ?? [];
    const isForLinux = !/\b(sys_platform|platform_system)\b/.test(marker) || /linux/i.test(marker);
    if (!isForLinux || (extra !== undefined && !extras.includes(extra))) return [];
    return [{ name, version, extras: more.split(",").map((word) => word.trim()) }];
  });
}

/** Unpacks torch's wheel, and those of NVIDIA's that it requires. */
async function take(torch, { engine, folder, fetch }) {
  const wanted = new Map(); // Name → every version asked for, by any wheel.
  const note = async (wheel, extras) => {
    for (const { name, version, extras: parts } of requirements(wheel.metadata("Requires-Dist"), extras)) {
      if (name === "cuda-toolkit")
        await reading(await get(name, version, wheel.path), (toolkit) => note(toolkit, parts));
      else if (engine.needs.test(name)) wanted.set(name, [...(wanted.get(name) ?? []), version]);
    }
  };
  const get = async (name, version, by) => {
    say(`fetching ${name}${version}`);
    const found = await fetch(name, version);
    if (found === null) throw new Error(`${basename(by)} requires ${name}${version}: it is not to be had`);
    return found;
  };
  const unpack = async (wheel) => {
    await wheel.unpack(folder, (name) => isWanted(name, engine));
    await note(wheel, []);
  };
  await reading(torch, unpack);
  // Those that NVIDIA's own wheels name besides come last in the map, and so in the loop.
  for (const [name, versions] of wanted) {
    const given = versions.filter((version) => version !== "");
    await reading(await get(name, [...new Set(given)].join(","), torch), unpack);
  }
}

async function reading(path, body) {
  const wheel = new WheelFile(path);
  try {
    await body(wheel);
  } finally {
    wheel.close();
  }
}

async function fill(engine, version, folder, cpuIndex) {
  const fetch = openSource(DOWNLOADS, log);
  const tries = engine.builds.flatMap((build) => {
    const exact = `===${version}${build}`; // Exact: 2.13.0 alone would also be 2.13.0+cu130.
    return build !== "" && cpuIndex ? [[exact], [exact, [cpuIndex]]] : [[exact]];
  });
  let torch = null;
  for (const [exact, indexes = []] of tries) {
    if (torch !== null) break;
    say(`fetching torch${exact}${indexes.map((index) => `, from ${index} too`).join("")}`);
    torch = await fetch("torch", exact, indexes);
  }
  if (torch === null) throw new Error(`no folder and no index has torch ${version}`);
  say(`unpacking ${basename(torch)}`);
  await take(torch, { engine, folder, fetch });
  for (const needed of ["lib/libtorch_cpu.so", "lib/libc10.so", "include/ATen/ATen.h"]) {
    if (!existsSync(join(folder, "torch", needed))) throw new Error(`${torch}: holds no torch/${needed}`);
  }
}

const [name, version, folder, cpuIndex] = process.argv.slice(2);
if (!(name in ENGINES) || folder === undefined)
  throw new Error("usage: fill-engine.mjs wheel|cuda VERSION FOLDER [CPU-INDEX]");
mkdirSync("build", { recursive: true });
writeFileSync(LOG, "");
try {
  await fill(ENGINES[name], version, folder, cpuIndex);
  rmSync(DOWNLOADS, { recursive: true, force: true });
} catch (error) {
  log(error.stack);
  say(`${error.message}. What was tried is in ${LOG}.`);
  process.exit(1);
}
