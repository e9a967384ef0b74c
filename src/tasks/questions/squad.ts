import { join } from "node:path";
import { rowFile } from "../../data/readers/rows.js";
import { KIND_RECORDS } from "../../kinds/kinds.js";
import type { QuestionTask, Split, TaskData } from "../../kinds/task.js";
import { type SplitFiles, splitFiles, splitMissing, taskFolder, taskMissing } from "../split-files.js";
import { jsonQuestions, parquetQuestions, readQuestions } from "./squad-questions.js";

const shared = {
  kind: "question-answering",
  metrics: KIND_RECORDS["question-answering"].metrics,
  score: ["squadF1"],
  evaluationSplits: ["validation"],
} as const;

/** A version of SQuAD, and the names of its files and folders. */
interface Version {
  readonly task: QuestionTask;
  readonly folders: readonly string[];
  readonly files: Partial<Record<Split, readonly string[]>>;
}

const VERSION_1: Version = {
  task: { ...shared, name: "squad", title: "SQuAD 1.1", hasUnanswerable: false },
  folders: ["squad", "squad-v1.1", "plain_text"],
  files: { train: ["train-v1.1.json"], validation: ["dev-v1.1.json"] },
};
const VERSION_2: Version = {
  task: { ...shared, name: "squad-v2", title: "SQuAD 2.0", hasUnanswerable: true },
  folders: ["squad_v2", "squad-v2.0", "squad2"],
  files: { train: ["train-v2.0.json"], validation: ["dev-v2.0.json"] },
};

/**
 * SQuAD in its official JSON or the Hub's Parquet; both versions' JSON may lie in one folder, also one called "squad".
 *
 * @throws FormatError when the folder does not hold it
 */
export function openSquad(version: "1.1" | "2.0", folder: string): TaskData {
  const { task, folders, files } = version === "1.1" ? VERSION_1 : VERSION_2;
  const own =
    taskFolder(folder, folders, (candidate) => holds(candidate, files, ["own", "hub"])) ??
    taskFolder(folder, ["squad"], (candidate) => holds(candidate, files, ["own"]));
  if (own === null) throw taskMissing(task.title, folder, folders, expectedFiles(files));
  return {
    task,
    read: async (split, options) => {
      const names = files[split];
      const found = names === undefined ? null : splitFiles(own, split, names);
      if (found === null) throw splitMissing(task.title, own, split, files);
      const questions =
        found.layout === "own" ? jsonQuestions(found.paths) : parquetQuestions(found.paths.map(rowFile));
      return readQuestions(join(own, split), questions, task, options);
    },
  };
}

function holds(folder: string, files: Version["files"], layouts: readonly SplitFiles["layout"][]): boolean {
  return (Object.keys(files) as Split[]).some((split) => {
    const found = splitFiles(folder, split, files[split] ?? []);
    return found !== null && layouts.includes(found.layout);
  });
}

function expectedFiles(files: Version["files"]): string[] {
  return [...Object.values(files).flat(), "train-*.parquet"];
}
