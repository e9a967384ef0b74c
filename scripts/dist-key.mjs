// Prints one hash of all that dist/ is made from; build/typescript.stamp has that of which it was made.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const MADE_FROM = ["src", "web", "scripts/build-web.mjs", "tsconfig.json", "package-lock.json"];

const files = MADE_FROM.flatMap((path) => {
  const isFile = statSync(join(ROOT, path)).isFile();
  const below = isFile ? [""] : readdirSync(join(ROOT, path), { recursive: true });
  return below.map((name) => join(path, name)).filter((file) => statSync(join(ROOT, file)).isFile());
});
const key = createHash("sha256");
for (const file of files.sort()) {
  const hash = createHash("sha256")
    .update(readFileSync(join(ROOT, file)))
    .digest("hex");
  key.update(`${hash}  ${file}\n`);
}
console.log(key.digest("hex"));
