import { cacheName, isKeptPath } from "../kept.js";

/** How long a browser may take to put a service worker in charge. */
const PATIENCE_MS = 3000;

const RELOADED = "limbeck-playground-reloaded";

/**
 * Puts the service worker in charge, so that everything fetched from now on is kept.
 *
 * A host that sends no cross-origin headers has them sent by the service worker, from the next load on: it is made at once.
 *
 * @returns the scope it is in charge of; null where this browser or address has none
 */
export async function takeCharge(): Promise<string | null> {
  if (!("serviceWorker" in navigator)) return null;
  try {
    const { scope } = await navigator.serviceWorker.register("service-worker.js", { updateViaCache: "none" });
    const isInCharge = await controlled();
    if (isInCharge && !crossOriginIsolated && sessionStorage.getItem(RELOADED) === null) {
      sessionStorage.setItem(RELOADED, "once");
      location.reload();
      await new Promise(() => {}); // The page is going.
    }
    return isInCharge ? scope : null;
  } catch {
    // Offline, the one that is there goes on; private windows may have none.
    return navigator.serviceWorker.controller === null ? null : new URL("./", document.baseURI).href;
  }
}

function controlled(): Promise<boolean> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller !== null) return Promise.resolve(true);
  return new Promise((done) => {
    serviceWorker.addEventListener("controllerchange", () => done(true), { once: true });
    setTimeout(() => done(serviceWorker.controller !== null), PATIENCE_MS);
  });
}

/** What a visit without a network needs. */
export interface Kept {
  /** Fetched where they are not kept yet; relative to the page. */
  readonly shell: readonly string[];
  /** Everything kept that is below none of these is of an older site. */
  readonly folders: readonly string[];
  /** Files that have been fetched, and are kept when the browser gets round to it. */
  readonly fetched: readonly string[];
}

/** Completes what is kept, and drops what is not needed any more. Whether a visit without a network will work. */
export async function keep(scope: string, { shell, folders, fetched }: Kept): Promise<boolean> {
  const cache = await caches.open(cacheName(scope));
  await dropOld(cache, { scope, folders });
  for (const path of shell) {
    const url = new URL(path, scope).href;
    if ((await cache.match(url)) === undefined) await cache.add(url);
  }
  const found = await Promise.all(fetched.map((url) => appears(cache, url)));
  return found.every((isThere) => isThere);
}

async function dropOld(cache: Cache, { scope, folders }: { scope: string; folders: readonly string[] }): Promise<void> {
  for (const { url } of await cache.keys()) {
    const isOld = isKeptPath(url.slice(scope.length)) && !folders.some((folder) => url.startsWith(folder));
    if (isOld) await cache.delete(url);
  }
}

/** A large file is written for a while after it has come. */
async function appears(cache: Cache, url: string): Promise<boolean> {
  for (let tries = 0; tries < 40; tries++) {
    if ((await cache.match(url)) !== undefined) return true;
    await new Promise((done) => setTimeout(done, 250));
  }
  return false;
}
