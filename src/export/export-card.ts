import type { Family } from "../families/family.js";
import { formatModelCard } from "../hub/card.js";
import type { KindRecord } from "../kinds/kind-record.js";
import { KIND_RECORDS, type Kind, type PipelineTask } from "../kinds/kinds.js";
import { formatBytes, percent } from "../quantities.js";
import { differenceWords } from "./difference.js";
import type { ExportedFile } from "./verify.js";

/** What an export came to: what its card says. */
export interface ExportFacts {
  readonly task: PipelineTask;
  /** Word pieces of the model that was read, and of the one that was written. */
  readonly vocabulary: { readonly before: number; readonly after: number };
  readonly comparedOn: {
    readonly source: string;
    readonly tokens: number;
    /** Word pieces that are [UNK], as a share, by the tokenizer as it was and as it is. */
    readonly unknownBefore: number;
    readonly unknown: number;
  };
  /** The task that was checked, with Limbeck's own score; null for none. */
  readonly check: { readonly task: string; readonly score: number } | null;
  readonly files: readonly ExportedFile[];
}

/** README.md of an exported folder: what its files are, and how far from the model they are. */
export function exportCard(
  result: ExportFacts,
  { model, family, kind }: { model: string; family: Family; kind: Kind },
): string {
  const { files, comparedOn, vocabulary } = result;
  const record = KIND_RECORDS[kind];
  const isTrimmed = vocabulary.after < vocabulary.before;
  return formatModelCard({
    title: `${family.title} for ${record.hubPipeline}, as ONNX`,
    summary: "A model with its weights as safetensors and as ONNX, exported with Limbeck.",
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", "onnx", "transformers.js"],
    kind,
    facts: [
      ["exported from", model],
      ["word pieces", isTrimmed ? `${vocabulary.after}, of ${vocabulary.before}` : vocabulary.after],
      ["compared on", `${comparedOn.tokens} tokens of ${comparedOn.source}`],
      ...(isTrimmed
        ? [
            [
              "[UNK] on these",
              `${percent(comparedOn.unknown, 2)}, before ${percent(comparedOn.unknownBefore, 2)}`,
            ] as const,
          ]
        : []),
      ...(result.check === null
        ? []
        : [[`${result.check.task}, before export`, result.check.score.toFixed(4)] as const]),
    ],
    sections: [
      { heading: "Files", body: filesTable(files) },
      { heading: "Use", body: useText(record) },
    ],
  });
}

function filesTable(files: readonly ExportedFile[]): string {
  const rows = files.map((file) => [
    `\`onnx/${file.name}\``,
    purposeOf(file),
    formatBytes(file.bytes),
    differenceWords(file.difference),
    ...(file.score === null ? [] : [file.score.toFixed(4)]),
  ]);
  const head = ["file", "what it is for", "size", "difference", ...(files[0]?.score == null ? [] : ["score"])];
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function purposeOf({ dtype, runtime }: ExportedFile): string {
  if (runtime === "ort") return "8 bits, for ONNX Runtime on CPUs and WebAssembly; its own operators";
  if (dtype === "int8") return "8 bits, for any runtime; weights of 7 bits, right on CPUs without VNNI too";
  return dtype === "fp16" ? "16 bits, for WebGPU; inputs and outputs as in 32 bits" : "32 bits, for any runtime";
}

function useText({ hubPipeline, example }: KindRecord): string {
  return [
    "```js",
    'import { pipeline } from "@huggingface/transformers";',
    "",
    `const run = await pipeline("${hubPipeline}", "FOLDER", { dtype: "q8" }); // "fp32", "fp16"`,
    `console.log(await run(${example}));`,
    "```",
    "",
    'On CPUs, `{ dtype: "q8", model_file_name: "model_ort" }` is faster. Python\'s transformers load the folder as it is.',
  ].join("\n");
}
