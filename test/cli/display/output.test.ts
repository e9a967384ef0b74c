import { expect, test } from "vitest";
import { shellCommand } from "../../../src/cli/display/output.js";

test("a command is written so that a shell reads it as it was given", () => {
  expect(shellCommand(["limbeck", "glue", "--set", "steps=1", "my model", "it's"])).toBe(
    "limbeck glue --set steps=1 'my model' 'it'\\''s'",
  );
});
