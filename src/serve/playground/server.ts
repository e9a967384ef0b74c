import { open } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../errors.js";
import { respond, type Slice } from "./respond.js";
import type { DiskContent, Site } from "./site.js";

interface ServeOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** A site that is being served. */
interface Serving extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves a site until it is disposed of.
 *
 * @throws ConfigError when there is no such host here, or its port is taken
 */
export async function serveSite(site: Site, { host, port }: ServeOptions): Promise<Serving> {
  const server = createServer((request, response) => {
    answer(site, request, response).catch(() => response.destroy()); // The visitor is gone, or the file is.
  });
  await listening(server, { host, port });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${chosen}/`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, { host, port }: ServeOptions): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", (cause: NodeJS.ErrnoException) => fail(listenError(cause, { host, port })));
    server.listen({ host, port }, done);
  });
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: ServeOptions): ConfigError {
  const why: Record<string, string> = {
    EADDRINUSE: `--port ${port}: is in use on ${host}. Give another, or 0 for any that is free.`,
    EACCES: `--port ${port}: this user may not serve on it. Give one of at least 1024.`,
    EADDRNOTAVAIL: `--host ${host}: this machine has no such address. Give one of its own.`,
    ENOTFOUND: `--host ${host}: nobody knows this name. Give an address of this machine.`,
  };
  const message = why[cause.code ?? ""] ?? `--host ${host} --port ${port}: cannot be served on (${cause.code}).`;
  return new ConfigError(message, { cause });
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET", url = "/", headers } = request;
  const { status, headers: replied, body } = respond(site, { method, url, headers });
  if (body === null || typeof body === "string") response.writeHead(status, replied).end(body ?? undefined);
  else if (!("path" in body.content)) {
    response.writeHead(status, replied).end(body.content.subarray(body.start, body.end));
  } else {
    await sendStored(body.content, body, {
      found: () => response.writeHead(status, replied),
      gone: () => response.writeHead(410, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" }),
    });
  }
}

/** Sends a part of a file, unless it is another by now than the page was made for. */
async function sendStored(
  { path, bytes, modifiedMs }: DiskContent,
  { start, end }: Pick<Slice, "start" | "end">,
  response: { found(): ServerResponse; gone(): ServerResponse },
): Promise<void> {
  const file = await open(path).catch(() => null);
  try {
    const found = await file?.stat();
    if (file === null || found?.size !== bytes || found.mtimeMs !== modifiedMs) {
      response.gone().end("The file has changed since this site was started. Start it again.\n");
    } else if (start === end) response.found().end();
    else await pipeline(file.createReadStream({ start, end: end - 1, autoClose: false }), response.found());
  } finally {
    await file?.close();
  }
}
