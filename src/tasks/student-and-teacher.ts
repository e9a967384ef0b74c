import { FlatParameters } from "../engine/optim/flat-parameters.js";
import { manualSeed } from "../engine/tensor/random.js";
import { ConfigError } from "../errors.js";
import { type LoadedTaskModel, loadTaskModel, startTaskModel, type TaskModel } from "../hub/task-model.js";
import type { Task } from "../kinds/task.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import { productDType } from "../recipes/training-recipe.js";
import { hasCheckpoint } from "../runs/run.js";
import type { Tokenizer } from "../text/tokenizer.js";

/** The model that is fine-tuned. */
export interface Student extends Disposable {
  /** The folder it starts from. */
  readonly path: string;
  readonly model: TaskModel;
  readonly parameters: FlatParameters;
  readonly tokenizer: Tokenizer;
}

/** What decides the model that is fine-tuned. */
interface StudentOptions {
  readonly model: string;
  readonly data: { readonly task: Task };
  readonly recipe: FinetuneRecipe;
  readonly device: string;
  readonly resume: boolean;
  readonly out: string;
}

/** Draws a head for the model that fine-tuning starts from; a run that is resumed has weights of its own. */
export async function startStudent(options: StudentOptions): Promise<Student> {
  const { data, recipe, device, resume, out } = options;
  const { path, model, tokenizer, copyWeights } = await startTaskModel(options.model, data.task, recipe);
  manualSeed(recipe.seed);
  const parameters = new FlatParameters(model, { device });
  const dispose = () => {
    model.dispose();
    parameters.dispose();
  };
  try {
    if (!(resume && hasCheckpoint(out))) copyWeights();
  } catch (error) {
    dispose();
    throw error;
  }
  return { path, model, parameters, tokenizer, [Symbol.dispose]: dispose };
}

/**
 * Loads the model that the student learns from besides the labels.
 *
 * @throws ConfigError when its tokenizer is another: its logits would belong to other tokens
 */
export async function loadTeacher(
  source: string,
  student: Student,
  { data, recipe, device }: Pick<StudentOptions, "data" | "recipe" | "device">,
): Promise<LoadedTaskModel> {
  const teacher = await loadTaskModel(source, data.task, { device, productDType: productDType(recipe) });
  if (teacher.tokenizer.hash === student.tokenizer.hash) return teacher;
  teacher[Symbol.dispose]();
  const [expected, got] = [student.tokenizer, teacher.tokenizer].map(
    ({ vocabSize, hash }) => `${vocabSize} tokens, ${hash.slice(0, 12)}`,
  );
  throw new ConfigError(
    `--teacher: expected the tokenizer of ${student.path} (${expected}), got another in ${teacher.path} (${got}). Fine-tune a teacher that reads text alike.`,
  );
}
