import { describe, expect, test } from "vitest";
import { type Reply, respond, type Slice } from "../../../src/serve/playground/respond.js";
import type { Site } from "../../../src/serve/playground/site.js";

const SITE: Site = new Map([
  ["index.html", { content: Buffer.from("<!DOCTYPE html>"), type: "text/html; charset=utf-8", isImmutable: false }],
  ["assets-1/a.wasm", { content: Buffer.from("0123456789"), type: "application/wasm", isImmutable: true }],
  ["empty.js", { content: Buffer.alloc(0), type: "text/javascript", isImmutable: true }],
]);

function get(url: string, headers: Record<string, string> = {}, method = "GET"): Reply {
  return respond(SITE, { method, url, headers });
}

const textOf = ({ body }: Reply): string => {
  const { content, start, end } = body as Slice;
  return (content as Buffer).subarray(start, end).toString();
};

describe("a site answers", () => {
  test("/ with its page, and any path with its file, whatever the query", () => {
    expect(textOf(get("/"))).toBe("<!DOCTYPE html>");
    expect(textOf(get("/index.html?model=1#top"))).toBe("<!DOCTYPE html>");
    expect(textOf(get("/assets-1/a%2Ewasm"))).toBe("0123456789");
  });

  test("HEAD with the headers of GET, and no body", () => {
    const { status, headers, body } = get("/assets-1/a.wasm", {}, "HEAD");
    expect({ status, headers }).toMatchObject({ status: 200, headers: get("/assets-1/a.wasm").headers });
    expect(body).toBeNull();
  });

  test("with the type, and what isolation takes", () => {
    expect(get("/assets-1/a.wasm").headers).toMatchObject({
      "Content-Type": "application/wasm",
      "Content-Length": "10",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
      "X-Content-Type-Options": "nosniff",
    });
  });

  test.each(["/../package.json", "/..%2fpackage.json", "/assets-1/../../etc/passwd", "/assets-1", "//index.html"])(
    "%s with 404: nothing but its own files is there",
    (url) => expect(get(url).status).toBe(404),
  );

  test.each(["/%", "/%E0%A4%A", "http://elsewhere/"])("%s with 400", (url) => expect(get(url).status).toBe(400));

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s with 405", (method) => {
    expect(get("/", {}, method)).toMatchObject({ status: 405, headers: { Allow: "GET, HEAD" } });
  });
});

describe("caching", () => {
  test("files whose paths tell their state are kept for ever, the page is asked for again", () => {
    expect(get("/assets-1/a.wasm").headers["Cache-Control"]).toMatch(/max-age=31536000, immutable/);
    expect(get("/").headers["Cache-Control"]).toBe("no-cache");
  });

  test.each([(etag: string) => etag, (etag: string) => `"other", W/${etag}`, () => "*"])(
    "a browser that has it is told so",
    (tags) => {
      const { ETag = "" } = get("/").headers;
      expect(get("/", { "if-none-match": tags(ETag) })).toMatchObject({ status: 304, body: null, headers: { ETag } });
    },
  );

  test("one that has another is sent it", () => expect(get("/", { "if-none-match": '"other"' }).status).toBe(200));
});

describe("ranges", () => {
  const ranged = (range: string, more: Record<string, string> = {}) => get("/assets-1/a.wasm", { range, ...more });

  test.each([
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=7-99", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=-99", "0123456789", "bytes 0-9/10"],
  ])("%s is %s", (range, text, contentRange) => {
    const reply = ranged(range);
    expect(reply).toMatchObject({ status: 206, headers: { "Content-Range": contentRange } });
    expect(reply.headers["Content-Length"]).toBe(String(text.length));
    expect(textOf(reply)).toBe(text);
  });

  test.each(["bytes=10-", "bytes=-0"])("%s is beyond the file", (range) => {
    expect(ranged(range)).toMatchObject({ status: 416, headers: { "Content-Range": "bytes */10" }, body: null });
  });

  test.each(["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-"])("%s is the whole", (range) => {
    expect(ranged(range).status).toBe(200);
  });

  test("of a file that has changed are the whole", () => {
    const { ETag = "" } = get("/assets-1/a.wasm").headers;
    expect(ranged("bytes=2-4", { "if-range": ETag }).status).toBe(206);
    expect(ranged("bytes=2-4", { "if-range": '"older"' }).status).toBe(200);
  });

  test("are none for HEAD, which is answered as for the whole", () => {
    const headers = { range: "bytes=2-4" };
    const whole = get("/assets-1/a.wasm");
    expect(get("/assets-1/a.wasm", headers, "HEAD")).toEqual({ status: 200, headers: whole.headers, body: null });
    expect(get("/assets-1/a.wasm", { range: "bytes=10-" }, "HEAD").status).toBe(200);
    const current = { ...headers, "if-range": whole.headers.ETag ?? "" };
    expect(get("/assets-1/a.wasm", current, "HEAD").status).toBe(200);
  });

  test("of an empty file there are none", () => {
    expect(get("/empty.js", { range: "bytes=0-" }).status).toBe(416);
    expect(get("/empty.js").headers["Content-Length"]).toBe("0");
  });
});
