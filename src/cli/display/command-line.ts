import { shellCommand } from "../../pages/provenance.js";

/** The command line of this process, as it could be given again. */
export function commandLine(): string {
  return shellCommand(["limbeck", ...process.argv.slice(2)]);
}
