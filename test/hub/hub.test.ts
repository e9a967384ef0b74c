import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { ConfigError, FormatError, RunError } from "../../src/errors.js";
import { resolveModel } from "../../src/hub/hub.js";
import { temporaryFolder } from "../storage/temporary-folder.js";
import { COMMIT, type HubContent, type HubServer, startHub } from "./hub-server.js";

const FILES = { "config.json": "{}", "model.safetensors": "weights", "vocab.txt": "[PAD]\n" };

beforeEach(() => {
  for (const name of ["HF_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"])
    vi.stubEnv(name, undefined);
});
afterEach(() => void vi.unstubAllEnvs());

/** An empty cache of this test's own. */
function useCache(): string {
  const home = temporaryFolder();
  vi.stubEnv("HF_HOME", home);
  return join(home, "hub/models--org--tiny");
}

async function useHub(content: HubContent): Promise<HubServer> {
  const hub = await startHub(content);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  return hub;
}

/** Points at a port of the loopback interface where nothing listens any more; gives its address. */
async function useNoHub(): Promise<string> {
  const { url, stop } = await startHub({ files: {} });
  await stop();
  vi.stubEnv("HF_ENDPOINT", url);
  return url;
}

/** Fills the cache by hand, as any other tool would have. */
function cacheByHand(files: Readonly<Record<string, string>>): string {
  const repo = useCache();
  const snapshot = join(repo, "snapshots", COMMIT);
  mkdirSync(snapshot, { recursive: true });
  mkdirSync(join(repo, "refs"));
  writeFileSync(join(repo, "refs/main"), COMMIT);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(snapshot, name), text);
  return snapshot;
}

test("a folder is itself", async () => {
  const folder = temporaryFolder();
  expect(await resolveModel(folder)).toBe(folder);
});

test.each(["./model", "/no/such/model", "a/b/c", "org/", "", "../up", "~/model"])(
  "%j is neither a folder nor an id",
  async (model) => {
    await expect(resolveModel(model)).rejects.toThrow(FormatError);
    await expect(resolveModel(model)).rejects.toThrow(
      "expected a model folder or a Hub id (org/name), got nothing there",
    );
  },
);

test("fetches what a model is read from, and nothing else, into the standard cache", async () => {
  const repo = useCache();
  await useHub({ files: { ...FILES, "pytorch_model.bin": "pickle", "README.md": "card" } });
  const folder = await resolveModel("org/tiny");
  expect(folder).toBe(join(repo, "snapshots", COMMIT));
  expect(readdirSync(folder).sort()).toEqual(Object.keys(FILES).sort());
  for (const [name, text] of Object.entries(FILES)) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
  expect(readFileSync(join(repo, "refs/main"), "utf8")).toBe(COMMIT);
});

test("fetches a model's shards", async () => {
  useCache();
  const shards = { "model-00001-of-00002.safetensors": "a", "model-00002-of-00002.safetensors": "b" };
  const files = { "config.json": "{}", "model.safetensors.index.json": "{}", ...shards };
  await useHub({ files: { ...files, "tf_model.h5": "" } });
  expect(readdirSync(await resolveModel("org/tiny")).sort()).toEqual(Object.keys(files).sort());
});

test("fetches nothing twice, and says what it fetches on no stream of its own", async () => {
  useCache();
  const hub = await useHub({ files: FILES });
  const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
  onTestFinished(() => debug.mockRestore());
  const lines: string[] = [];
  const onProgress = (line: string): void => void lines.push(line);
  await resolveModel("org/tiny", { onProgress });
  expect(lines.sort()).toEqual([
    "fetching org/tiny/config.json (2 B)",
    "fetching org/tiny/model.safetensors (7 B)",
    "fetching org/tiny/vocab.txt (6 B)",
  ]);
  const before = hub.requests.length;
  await resolveModel("org/tiny", { onProgress });
  expect(lines).toHaveLength(3);
  expect(hub.requests.slice(before).filter(({ url }) => url.includes("/resolve/"))).toEqual([]);
  expect(debug).not.toHaveBeenCalled();
});

test("sends HF_TOKEN with every request", async () => {
  useCache();
  vi.stubEnv("HF_TOKEN", "hf_example");
  const hub = await useHub({ files: FILES });
  await resolveModel("org/tiny");
  expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer hf_example"]));
});

