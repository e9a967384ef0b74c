import { KIND_RECORDS, type Kind } from "../kinds/kinds.js";

/** What a model card says, as data. */
export interface ModelCard {
  readonly title: string;
  /** A paragraph or more of Markdown. */
  readonly summary: string;
  /** SPDX identifier in lower case, as the Hub has them: "apache-2.0". */
  readonly license: string;
  /** ISO 639-1 code: "en". */
  readonly language?: string;
  /** Hub id of the model this one was made from. */
  readonly baseModel?: string;
  /** Hub ids of data sets. */
  readonly datasets?: readonly string[];
  readonly tags: readonly string[];
  /** Decides the pipeline that the Hub offers. */
  readonly kind: Kind;
  /** Rows of a table: what, and how much. */
  readonly facts?: readonly (readonly [what: string, value: string | number])[];
  /** Further sections of Markdown. */
  readonly sections?: readonly { readonly heading: string; readonly body: string }[];
}

/**
 * README.md of a model folder: YAML front matter for the Hub, then prose, facts and sections.
 *
 * Source: https://huggingface.co/docs/hub/model-cards
 */
export function formatModelCard(card: ModelCard): string {
  const blocks = [
    frontMatter(card),
    `# ${card.title}`,
    card.summary,
    factsTable(card.facts ?? []),
    ...(card.sections ?? []).map(({ heading, body }) => `## ${heading}\n\n${body}`),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function frontMatter({ language, license, baseModel, datasets, tags, kind }: ModelCard): string {
  const fields: Record<string, string | readonly string[] | undefined> = {
    language,
    license,
    library_name: "transformers",
    pipeline_tag: KIND_RECORDS[kind].hubPipeline,
    base_model: baseModel,
    datasets,
    tags,
  };
  const lines = Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined || value.length === 0) return [];
    return typeof value === "string"
      ? [`${key}: ${scalar(value)}`]
      : [`${key}:`, ...value.map((v) => `- ${scalar(v)}`)];
  });
  return ["---", ...lines, "---"].join("\n");
}

/** A YAML string: plain where it cannot be read as anything else, else quoted as JSON, which YAML includes. */
function scalar(text: string): string {
  const looksOtherwise = /^(true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return /^[A-Za-z][\w./-]*$/.test(text) && !looksOtherwise ? text : JSON.stringify(text);
}

function factsTable(facts: readonly (readonly [string, string | number])[]): string {
  if (facts.length === 0) return "";
  const cell = (value: string | number): string => String(value).replaceAll("|", "\\|").replaceAll("\n", " ");
  return ["| | |", "|---|---|", ...facts.map(([what, value]) => `| ${cell(what)} | ${cell(value)} |`)].join("\n");
}
