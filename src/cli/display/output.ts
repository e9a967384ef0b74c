import { CommanderError } from "commander";
import { LimbeckError } from "../../errors.js";

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

const INTERRUPTED_STATUS = 130;

/** Says on standard error what ended the command; one line, unless it is a bug. Returns the exit status. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return reportUsage(error);
  if (error instanceof LimbeckError) return say(error.message, error.exitStatus);
  if (error instanceof Error && error.name === "AbortError") {
    return say("interrupted before there was anything to save", INTERRUPTED_STATUS);
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`limbeck: this is a bug in limbeck, please report it:\n${trace}\n`);
  return 1;
}

/** --help and --version end by an exception too, with status 0. */
function reportUsage({ code, exitCode, message }: CommanderError): number {
  if (exitCode === 0) return 0;
  if (code === "commander.help") return 2; // No command was given: the help is there already.
  return say(`${message.replace(/^error: /, "")}. See "limbeck --help".`.replace(/([.)?])\. See/, "$1 See"), 2);
}

function say(message: string, status: number): number {
  process.stderr.write(`limbeck: ${message.replace(/\s*\n\s*/g, " ")}\n`);
  return status;
}

/** The command line of this process, as it could be given again. */
export function commandLine(): string {
  return shellCommand(["limbeck", ...process.argv.slice(2)]);
}

/** `limbeck glue --set 'a b'`: the words of a command, quoted where a shell would cut them. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
