/** Prints a command's result on standard output: as JSON, or as `label  value` lines for people. */
export function printResult(
  result: object,
  { json = false, lines }: { json?: boolean | undefined; lines: readonly (readonly [label: string, value: string])[] },
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const width = Math.max(...lines.map(([label]) => label.length));
  for (const [label, value] of lines) process.stdout.write(`${label.padEnd(width)}  ${value}\n`);
}
