import type { Reporter, TestCase, TestModule } from "vitest/node";

/** No set-up brings these: their absence alone is no failure. */
const CANNOT_BE_INSTALLED = /^(LIMBECK_DATA|this processor) /;

/** Says at the end what was not tested, and why. Where LIMBECK_NO_SKIPS=1 forbids it, that is a failure. */
export default class SkipsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    const isStrict = process.env.LIMBECK_NO_SKIPS === "1";
    // Without a reason: chosen on the command line, by -t or .only.
    const reasons = [...new Set(skipped.map(reasonOf))].filter((reason) => isStrict || reason !== "");
    for (const reason of reasons) {
      console.log(`not tested, because ${reason || "no reason is stated"}:`);
      const tests = skipped.filter((test) => reasonOf(test) === reason);
      for (const module of new Set(tests.map((test) => test.module))) {
        const titles = tests.filter((test) => test.module === module).map(({ fullName }) => fullName);
        console.log(`  ${module.relativeModuleId}: ${titles.length > 1 ? `${titles.length} tests` : titles[0]}`);
      }
    }
    if (isStrict && !reasons.every((reason) => reason.split("; ").every((part) => CANNOT_BE_INSTALLED.test(part)))) {
      console.log("LIMBECK_NO_SKIPS=1: only real data and kernels of other processors may be missing.");
      process.exitCode = 1;
    }
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === "skipped" && result.note !== undefined) return result.note;
  for (let task: TestCase | TestCase["parent"] = test; task.type !== "module"; task = task.parent) {
    const { missing = [] } = task.meta();
    if (missing.length > 0) return missing.join("; ");
  }
  return "";
}
