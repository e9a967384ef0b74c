import { formatModelCard } from "../hub/card.js";
import type { Task } from "../kinds/task.js";
import { whole } from "../quantities.js";
import type { FinetuneRecipe } from "../recipes/finetune-recipe.js";
import type { FinetuneResult, SplitMetrics } from "./run-report.js";

/** README.md of a fine-tuned model. */
export function finetunedCard(
  task: Task,
  recipe: FinetuneRecipe,
  { metrics, step, selection, trainExamples }: Pick<FinetuneResult, "metrics" | "step" | "selection" | "trainExamples">,
  { model, teacher }: { model: string; teacher: string | null },
): string {
  return formatModelCard({
    title: `${task.title}, fine-tuned`,
    summary:
      teacher === null
        ? `A model fine-tuned on ${task.title} with Limbeck.`
        : `A model fine-tuned on ${task.title} with Limbeck by a second step of distillation: it learned from the labels and from the logits of a teacher fine-tuned on the task.`,
    license: "apache-2.0",
    language: "en",
    tags: ["limbeck", task.name],
    kind: task.kind,
    facts: [
      ["started from", model],
      ...(teacher === null ? [] : [["teacher", teacher] as const]),
      ["training examples", whole(trainExamples)],
      ["optimizer steps", whole(step)],
      ...(selection === null || recipe.keep === "last" ? [] : [["weights chosen on", selection.title] as const]),
      ...figures(metrics),
    ],
    sections: [{ heading: "Recipe", body: `\`\`\`json\n${JSON.stringify(recipe, null, 2)}\n\`\`\`` }],
  });
}

function figures(metrics: SplitMetrics): (readonly [string, string])[] {
  return Object.entries(metrics).flatMap(([split, named]) =>
    Object.entries(named).map(([name, value]) => [`${name} on ${split.replace("_", " ")}`, value.toFixed(4)] as const),
  );
}
