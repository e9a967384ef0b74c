import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../src/errors.js";
import { loadTokenizer } from "../../src/text/tokenizer.js";
import { folderWith, vocabFile } from "./folders.js";

interface TokenizerFile {
  added_tokens: { id: number }[];
  pre_tokenizer: object;
  model: { type: string; vocab: Record<string, number> };
}

/** The error of loading the folder: a FormatError of one line. */
async function refusal(folder: string): Promise<string> {
  const error: unknown = await loadTokenizer(folder).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(FormatError);
  const { message } = error as FormatError;
  expect(message).not.toContain("\n");
  return message;
}

async function tokenizerJson(change: (file: TokenizerFile) => void): Promise<string> {
  const folder = await folderWith({ "vocab.txt": vocabFile("the", "cat") });
  await (await loadTokenizer(folder)).save(folder);
  const file = JSON.parse(await readFile(join(folder, "tokenizer.json"), "utf8"));
  change(file);
  return JSON.stringify(file);
}

const refusalOf = async (files: Record<string, string | Uint8Array>) => refusal(await folderWith(files));
const refusalOfJson = async (change: (file: TokenizerFile) => void) =>
  refusalOf({ "tokenizer.json": await tokenizerJson(change) });

describe("a folder", () => {
  test("that is not there", async () => {
    expect(await refusal("/no/such/folder")).toMatch(
      /^\/no\/such\/folder: cannot be read \(ENOENT\): expected a folder/,
    );
  });

  test("that is a file", async () => {
    const folder = await folderWith({ "vocab.txt": vocabFile() });
    expect(await refusal(join(folder, "vocab.txt"))).toContain("is a file: expected a folder");
  });

  test("with no tokenizer in it", async () => {
    expect(await refusalOf({ "config.json": "{}" })).toContain("expected tokenizer.json or vocab.txt, found neither");
  });
});

describe("vocab.txt", () => {
  test("that is empty", async () => {
    expect(await refusalOf({ "vocab.txt": "" })).toContain("vocab.txt: is empty");
  });

  test("that is not text", async () => {
    expect(await refusalOf({ "vocab.txt": Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xff) })).toContain("expected UTF-8");
  });

  test("that is cut short, before the special tokens have all come", async () => {
    expect(await refusalOf({ "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SE" })).toContain("none is [SEP] or [MASK]");
  });

  test("that is another text", async () => {
    expect(await refusalOf({ "vocab.txt": "Once upon a time\nthere was a cat.\n" })).toContain(
      "not a whole BERT vocabulary",
    );
  });

  test("that has a piece twice", async () => {
    expect(await refusalOf({ "vocab.txt": vocabFile("the", "cat", "the") })).toContain('lines 6 and 8 are both "the"');
  });

  test("with a tokenizer_config.json that is cut short", async () => {
    const files = { "vocab.txt": vocabFile("the"), "tokenizer_config.json": '{"do_lower_case": tr' };
    expect(await refusalOf(files)).toContain("tokenizer_config.json: is not JSON, or is cut short");
  });

  test("with a tokenizer_config.json that turns the split into words off", async () => {
    const files = { "vocab.txt": vocabFile("the"), "tokenizer_config.json": '{"do_basic_tokenize": false}' };
    expect(await refusalOf(files)).toContain("at do_basic_tokenize expected true, got false");
  });
});

describe("tokenizer.json", () => {
  test("that is empty, though vocab.txt is there", async () => {
    expect(await refusalOf({ "tokenizer.json": "", "vocab.txt": vocabFile() })).toContain("tokenizer.json: is empty");
  });

  test("that is cut short", async () => {
    const whole = await tokenizerJson(() => {});
    expect(await refusalOf({ "tokenizer.json": whole.slice(0, -40) })).toContain("is not JSON, or is cut short");
  });

  test.each(["null", "[]", "{}", '"text"'])("that is %s", async (text) => {
    expect(await refusalOf({ "tokenizer.json": text })).toContain("not a BERT WordPiece tokenizer");
  });

  test("of another kind of model", async () => {
    const message = await refusalOfJson((file) => Object.assign(file.model, { type: "BPE" }));
    expect(message).toContain('at model.type expected "WordPiece", got "BPE"');
  });

  test("of another pre-tokeniser", async () => {
    const message = await refusalOfJson((file) => Object.assign(file, { pre_tokenizer: { type: "ByteLevel" } }));
    expect(message).toContain('at pre_tokenizer.type expected "BertPreTokenizer", got "ByteLevel"');
  });

  test("without special tokens", async () => {
    const message = await refusalOfJson((file) => {
      Object.assign(file, { added_tokens: [] });
      Object.assign(file.model, { vocab: { "[UNK]": 0, the: 1 } });
    });
    expect(message).toContain("of 2 none is [PAD] or [CLS] or [SEP] or [MASK]");
  });

  test("whose ids have a gap", async () => {
    const message = await refusalOfJson((file) => Object.assign(file.model.vocab, { dog: 4e9 }));
    expect(message).toContain("expected 0 to 7, each once, but 7 is missing");
  });

  test("whose added tokens contradict the vocabulary", async () => {
    const message = await refusalOfJson((file) => {
      Object.assign(file.added_tokens[0] ?? {}, { id: 5 });
    });
    expect(message).toContain('the added token "[PAD]" does not fit the vocabulary');
  });
});
