// Prints the milliseconds that loading the int8 file of a folder takes: load.mjs ours|theirs FOLDER THREADS wall|processor
import { openModel } from "../../dist/infer/node.js";
import { theirs } from "./contestants.mjs";

const [who, folder, threads, clock] = process.argv.slice(2);
const before = process.cpuUsage();
const startMs = performance.now();
if (who === "ours") await openModel(folder, { dtype: "int8", threads: Number(threads) });
else await theirs("", folder, { dtype: "q8", threads: Number(threads) });
const wallMs = performance.now() - startMs;
const { user, system } = process.cpuUsage(before);
console.log(clock === "processor" ? (user + system) / 1000 : wallMs);
process.exit(0);
