// Where wheels come from: pip where python3 has it, with the proxies, certificates and passwords that it is set up for;
// else the same folders and indexes, read from pip's settings and asked directly.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

// The tags are given, not this machine's: libtorch does not depend on the Python that it is packed for.
const PYTHON = "3.11";
const ABI = "cp311";
const MACHINE = process.arch === "arm64" ? "aarch64" : "x86_64";
const GLIBC_MINORS = [28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17]; // pip takes a given platform to the letter.
const PLATFORMS = [...GLIBC_MINORS.map((minor) => `manylinux_2_${minor}`), "manylinux2014"].map(
  (n) => `${n}_${MACHINE}`,
);

const PYPI = "https://pypi.org/simple";
const JSON_PAGE = "application/vnd.pypi.simple.v1+json";
const TRIES = 5;

/**
 * The way to wheels on this machine.
 *
 * @param folder where they are put
 * @param log writes a line of what was tried
 * @returns `(name, version, moreIndexes) => path`, null where no source has that wheel; a version is a list as pip has it:
 *   `===1.2+cpu`, which is that and no other, `==1.2.*,<2`, or nothing
 */
export function openSource(folder, log) {
  mkdirSync(folder, { recursive: true });
  const hasPip = spawnSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" }).status === 0;
  return hasPip ? pipSource(folder, log) : indexSource(folder, log);
}

// --- By pip ----------------------------------------------------------------------------------------------------------

function pipSource(folder, log) {
  const tags = ["--python-version", PYTHON, "--implementation", "cp", "--abi", ABI];
  const options = ["--no-deps", "--only-binary=:all:", ...tags, ...PLATFORMS.flatMap((name) => ["--platform", name])];
  return async (name, version, moreIndexes = []) => {
    const place = join(folder, `${name}${version.replaceAll(/[^\w.+]+/g, "-")}`); // A folder a wheel, to know which it is.
    rmSync(place, { recursive: true, force: true });
    const indexes = moreIndexes.flatMap((index) => ["--extra-index-url", index]);
    // One try for each place: pip's retries take minutes where a place cannot be reached.
    const once = ["--retries", "0", "--progress-bar", "off"];
    const args = ["-m", "pip", "download", ...options, ...once, "--dest", place, ...indexes, `${name}${version}`];
    const env = { ...process.env, PIP_REQUIRE_VIRTUALENV: "0" };
    const { status, stdout, stderr } = spawnSync("python3", args, { env, encoding: "utf8" });
    log(`${stdout}${stderr}`);
    return status === 0 ? join(place, readdirSync(place)[0]) : null;
  };
}

// --- By the indexes themselves ---------------------------------------------------------------------------------------

function indexSource(folder, log) {
  const { indexes, links, hasIndex } = pipSettings();
  return async (name, version, moreIndexes = []) => {
    const asked = hasIndex ? [...indexes, ...moreIndexes] : [];
    const pages = [...links, ...asked.map((index) => `${index.replace(/\/+$/, "")}/${name}/`)];
    const found = [];
    for (const page of pages) {
      try {
        const files = await listFiles(page);
        found.push(...files.filter((file) => fits(file.name, name, version)));
        log(`${withoutPassword(page)}: ${files.length} files`);
      } catch (error) {
        log(`${withoutPassword(page)}: ${reason(error)}`);
      }
    }
    // Of equal versions, that of the first page: what lies on the disk need not be fetched.
    const [best] = found.toSorted((a, b) => compareVersions(versionOf(b.name), versionOf(a.name)));
    return best === undefined ? null : fetchFile(best, folder, log);
  };
}

/** What pip is set up with: later files and then the environment win. */
function pipSettings() {
  const config = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
  const own = process.env.PIP_CONFIG_FILE;
  const files = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf"];
  if (own !== "/dev/null") files.push(join(homedir(), ".pip/pip.conf"), join(config, "pip/pip.conf"));
  if (own !== undefined) files.push(own);
  const settings = Object.assign({}, ...(own === "/dev/null" ? [] : files).map(readIni));
  const words = (name) => {
    const variable = process.env[`PIP_${name.toUpperCase().replaceAll("-", "_")}`];
    return (variable ?? settings[name] ?? "").split(/\s+/).filter((word) => word !== "");
  };
  const [index = PYPI] = words("index-url");
  return {
    indexes: [index, ...words("extra-index-url")],
    hasIndex: !/^(1|true|yes|on)$/i.test(words("no-index")[0] ?? ""),
    links: words("find-links").map((place) => (/^\w+:/.test(place) ? place : pathToFileURL(place).href)),
  };
}

