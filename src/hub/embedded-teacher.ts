import { fileURLToPath } from "node:url";

/** The small teacher that comes with Limbeck: a model folder. */
export const EMBEDDED_TEACHER = fileURLToPath(new URL("../../assets/teacher", import.meta.url));
