// Bundles web/ for browsers: node scripts/build-web.mjs OUT
import { build } from "esbuild";

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("expected the folder to write to");

/** limbeck/infer imports ONNX Runtime with everything; the page chooses between the build for processors and the one for graphics cards. */
const smallRuntime = {
  name: "small-runtime",
  setup: ({ onResolve, resolve }) => {
    onResolve({ filter: /^onnxruntime-web$/ }, ({ importer, resolveDir, kind }) =>
      resolve("onnxruntime-web/wasm", { importer, resolveDir, kind }),
    );
  },
};

const options = {
  bundle: true,
  minify: true,
  target: "es2022",
  outdir: out,
  legalComments: "linked",
  logLevel: "warning",
};

await build({
  ...options,
  entryPoints: { page: "web/page/main.ts", worker: "web/worker/model-worker.ts" },
  format: "esm",
  splitting: true, // Of the two builds of ONNX Runtime one is fetched.
  conditions: ["onnxruntime-web-use-extern-wasm"], // Its WebAssembly lies beside the scripts.
  plugins: [smallRuntime],
});
await build({
  ...options,
  entryPoints: { "service-worker": "web/service-worker/service-worker.ts" },
  format: "iife",
});
