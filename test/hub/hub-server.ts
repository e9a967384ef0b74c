import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What a test's Hub answers with. */
export interface HubContent {
  /** Files of the one model there is, `org/tiny`. */
  readonly files: Readonly<Record<string, string>>;
  /** Answer every request with this status instead. */
  readonly status?: number;
  /** Answer every request with this page instead, as a network's log-in does. */
  readonly page?: string;
  /** Say this about a file's size in the listing, whatever it is. */
  readonly claimedSize?: Readonly<Record<string, number>>;
}

/** A Hub on the loopback interface: its address, and the requests it has had. */
export interface HubServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[];
}

/** Starts a Hub that speaks as much of the protocol as fetching a model takes. */
export async function startHub(content: HubContent): Promise<HubServer> {
  const requests: HubServer["requests"] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? "", authorization: request.headers.authorization });
    answer(content, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  onTestFinished(() => void stop());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop, requests };
}

function answer(content: HubContent, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const file = path.startsWith(`/org/tiny/resolve/${COMMIT}/`) ? path.split("/").at(-1) : undefined;
  if (content.page !== undefined) response.end(content.page);
  else if (content.status !== undefined) json(response, content.status, { error: "no" });
  else if (path === "/api/models/org/tiny/revision/main")
    json(response, 200, { _id: "1", id: "org/tiny", sha: COMMIT });
  else if (path === `/api/models/org/tiny/tree/${COMMIT}`) json(response, 200, listing(content));
  else if (path === `/api/models/org/tiny/paths-info/${COMMIT}`) pathsInfo(content, request, response);
  else if (file !== undefined) sendFile(content.files[file] ?? "", request, response);
  else json(response, 404, { error: "Repository not found" });
}

function listing({ files, claimedSize = {} }: HubContent): object[] {
  return Object.entries(files).map(([path, text]) => ({
    type: "file",
    path,
    oid: `oid-${path}`,
    size: claimedSize[path] ?? Buffer.byteLength(text),
  }));
}

function pathsInfo(content: HubContent, request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.on("data", (data) => {
    body += data;
  });
  request.on("end", () => {
    const { paths } = JSON.parse(body);
    json(
      response,
      200,
      listing(content).filter((file) => "path" in file && paths.includes(file.path)),
    );
  });
}

function sendFile(text: string, request: IncomingMessage, response: ServerResponse): void {
  const bytes = Buffer.from(text);
  if (request.headers.range === "bytes=0-0") {
    response.writeHead(206, { "content-range": `bytes 0-0/${bytes.byteLength}`, etag: '"e"' });
    response.end(bytes.subarray(0, 1));
  } else {
    response.writeHead(200, { "content-length": bytes.byteLength, etag: '"e"' });
    response.end(bytes);
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
