import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import {
  gatherText,
  isProse,
  paragraphsOfManual,
  paragraphsOfMarkdown,
  paragraphsOfPod,
  paragraphsOfText,
} from "../../src/demo/gather.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const sentence =
  "The server reads the file when it starts, and a change that you make to it later is not seen until the next start.";

describe("prose", () => {
  test("is sentences, and neither code, nor lists, nor another language", () => {
    expect(isProse(sentence)).toBe(true);
    expect(
      isProse("const a = f(x); const b = g(a); return { a, b, c: h(a, b), d: [1, 2, 3], e: null };".repeat(2)),
    ).toBe(false);
    expect(
      isProse("alpha, beta, gamma, delta, epsilon, zeta, eta, theta, iota, kappa, lambda, mu, nu, xi, omicron"),
    ).toBe(false);
    expect(
      isProse("Der Server liest die Datei, wenn er startet; eine Änderung wird erst beim nächsten Start gesehen."),
    ).toBe(false);
    expect(isProse("The short one.")).toBe(false);
  });

  test("of plain text is one paragraph a blank line, its lines joined", () => {
    const broken = sentence.replace(" when", "\n   when");
    expect(paragraphsOfText(`TITLE\n\n${broken}\n\n1. item\n`)).toEqual([sentence]);
  });

  test("of Markdown leaves out code, headings, lists and addresses, and keeps the words of links", () => {
    const linked = sentence.replace("the file", "[the file](https://example.org/a_b)").replace("server", "`server`");
    const text = `---\ntitle: x\n---\n# Title\n\n${linked}\n\n- ${sentence} one\n\n\`\`\`js\n${sentence} two\n\`\`\`\n`;
    expect(paragraphsOfMarkdown(text)).toEqual([sentence]);
  });

  test("of POD is what stands between commands, its codes taken off", () => {
    const coded = sentence.replace("the file", "the C<file>").replace("server", "L<server|Some::Page>");
    const text = `package X;\n\nsub f { 1 }\n\n=head1 NAME\n\n${coded}\n\n    indented code\n\n=cut\n\n${sentence} three\n`;
    expect(paragraphsOfPod(text)).toEqual([sentence]);
  });

  test("of a manual page keeps the words of font macros, and neither macros nor examples", () => {
    const [head = "", tail = ""] = sentence.split(" file ");
    const text = `.TH X 1\n.SH NAME\n${head}\n.B file\n${tail.replace("it later", "\\fIit\\fP later")}\n.nf\n${sentence} code\n.fi\n`;
    expect(paragraphsOfManual(text)).toEqual([sentence]);
  });
});

describe("gathering", () => {
  const numbered = (number: string) => sentence.replace("server", `${number} server`);
  const manual = (number: string) => `.TH X 1\n.SH NAME\n${numbered(number)}\n`;

  /** Documentation as it lies about: packages, manual pages packed or not, and what is no prose. */
  function documentation(): string[] {
    const folder = temporaryFolder();
    const files: Record<string, string | Buffer> = {
      "packages/b/README.md": `# B\n\n${numbered("second")}\n\n${numbered("first")}\n`,
      "packages/a/README": numbered("first"),
      "packages/a/LICENSE.txt": numbered("licensed"),
      "packages/a/CHANGELOG.md": numbered("changed"),
      "packages/a/index.js": numbered("scripted"),
      "packages/c/broken.1.gz": "not packed at all",
      "man/page.1": manual("third"),
      "man/page.8.gz": gzipSync(manual("fourth")),
      "man/Module.pod": `=head1 NAME\n\n${numbered("fifth")}\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return ["packages", "nowhere", "man", "packages"].map((name) => join(folder, name));
  }

  test("finds prose in files that hold it, by name, each paragraph once", () => {
    const { documents, characters, files } = gatherText({ maxCharacters: 200_000, places: documentation() });
    expect(documents).toEqual(["first", "second", "fifth", "third", "fourth"].map(numbered));
    expect(files).toBe(5);
    expect(characters).toBe(documents.reduce((sum, { length }) => sum + length, 0));
  });

  test("ends with the document that brings it to the limit", () => {
    const places = documentation();
    expect(gatherText({ maxCharacters: 1, places }).documents).toEqual([numbered("first")]);
    const one = numbered("first").length;
    expect(gatherText({ maxCharacters: one, places }).documents).toHaveLength(1);
    expect(gatherText({ maxCharacters: one + 1, places }).documents).toEqual(["first", "second"].map(numbered));
  });
});
