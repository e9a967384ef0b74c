import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { crc32c, EventWriter, frameRecord } from "../../src/runs/tensorboard.js";
import { needs, PYTHON, python } from "../needs.js";
import { temporaryFolder } from "../storage/temporary-folder.js";

const OPTIONS = { host: "host", now: () => 1_700_000_000_500 };

test.each([
  ["nothing", new Uint8Array(0), 0],
  ["123456789", Buffer.from("123456789"), 0xe3069283],
  ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
])("CRC-32C of %s is that of RFC 3720, appendix B.4", (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

test("a record is length, masked CRC, data, masked CRC", () => {
  const data = Buffer.from("123456789");
  const record = Buffer.from(frameRecord(data));
  expect(record.byteLength).toBe(8 + 4 + 9 + 4);
  expect(record.readBigUInt64LE()).toBe(9n);
  expect(record.subarray(12, 21)).toEqual(data);
  // 0xe3069283 turned right by 15 bits is 0x2507c60d; with the constant 0xa282ead8, 0xc78ab0e5.
  expect(record.readUInt32LE(21)).toBe(0xc78ab0e5);
});

test("names the file as TensorBoard does, and each later one after it", () => {
  const folder = temporaryFolder();
  const names = [1, 2, 3].map(() => {
    using writer = new EventWriter(folder, null, OPTIONS);
    return basename(writer.path);
  });
  expect(names[0]).toMatch(new RegExp(`^events\\.out\\.tfevents\\.1700000000\\.host\\.${process.pid}\\.\\d+$`));
  expect(readdirSync(folder).sort()).toEqual(names);
});

test("begins with the version that TensorBoard asks for", () => {
  using writer = new EventWriter(temporaryFolder(), null, OPTIONS);
  const bytes = readFileSync(writer.path);
  // wall_time: field 1, double; step: field 2, varint 0; file_version: field 3, string of 13 bytes.
  const event = Buffer.concat([
    Buffer.of(0x09),
    Buffer.alloc(8),
    Buffer.of(0x10, 0, 0x1a, 13),
    Buffer.from("brain.Event:2"),
  ]);
  event.writeDoubleLE(1_700_000_000.5, 1);
  expect(bytes.subarray(12, 12 + event.byteLength)).toEqual(event);
});

const READ_BACK = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({t: [[e.step, e.value, e.wall_time] for e in events.Scalars(t)] for t in events.Tags()["scalars"]}))
`;

test("TensorBoard itself reads the curves, of a resumed run too", needs(python("tensorboard")), () => {
  const folder = temporaryFolder();
  {
    using first = new EventWriter(folder, null, OPTIONS);
    for (const step of [1, 2, 3, 4]) first.scalars(step, { "loss/total": step / 4, learningRate: 5e-4 });
  }
  {
    using resumed = new EventWriter(folder, 2, OPTIONS);
    for (const step of [3, 2 ** 40]) resumed.scalars(step, { "loss/total": -1 });
  }
  const curves = JSON.parse(execFileSync(PYTHON, ["-c", READ_BACK, folder], { encoding: "utf8" }));
  const at = 1_700_000_000.5;
  expect(curves).toEqual({
    "loss/total": [
      [1, 0.25, at],
      [2, 0.5, at],
      [3, -1, at],
      [2 ** 40, -1, at],
    ],
    learningRate: [1, 2].map((step) => [step, Math.fround(5e-4), at]),
  });
});
