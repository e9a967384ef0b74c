// The public API, from the doc comments: docs/api/*.api.md are its record, which a test holds dist/ against, and
// docs/api/pages/ what people read.
//
//   node scripts/api.mjs           writes both
//   node scripts/api.mjs --check   only compares the record; exit status 1 where it differs
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const ENTRIES = { limbeck: "dist/index.d.ts", "limbeck-infer": "dist/infer/node.d.ts" };
const isCheck = process.argv.includes("--check");
const work = `${ROOT}build/api`;
rmSync(work, { recursive: true, force: true });
let isSame = true;
for (const [name, entry] of Object.entries(ENTRIES)) {
  if (!existsSync(ROOT + entry)) throw new Error(`${entry}: expected the compiled sources. Run "npm run setup".`);
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: ROOT + entry,
      bundledPackages: [],
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: "ES2022",
            module: "NodeNext",
            moduleResolution: "NodeNext",
            lib: ["ES2023", "ESNext.Disposable", "DOM"],
            types: ["node"],
            strict: true,
            skipLibCheck: true,
          },
          files: [ROOT + entry],
        },
      },
      apiReport: {
        enabled: true,
        reportFolder: `${ROOT}docs/api`,
        reportTempFolder: `${work}/report`,
        reportFileName: `${name}.api.md`,
        includeForgottenExports: true,
      },
      docModel: { enabled: true, apiJsonFilePath: `${work}/${name}/model.api.json`, includeForgottenExports: true },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: `${ROOT}package.json`,
  });
  const result = Extractor.invoke(config, {
    localBuild: !isCheck,
    messageCallback: (message) => {
      message.handled = message.logLevel !== "error";
    },
  });
  if (result.apiReportChanged) isSame = false;
}
if (isCheck && !isSame) {
  console.error('docs/api: the public API is not the one on record. Look at what changed, and run "npm run docs".');
  process.exit(1);
}
if (!isCheck) {
  const documenter = `${ROOT}node_modules/@microsoft/api-documenter/bin/api-documenter`;
  for (const name of Object.keys(ENTRIES)) {
    const folders = ["--input-folder", `${work}/${name}`, "--output-folder", `${ROOT}docs/api/pages/${name}`];
    execFileSync(process.execPath, [documenter, "markdown", ...folders], { stdio: ["ignore", "ignore", "inherit"] });
  }
}