/** The settings of [global] and [download]; a value goes on in lines that are indented. */
function readIni(path) {
  if (!existsSync(path)) return {};
  const settings = {};
  let section = "";
  let name = "";
  for (const line of readFileSync(path, "utf8").split(/\r?\n/)) {
    const [, title] = line.match(/^\[(\w+)\]/) ?? [];
    const [, key, value] = line.match(/^([\w-]+)\s*[=:]\s*(.*)$/) ?? [];
    if (title !== undefined) section = title;
    if (/^\s*([#;]|$)/.test(line) || !["global", "download"].includes(section)) continue;
    if (key !== undefined) {
      name = key.replaceAll("_", "-");
      settings[name] = value;
    } else if (/^\s/.test(line) && name !== "") settings[name] += ` ${line.trim()}`;
  }
  return settings;
}

/** `{ name, url, sha256 }` of the files that a folder, an index's page in JSON (PEP 691) or one in HTML (PEP 503) names. */
async function listFiles(page) {
  if (page.startsWith("file:")) {
    const path = fileURLToPath(page);
    if (existsSync(join(path, "index.html"))) return linksOf(readFileSync(join(path, "index.html"), "utf8"), page);
    return readdirSync(path).map((name) => ({ name, url: pathToFileURL(join(path, name)).href }));
  }
  const response = await ask(page, { accept: `${JSON_PAGE}, text/html;q=0.1` });
  if (!response.headers.get("content-type")?.startsWith(JSON_PAGE)) return linksOf(await response.text(), response.url);
  const { files } = await response.json();
  return files
    .filter(({ yanked }) => !yanked)
    .map(({ filename, url, hashes }) => ({ name: filename, url: new URL(url, page).href, sha256: hashes.sha256 }));
}

function linksOf(html, page) {
  return [...html.matchAll(/<a\b[^>]*\bhref\s*=\s*["']([^"']+)["']/gi)].map(([, link]) => {
    const url = new URL(link.replaceAll("&amp;", "&"), page);
    const [, sha256] = url.hash.match(/^#sha256=([0-9a-f]{64})$/) ?? [];
    url.hash = "";
    return { name: decodeURIComponent(basename(url.pathname)), url: url.href, sha256 };
  });
}

/** Whether a file is a wheel of the name and version that runs here. */
function fits(file, name, version) {
  const parts = file.endsWith(".whl") ? file.slice(0, -".whl".length).split("-") : [];
  if (parts.length < 5) return false;
  const [pythons, abis, platforms] = parts.slice(-3).map((tags) => tags.split("."));
  const canonical = (given) => given.toLowerCase().replace(/[-_.]+/g, "-");
  return (
    canonical(parts[0]) === canonical(name) &&
    isVersion(parts[1], version) &&
    (pythons.includes(ABI) || pythons.includes("py3")) &&
    (abis.includes(ABI) || abis.includes("none")) &&
    platforms.some((platform) => platform === "any" || PLATFORMS.includes(platform))
  );
}

/** Whether a version is what a list such as `==13.0.*,<14` asks for; one that is not released is only where it is named. */
function isVersion(actual, wanted) {
  const parts = wanted.split(",").filter((part) => part !== "");
  const isReleased = /^[\d.]+(\+[\w.]+)?$/.test(actual);
  return parts.every((part) => isPart(actual, part)) && (isReleased || parts.some((part) => /^==[^*]*$/.test(part)));
}

function isPart(actual, part) {
  const [, sign, given] = part.match(/^(===|==|>=|<)([^=<>~!]+)$/) ?? [];
  if (sign === undefined) throw new Error(`versions like ${part} are not known here: pip knows them`);
  if (sign === "===") return actual === given;
  if (given.endsWith(".*")) return `${actual}.`.startsWith(given.slice(0, -1));
  const order = compareVersions(withoutZeros(actual), withoutZeros(given));
  return { "==": order === 0, ">=": order >= 0, "<": order < 0 }[sign];
}

const withoutZeros = (version) => version.replace(/(\.0)+$/, "");

const versionOf = (file) => file.split("-")[1];

function compareVersions(a, b) {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The wheel's path: where it lies on the disk, or where it was fetched to. */
async function fetchFile({ name, url, sha256 }, folder, log) {
  if (url.startsWith("file:")) return fileURLToPath(url);
  if (sha256 === undefined) throw new Error(`${withoutPassword(url)}: the index gives no SHA-256 for it`);
  const target = join(folder, name);
  const part = `${target}.${sha256.slice(0, 16)}.part`; // What an earlier set-up had of the same file is gone on with.
  for (let left = TRIES - 1; ; left--) {
    try {
      await append(url, part);
      break;
    } catch (error) {
      log(`${withoutPassword(url)}: ${reason(error)}`);
      if (left === 0) throw new Error(`${withoutPassword(url)}: ${reason(error)}`, { cause: error });
      await sleep(1000);
    }
  }
  const hash = createHash("sha256");
  await pipeline(createReadStream(part), hash);
  const actual = hash.digest("hex");
  if (actual !== sha256) {
    rmSync(part);
    throw new Error(`${withoutPassword(url)}: expected the SHA-256 ${sha256}, got ${actual}`);
  }
  renameSync(part, target);
  return target;
}

/** Fetches what `part` does not have yet. */
async function append(url, part) {
  const have = existsSync(part) ? statSync(part).size : 0;
  const response = await ask(url, have > 0 ? { range: `bytes=${have}-` } : {}, [416]);
  if (response.status === 416) return; // There is no more: the hash will tell.
  await pipeline(response.body, createWriteStream(part, { flags: response.status === 206 ? "a" : "w" }));
}

async function ask(address, headers, alsoFine = []) {
  const url = new URL(address);
  if (url.username !== "") {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers = { ...headers, authorization: `Basic ${Buffer.from(login).toString("base64")}` };
    url.username = url.password = "";
  }
  const response = await fetch(url, { headers });
  if (!response.ok && !alsoFine.includes(response.status)) throw new Error(`status ${response.status}`);
  return response;
}

const withoutPassword = (address) => address.replace(/\/\/[^/@]*@/, "//");

const reason = (error) => (error.cause instanceof Error ? error.cause.message : error.message);
