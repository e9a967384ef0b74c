import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, FormatError, LimbeckError, RunError } from "../errors.js";
import { tokenizerFiles } from "../families/families.js";
import { formatBytes } from "../quantities.js";
import { replaceText } from "../storage/atomic-files.js";
import { errorCode, writeError } from "../storage/disk.js";
import { oneLine, quoted } from "../storage/json-file.js";
import { CONFIG_FILE } from "./folder.js";
import { INDEX_FILE, readIndex, WEIGHTS_FILE } from "./weights.js";

interface ResolveOptions {
  /** Branch, tag or commit. Default "main". */
  readonly revision?: string;
  /** Told in one line of each file that is fetched, and when the cache stands in for the Hub. */
  readonly onProgress?: (line: string) => void;
}

interface HubRequest {
  readonly id: string;
  readonly revision: string;
  readonly hubUrl: string;
  readonly onProgress: (line: string) => void;
}

const HUB_ID = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;
const COMMIT = /^[0-9a-f]{40}$/;

/**
 * The folder of a MODEL argument: itself when it is one, else a Hub id fetched into the standard cache.
 *
 * Only what a model is read from is fetched: config.json, safetensors, the tokenizer's files. HF_HOME, HF_HUB_CACHE,
 * HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean in Python.
 *
 * @throws FormatError when there is neither such a folder nor such a model
 * @throws RunError when the Hub cannot be reached and the cache does not have it
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<string> {
  if (existsSync(model)) return model;
  if (!HUB_ID.test(model)) {
    throw new FormatError(model, "expected a model folder or a Hub id (org/name), got nothing there. Check the path.");
  }
  const { revision = "main", onProgress = () => {} } = options;
  const request = { id: model, revision, hubUrl: endpoint(), onProgress };
  if (isOffline())
    return cachedOrThrow(request, "HF_HUB_OFFLINE is set. Unset it to fetch the model, or give a folder.");
  try {
    return await fetchSnapshot(request);
  } catch (error) {
    return await afterFailure(request, error);
  }
}

/** Fetches what the cache lacks; the branch's name is recorded last, so that it only ever names a complete snapshot. */
async function fetchSnapshot({ id, revision, hubUrl, onProgress }: HubRequest): Promise<string> {
  const { downloadFileToCacheDir, listFiles, modelInfo } = await import("@huggingface/hub");
  const access = { hubUrl, ...accessToken() };
  const { sha } = await modelInfo({ name: id, revision, additionalFields: ["sha"], ...access });
  const repo = { type: "model" as const, name: id };
  const files = [];
  for await (const file of listFiles({ repo, revision: sha, ...access })) files.push(file);
  const snapshot = join(await repoFolder(id), "snapshots", sha);
  for (const { path, size } of filesToFetch(id, files)) {
    if (!existsSync(join(snapshot, path))) onProgress(`fetching ${id}/${path} (${formatBytes(size)})`);
    const pointer = await quietly(() => downloadFileToCacheDir({ repo, path, revision: sha, ...access }));
    checkSize(pointer, size);
  }
  if (!COMMIT.test(revision)) {
    const ref = join(await repoFolder(id), "refs", revision);
    mkdirSync(dirname(ref), { recursive: true });
    replaceText(ref, sha);
  }
  return snapshot;
}

function filesToFetch<F extends { path: string }>(id: string, files: readonly F[]): F[] {
  const names = new Set(files.map(({ path }) => path));
  const single = names.has(WEIGHTS_FILE);
  if (!names.has(CONFIG_FILE) || !(single || names.has(INDEX_FILE))) {
    const what = `expected a model with ${CONFIG_FILE} and ${WEIGHTS_FILE} on the Hub`;
    const got = names.has("pytorch_model.bin") ? "one with pytorch_model.bin only" : "one without";
    throw new FormatError(
      id,
      `${what}, got ${got}. Choose another model, or convert it in Python with save_pretrained.`,
    );
  }
  const ofTokenizer = new Set(tokenizerFiles());
  const isWeights = (path: string): boolean =>
    single ? path === WEIGHTS_FILE : path === INDEX_FILE || /^model-.*\.safetensors$/.test(path);
  return files.filter(({ path }) => path === CONFIG_FILE || isWeights(path) || ofTokenizer.has(path));
}

/** A connection that broke leaves a short file, which would pass for cached ever after. */
function checkSize(pointer: string, expected: number): void {
  const got = statSync(pointer).size;
  if (got === expected) return;
  rmSync(realpathSync(pointer), { force: true });
  rmSync(pointer, { force: true });
  throw new RunError(
    `${pointer}: expected ${expected} bytes from the Hub, got ${got}. Run it again to fetch the file anew.`,
  );
}

