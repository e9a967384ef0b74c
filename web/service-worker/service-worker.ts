import { cacheName, isKeptPath } from "../kept.js";

// Keeps the page and its models, so that they work without a network, and gives them the headers that threads need, which
// some hosts cannot send.

declare const self: ServiceWorkerGlobalScope;

/** A network that is there but does not answer is none. */
const PATIENCE_MS = 4000;

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || request.headers.has("range")) return;
  const path = pathInScope(request.url);
  if (path === "" || path === "index.html") event.respondWith(pageReply(event));
  else if (path !== null && isKeptPath(path)) event.respondWith(fileReply(event));
});

/** Below the folder that this worker is in charge of, without a query; null elsewhere. */
function pathInScope(url: string): string | null {
  const { origin, pathname } = new URL(url);
  const plain = origin + pathname;
  return plain.startsWith(self.registration.scope) ? plain.slice(self.registration.scope.length) : null;
}

/** The page says which files it wants, so the newest is best, and a kept one does. */
async function pageReply(event: FetchEvent): Promise<Response> {
  const { scope } = self.registration;
  const cache = await caches.open(cacheName(scope));
  try {
    const response = await fetch(event.request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) keep(event, cache, { url: scope, response: response.clone() });
    return isolated(response);
  } catch (error) {
    const kept = await cache.match(scope);
    if (kept !== undefined) return isolated(kept);
    throw error;
  }
}

/** These never change under their names: a kept one is as good as any. */
async function fileReply(event: FetchEvent): Promise<Response> {
  const { url } = event.request;
  const cache = await caches.open(cacheName(self.registration.scope));
  const kept = await cache.match(url);
  if (kept !== undefined) return isolated(kept);
  const response = await fetch(url, { cache: "no-store" }); // It is kept here: the browser need not do it too.
  if (response.status === 200) keep(event, cache, { url, response: response.clone() });
  return isolated(response);
}

function keep(event: FetchEvent, cache: Cache, { url, response }: { url: string; response: Response }): void {
  // Where there is no room the page still works with a network, and says that it does not without.
  event.waitUntil(cache.put(url, response).catch(() => {}));
}

function isolated(response: Response): Response {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
