import { formatRows, numberColumns } from "../../pages/table.js";
import type { ProfileRow } from "../../training/loop/profile-summary.js";
import type { StepProfile } from "../../training/loop/step-profiler.js";
import { percent, whole } from "./quantities.js";

const SHOWN_OPS = 15;

/** A profile as two tables, with a line on its trace. */
export function profileLines(profile: StepProfile): string[] {
  const { firstStep, steps, stepMs, phases, ops, outsideOps, path } = profile;
  const last = firstStep + steps - 1;
  const which = steps === 1 ? `step ${whole(firstStep)}` : `steps ${whole(firstStep)} to ${whole(last)}`;
  const shown = ops.slice(0, SHOWN_OPS);
  const rest = ops.length > shown.length ? [sumOf(ops.slice(SHOWN_OPS))] : [];
  return [
    "",
    `profile of ${which}, ${stepMs.toFixed(1)} ms each`,
    ...cutLines(profile),
    "",
    ...formatRows({
      columns: numberColumns("phase", ["ms a step", "share"]),
      rows: phases.map((row) => ({ cells: [row.name, row.ms.toFixed(2), percent(row.share)] })),
    }),
    "",
    ...formatRows({
      columns: numberColumns("op, its own time", ["calls a step", "ms a step", "share"]),
      rows: [
        ...[...shown, ...rest].map((row) => ({
          cells: [row.name, whole(row.calls), row.ms.toFixed(2), percent(row.share)],
        })),
        { cells: ["outside ops", "", outsideOps.ms.toFixed(2), percent(outsideOps.share)] },
      ],
    }),
    "",
    `${path}: each op as it ran. Open it in chrome://tracing or at https://ui.perfetto.dev`,
    "",
  ];
}

function sumOf(ops: readonly ProfileRow[]): ProfileRow {
  const sum = (value: (op: ProfileRow) => number) => ops.reduce((total, op) => total + value(op), 0);
  return {
    name: `${whole(ops.length)} others`,
    calls: sum(({ calls }) => calls),
    ms: sum(({ ms }) => ms),
    share: sum(({ share }) => share),
  };
}

/** What is to be said of a recording that was full. */
function cutLines({ cut }: StepProfile): string[] {
  if (cut === null) return [];
  const limit = `the record was full after ${whole(cut.events)} ops and phases`;
  return [cut.isStep ? `${limit}: this is only how the step begins` : `${limit}: later steps are not in it`];
}
