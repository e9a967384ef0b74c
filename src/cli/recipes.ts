import type { Command } from "commander";
export function registerRecipes(program: Command): void {
  program.command("recipes").action(() => {});
}
