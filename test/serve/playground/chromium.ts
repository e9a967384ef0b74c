import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../../needs.js";

const QUIET = ["--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync"];

/** Two test files share two cores, and each page compiles 14 MB of WebAssembly for every model. */
const PATIENCE_MS = 110_000;

/** WebGPU without a graphics card. */
export const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** A browser with nothing of anybody's in it. */
export function launch(more: readonly string[] = ["--disable-gpu"]): Promise<Browser> {
  if (CHROMIUM === null) throw new Error("there is no Chromium");
  return chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", ...QUIET, ...more] });
}

/** A page, and everything that went wrong on it or left it. */
export interface WatchedPage {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors of scripts and of the console. */
  readonly errors: string[];
  /** Hosts that anything was asked of. */
  readonly hosts: Set<string>;
}

export async function openPage(browser: Browser, viewport = { width: 1000, height: 800 }): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  const hosts = new Set<string>();
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  context.on("request", (request) => hosts.add(new URL(request.url()).host));
  return { context, page, errors, hosts };
}
