// What limbeck/infer has for Node and browsers alike; openModel is each one's own.
export { ConfigError, FormatError, InputError, LimbeckError, RunError } from "../errors.js";
export type { EncoderConfig } from "../families/config.js";
export { registerFamily } from "../families/families.js";
export type { Family, ParameterNames, StudentShape } from "../families/family.js";
export { PIPELINE_TASKS, type PipelineTask } from "../kinds/kinds.js";
export { type Answer, type AnswerOptions, answer, answerSettled, type Question } from "./answer.js";
export {
  type Classification,
  type ClassifyOptions,
  classify,
  classifySettled,
  type Labelled,
  type Scored,
} from "./classify.js";
export { type EmbedOptions, embed, embedSettled } from "./embed.js";
export { type FilledMask, type FillMaskOptions, fillMask, fillMaskSettled, type MaskCandidate } from "./fill-mask.js";
export type { Settled, TextPair } from "./inputs.js";
export type { Model, RunOptions } from "./model.js";
export { MODEL_DTYPES, type ModelDType } from "./model-files.js";
