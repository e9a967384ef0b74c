/** What a model can be exported for, and a pipeline does. */
export const PIPELINE_TASKS = ["fill-mask", "classify", "question-answer", "embed"] as const;
export type PipelineTask = (typeof PIPELINE_TASKS)[number];
