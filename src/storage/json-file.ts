import { readFileSync } from "node:fs";
import type { z } from "zod";
import { ConfigError, FormatError } from "../errors.js";
import { errorCode } from "./disk.js";

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * Reads a JSON file whose top level is an object.
 *
 * @param what what the file is, for the message: "a model's config.json"
 * @throws FormatError when it is missing, empty, not JSON, or not an object
 */
export function readJsonObject(path: string, what: string): JsonObject {
  const value = readJson(path, what);
  if (!isJsonObject(value)) throw new FormatError(path, `expected ${what} (a JSON object), got ${kindOf(value)}.`);
  return value;
}

/**
 * Reads a JSON file of a known form.
 *
 * @param options.what   what the file is, for the message: "a run's sources"
 * @param options.remedy what to do when it is not: "Make the dataset again."
 * @throws FormatError when it is missing, empty, not JSON, or not of that form, naming the member
 */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>, options: { what: string; remedy: string }): T {
  return parseJson(path, readJson(path, options.what, options.remedy), schema, options.remedy);
}

/**
 * What a file's JSON says, in a known form.
 *
 * @throws FormatError when it has another, naming the member
 */
export function parseJson<T>(path: string, value: unknown, schema: z.ZodType<T>, remedy: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "the document";
  throw new FormatError(path, `${where}: ${issue?.message ?? "unexpected form"}. ${remedy}`);
}

function readJson(path: string, what: string, remedy?: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw readError(path, what, error, remedy);
  }
  const { advice, got } = { advice: remedy ?? "Write it again.", got: `expected ${what}, got` };
  if (text.trim() === "") throw new FormatError(path, `${got} an empty file. ${advice}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(path, `${got} text that is not JSON (${oneLine(error)}). ${advice}`, { cause: error });
  }
}

/** Whether a parsed JSON value is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * JSON with two spaces and a last newline.
 *
 * @throws ConfigError for a number JSON cannot hold: NaN or infinity would come back as null
 */
export function formatJson(value: object): string {
  const strict = (key: string, item: unknown): unknown => {
    if (typeof item === "number" && !Number.isFinite(item)) {
      throw new ConfigError(`"${key}" is ${item}, which JSON cannot hold: expected a finite number.`);
    }
    return item;
  };
  return `${JSON.stringify(value, strict, 2)}\n`;
}

/** An object as JSON would give it back: without undefined members, prototypes or shared parts. */
export function toJsonObject(value: object): JsonObject {
  return JSON.parse(formatJson(value));
}

/** The first line of an error's message. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}

/** A name from a file, in quotes and short: whatever it holds, the message stays one line. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}

/** A word for what a parsed JSON value is, for messages. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** The one-line error for a file that cannot be opened or read. */
export function readError(path: string, what: string, error: unknown, remedy = "Check the path."): FormatError {
  const code = errorCode(error);
  const got =
    code === "ENOENT" || code === "ENOTDIR"
      ? `nothing there. ${remedy}`
      : code === "EISDIR"
        ? "a folder. Give the file."
        : code === "EACCES"
          ? "no permission to read it. Change its permissions."
          : `an error: ${oneLine(error)}`;
  return new FormatError(path, `expected ${what}, got ${got}`, { cause: error });
}