async function afterFailure(request: HubRequest, error: unknown): Promise<string> {
  if (error instanceof LimbeckError) throw error;
  const { id, revision, hubUrl } = request;
  const { HubApiError } = await import("@huggingface/hub");
  if (error instanceof HubApiError && error.statusCode < 500) throw refusal(request, error.statusCode, error);
  const words = error instanceof HubApiError ? `status ${error.statusCode}` : networkWords(error);
  if (words === null) throw fetchError(request, error);
  const folder = await cachedSnapshot(id, revision);
  if (folder === null) {
    const advice = "Check the network, set HF_ENDPOINT, or give a model folder.";
    throw new RunError(`${id}: expected a model from ${hubUrl}, got ${words}, and the cache has none. ${advice}`, {
      cause: error,
    });
  }
  request.onProgress(`${hubUrl} cannot be reached (${words}): using ${id} from the cache`);
  return folder;
}

function refusal({ id, revision, hubUrl }: HubRequest, status: number, cause: unknown): LimbeckError {
  if (status === 403) {
    return new ConfigError(`${id}: ${hubUrl} refuses access (403). Accept the model's terms there, and set HF_TOKEN.`, {
      cause,
    });
  }
  const what = `expected a folder, or a model of that name (${revision}) on ${hubUrl}, got neither (${status})`;
  return new FormatError(id, `${what}. Check the name; for a private model set HF_TOKEN.`, { cause });
}

/** A disk that would not take the files, or answers that are not the Hub's. */
function fetchError({ id, hubUrl }: HubRequest, error: unknown): LimbeckError {
  if (errorCode(error) !== "") return writeError(id, error);
  const advice = "Check HF_ENDPOINT and the network, or give a model folder.";
  return new RunError(`${id}: fetching it from ${hubUrl} failed: ${oneLine(error)}. ${advice}`, { cause: error });
}

/** What went wrong on the way to the Hub, or null when it was not the network. */
function networkWords(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const code = errorCode(error.cause) || errorCode(error);
  if (error.message === "fetch failed" || error.message === "terminated") return code || oneLine(error.cause ?? error);
  return /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|UND_ERR)/.test(code) ? code : null;
}

async function cachedOrThrow({ id, revision }: HubRequest, advice: string): Promise<string> {
  const folder = await cachedSnapshot(id, revision);
  if (folder !== null) return folder;
  const where = dirname(await repoFolder(id));
  throw new FormatError(
    id,
    `expected a folder, or a complete model of that name in the cache (${where}), got neither. ${advice}`,
  );
}

/** A snapshot in the cache that has its config.json and all its weights, or null. */
async function cachedSnapshot(id: string, revision: string): Promise<string | null> {
  const repo = await repoFolder(id);
  const ref = join(repo, "refs", revision);
  const sha = existsSync(ref) ? readFileSync(ref, "utf8").trim() : revision;
  const snapshot = join(repo, "snapshots", sha);
  if (!existsSync(join(snapshot, CONFIG_FILE))) return null;
  if (existsSync(join(snapshot, WEIGHTS_FILE))) return snapshot;
  const index = join(snapshot, INDEX_FILE);
  if (!existsSync(index)) return null;
  return [...readIndex(index).values()].every((shard) => existsSync(join(snapshot, shard))) ? snapshot : null;
}

async function repoFolder(id: string): Promise<string> {
  const { getHFHubCachePath, getRepoFolderName } = await import("@huggingface/hub");
  return join(getHFHubCachePath(), getRepoFolderName({ type: "model", name: id }));
}

function endpoint(): string {
  const url = process.env.HF_ENDPOINT || "https://huggingface.co";
  if (URL.canParse(url) && /^https?:/.test(url)) return url.replace(/\/+$/, "");
  throw new ConfigError(`HF_ENDPOINT: expected an address like https://huggingface.co, got ${quoted(url)}.`);
}

function accessToken(): { accessToken?: string } {
  const token = process.env.HF_TOKEN;
  if (!token) return {};
  if (!token.startsWith("hf_"))
    throw new ConfigError('HF_TOKEN: expected a token that starts with "hf_". Set or unset it.');
  return { accessToken: token };
}

function isOffline(): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((process.env.HF_HUB_OFFLINE ?? "").toUpperCase());
}

/** Downloads under way. */
let quiet = 0;
let debug = console.debug;

/** The Hub's package prints its progress with `console.debug`, on the standard output that carries our results. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  if (quiet++ === 0) {
    ({ debug } = console);
    console.debug = () => {};
  }
  try {
    return await work();
  } finally {
    if (--quiet === 0) console.debug = debug;
  }
}
