import type { ModelDType } from "../../infer/model-files.js";
import type { Kind } from "../../kinds/kinds.js";

/** What the page is told of its site: embedded in it as JSON, and so nothing but plain values. */
export interface SiteDescription {
  readonly kind: Kind;
  /** The student first; one or two. */
  readonly models: readonly SiteModel[];
  readonly examples: readonly Example[];
  /** The page's own files, relative to it, that a visit without a network needs. */
  readonly shell: readonly string[];
  /** Where the scripts lie, relative to the page; another folder for every build. */
  readonly assets: string;
}

export type Role = "student" | "teacher";

export interface SiteModel {
  readonly role: Role;
  readonly name: string;
  /** Where its files lie, relative to the page; another folder for every state of them. */
  readonly address: string;
  /** config.json and tokenizer.json. */
  readonly textBytes: number;
  readonly weights: readonly SiteWeights[];
}

/** One ONNX file. */
export interface SiteWeights {
  readonly dtype: ModelDType;
  /** Below the model's address. */
  readonly file: string;
  readonly bytes: number;
}

/** What a click fills into the form: values by the names of its fields. */
export interface Example {
  readonly label: string;
  readonly fields: Readonly<Record<string, string>>;
}
