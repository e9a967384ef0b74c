import type { MetricName } from "./metrics/metrics.js";

/** The size of one side of an output: known when the graph runs, or by the model's config and head. */
export type OutputSide = "batch_size" | "sequence_length" | "hidden_size" | "vocabulary_size" | "label_count";

/** What config.json says of a head, by which kinds are told apart that share a class of transformers. */
export interface HeadFacts {
  /** null where it names none. */
  readonly labelCount: number | null;
  /** What transformers calls a classifier's task. */
  readonly problemType: string | null;
}

/** What is known of a kind of task without any tensor. */
export interface KindRecord<Pipeline extends string = string> {
  /** The pipeline that runs an exported model, as limbeck/infer and `--task` call it; kinds may share one. */
  readonly pipeline: Pipeline;
  /** What transformers and the Hub call that: a card's pipeline_tag. */
  readonly hubPipeline: string;
  /** What the name of transformers' class ends in. */
  readonly modelClass: string;
  /** Whether a model needs parameters beyond its encoder's. */
  readonly needsHead: boolean;
  /** Whether a head of that class, or with these outputs, is of this kind and not of another. */
  readonly fits: (head: HeadFacts) => boolean;
  /** As config.json has it; null where it has none. */
  readonly problemType: string | null;
  /** What such a model is fine-tuned for. */
  readonly purpose: string;
  /** What a head gives a text, or each of its tokens: a value for each of several labels, one value, or no such thing. */
  readonly labels: "several" | "one" | "none";
  /** What an input holds, as rows of JSON name it. */
  readonly columns: { readonly required: readonly string[]; readonly optional: readonly string[] };
  /** Whether texts hold [MASK] where something is to be found. */
  readonly hasMasks: boolean;
  /** Of a graph, float32, in this order. */
  readonly outputs: readonly { readonly name: string; readonly shape: readonly OutputSide[] }[];
  /** What is reported where a task does not choose among them; none where nothing is labelled. */
  readonly metrics: readonly MetricName[];
  /** What transformers.js is given in a card's example: arguments in JavaScript. */
  readonly example: string;
}