test("refuses an HF_TOKEN that is none, without printing it", async () => {
  useCache();
  vi.stubEnv("HF_TOKEN", "something");
  const refused = resolveModel("org/tiny");
  await expect(refused).rejects.toThrow(ConfigError);
  await expect(refused).rejects.not.toThrow("something");
});

test("offline, a model comes from the cache without a request", async () => {
  const snapshot = cacheByHand(FILES);
  const hub = await useHub({ files: {} });
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  expect(await resolveModel("org/tiny")).toBe(snapshot);
  expect(await resolveModel("org/tiny", { revision: COMMIT })).toBe(snapshot);
  expect(hub.requests).toEqual([]);
});

test.each<[string, Readonly<Record<string, string>>]>([
  ["nothing", {}],
  ["no weights", { "config.json": "{}" }],
  ["no config.json", { "model.safetensors": "" }],
  ["a shard too few", { "config.json": "{}", "model.safetensors.index.json": '{"weight_map":{"a":"x.safetensors"}}' }],
])("offline, a cache with %s is an error that says what to do", async (_, files) => {
  cacheByHand(files);
  vi.stubEnv("HF_HUB_OFFLINE", "true");
  await expect(resolveModel("org/tiny")).rejects.toThrow(FormatError);
  await expect(resolveModel("org/tiny")).rejects.toThrow(
    /^org\/tiny: expected .* got neither\. HF_HUB_OFFLINE is set\. .*$/,
  );
});

test("when the Hub cannot be reached, the cache stands in, and says so", async () => {
  const snapshot = cacheByHand(FILES);
  const nowhere = await useNoHub();
  const lines: string[] = [];
  expect(await resolveModel("org/tiny", { onProgress: (line) => lines.push(line) })).toBe(snapshot);
  expect(lines).toEqual([`${nowhere} cannot be reached (ECONNREFUSED): using org/tiny from the cache`]);
});

test("when the Hub cannot be reached and the cache is empty, the error says both", async () => {
  useCache();
  const nowhere = await useNoHub();
  await expect(resolveModel("org/tiny")).rejects.toThrow(RunError);
  await expect(resolveModel("org/tiny")).rejects.toThrow(
    `org/tiny: expected a model from ${nowhere}, got ECONNREFUSED, and the cache has none. Check the network`,
  );
});

test.each([
  [404, FormatError, "got neither (404). Check the name"],
  [401, FormatError, "got neither (401). Check the name; for a private model set HF_TOKEN."],
  [403, ConfigError, "refuses access (403). Accept the model's terms there, and set HF_TOKEN."],
  [503, RunError, "got status 503, and the cache has none."],
])("the Hub's answer %i is a one-line error", async (status, type, words) => {
  useCache();
  await useHub({ files: {}, status });
  const error: unknown = await resolveModel("org/tiny").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(type);
  expect(error instanceof Error && error.message).toContain(words);
  expect(error instanceof Error && error.message).not.toContain("\n");
});

test("an endpoint that is no address is refused", async () => {
  useCache();
  vi.stubEnv("HF_ENDPOINT", "hub.example");
  await expect(resolveModel("org/tiny")).rejects.toThrow(
    'HF_ENDPOINT: expected an address like https://huggingface.co, got "hub.example"',
  );
});

test("an answer that is not the Hub's is a one-line error", async () => {
  useCache();
  await useHub({ files: {}, page: "<html>\nPlease log in to the network</html>" });
  await expect(resolveModel("org/tiny")).rejects.toThrow(RunError);
  await expect(resolveModel("org/tiny")).rejects.toThrow(/^org\/tiny: fetching it from http\S+ failed: [^\n]+$/);
});

test("a model without safetensors is refused before anything is fetched", async () => {
  const repo = useCache();
  await useHub({ files: { "config.json": "{}", "pytorch_model.bin": "pickle" } });
  await expect(resolveModel("org/tiny")).rejects.toThrow("got one with pytorch_model.bin only");
  expect(existsSync(repo)).toBe(false);
});

test("a file that came short is an error once, and fetched anew the next time", async () => {
  const repo = useCache();
  await useHub({ files: FILES, claimedSize: { "model.safetensors": 8 } });
  await expect(resolveModel("org/tiny")).rejects.toThrow("model.safetensors: expected 8 bytes from the Hub, got 7.");
  expect(existsSync(join(repo, "refs/main"))).toBe(false);
  await useHub({ files: FILES });
  expect(readFileSync(join(await resolveModel("org/tiny"), "model.safetensors"), "utf8")).toBe("weights");
});
