import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../../recipes/", import.meta.url);

/** A recipe as its module is written: what it takes over from another, and the comment behind each key. */
interface WrittenRecipe {
  base: string | null;
  comments: ReadonlyMap<string, string>;
}

/**
 * Where each value of a shipped recipe comes from: the comment behind it, in the module that defines it.
 *
 * The comment stands where the value does, so that the two are changed together; this reads it there.
 */
export async function recipeSources(recipe: object): Promise<ReadonlyMap<string, string>> {
  const written = new Map<string, WrittenRecipe>();
  let name: string | null = null;
  for (const file of readdirSync(FOLDER).filter((file) => /\.[jt]s$/.test(file) && !file.endsWith(".d.ts"))) {
    const module: Record<string, unknown> = await import(new URL(file, FOLDER).href);
    name ??= Object.keys(module).find((key) => module[key] === recipe) ?? null;
    for (const [key, block] of writtenRecipes(readFileSync(new URL(file, FOLDER), "utf8"))) written.set(key, block);
  }
  return name === null ? new Map() : inherited(name, written);
}

/** Finds `export const NAME = { ...BASE, key: value, // comment }`. */
function writtenRecipes(source: string): [string, WrittenRecipe][] {
  const blocks = source.matchAll(/^export const (\w+)(?:: \w+)? = \{\n(.*?)^\};/gms);
  return [...blocks].map(([, name = "", body = ""]) => {
    const lines = body.matchAll(/^\s+(\w+): .*?(?:\/\/ (.*))?$/gm);
    const comments = new Map([...lines].map(([, key = "", comment = ""]) => [key, comment]));
    return [name, { base: /^\s+\.\.\.(\w+),/m.exec(body)?.[1] ?? null, comments }];
  });
}

/** A key without a comment hides its base's: the value is another. */
function inherited(name: string, written: ReadonlyMap<string, WrittenRecipe>): ReadonlyMap<string, string> {
  const { base = null, comments = new Map() } = written.get(name) ?? {};
  return base === null ? comments : new Map([...inherited(base, written), ...comments]);
}
