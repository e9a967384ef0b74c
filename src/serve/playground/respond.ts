import type { IncomingHttpHeaders } from "node:http";
import { bytesOf, PAGE_FILE, type Site, type SiteFile, stateOf } from "./site.js";

interface Request {
  readonly method: string;
  /** As it stands in the request line: a path, and perhaps a query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** null where there is none, as for HEAD. */
  readonly body: string | Slice | null;
}

/** A part of a file, or the whole. */
export interface Slice {
  readonly content: SiteFile["content"];
  /** In bytes; the end is not in it. */
  readonly start: number;
  readonly end: number;
}

/** Cross-origin isolation gives ONNX Runtime shared memory, and so threads. */
export const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

const ALWAYS = { ...ISOLATION, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" } as const;

/** What a request to a site is answered: a path is looked up among the site's own, so that it leads nowhere else. */
export function respond(site: Site, request: Request): Reply {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") {
    return refusal(request, 405, "Only GET and HEAD are answered here.", { Allow: "GET, HEAD" });
  }
  const path = pathOf(request.url);
  if (path === null) return refusal(request, 400, "The path cannot be read.");
  const file = site.get(path);
  if (file === undefined) return refusal(request, 404, "There is no such file.");
  const etag = `"${stateOf(file.content)}"`;
  const caching = {
    ETag: etag,
    "Cache-Control": file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (isKnown(headers["if-none-match"], etag)) return { status: 304, headers: { ...ALWAYS, ...caching }, body: null };
  return fileReply(request, file, { caching, etag });
}

function fileReply(
  { method, headers }: Request,
  { content, type }: SiteFile,
  { caching, etag }: { caching: Record<string, string>; etag: string },
): Reply {
  const all = bytesOf(content);
  const common = { ...ALWAYS, ...caching, "Accept-Ranges": "bytes" };
  const isCurrent = headers["if-range"] === undefined || headers["if-range"] === etag;
  // HEAD has no ranges.
  const range = method === "GET" && isCurrent ? rangeOf(headers.range, all) : "whole";
  if (range === "beyond") {
    return {
      status: 416,
      headers: { ...common, "Content-Range": `bytes */${all}`, "Content-Length": "0" },
      body: null,
    };
  }
  const [start, end] = range === "whole" ? [0, all] : range;
  const partial = range === "whole" ? {} : { "Content-Range": `bytes ${start}-${end - 1}/${all}` };
  return {
    status: range === "whole" ? 200 : 206,
    headers: { ...common, ...partial, "Content-Type": type, "Content-Length": String(end - start) },
    body: method === "HEAD" ? null : { content, start, end },
  };
}

function refusal({ method }: Request, status: number, text: string, more: Record<string, string> = {}): Reply {
  const body = `${text}\n`;
  const headers = {
    ...ALWAYS,
    ...more,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
  };
  return { status, headers, body: method === "HEAD" ? null : body };
}

/** A path among the site's; null where it is no path. */
function pathOf(url: string): string | null {
  const [path = ""] = url.split(/[?#]/, 1);
  if (!path.startsWith("/")) return null;
  try {
    return decodeURIComponent(path.slice(1)) || PAGE_FILE;
  } catch {
    return null;
  }
}

function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags?.some((tag) => tag === etag || tag === "*") ?? false;
}

/** One range [start, end) of `all` bytes; several, or one nobody understands, stand for the whole. */
function rangeOf(range: string | undefined, all: number): readonly [start: number, end: number] | "whole" | "beyond" {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (first === "" && last === "") return "whole";
  if (first === "") return Number(last) === 0 || all === 0 ? "beyond" : [Math.max(0, all - Number(last)), all];
  const [start, end] = [Number(first), last === "" ? all : Math.min(all, Number(last) + 1)];
  if (last !== "" && Number(last) < start) return "whole";
  return start >= all ? "beyond" : [start, end];
}
