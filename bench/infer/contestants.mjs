// Who runs in bench/infer.mjs. Each has a name and `run(texts)`, one text at a time unless `together`; what times itself
// returns its milliseconds, by the clock and of the processor.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { env, pipeline } from "@huggingface/transformers";
import { classify, openModel } from "../../dist/infer/node.js";

export async function ours(name, folder, options) {
  const model = await openModel(folder, options);
  return {
    name,
    run: async (texts, { together = false } = {}) => {
      if (together) await classify(model, texts);
      else for (const text of texts) await classify(model, [text]);
    },
    close: () => model.close(),
  };
}

export async function theirs(name, folder, { dtype, threads }) {
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const classifier = await pipeline("text-classification", basename(folder), { dtype, device: "cpu", session_options });
  return {
    name,
    run: async (texts, { together = false } = {}) => {
      if (together) await classifier(texts);
      else for (const text of texts) await classifier(text);
    },
    close: () => classifier.dispose(),
  };
}

/** What only Python has; nothing where LIMBECK_PYTHON is not set. */
export class PythonContestants {
  #child = null;
  #answers = null;
  #student;

  static async start({ student, teacher, threads }) {
    const contestants = new PythonContestants();
    contestants.#student = student;
    const python = process.env.LIMBECK_PYTHON;
    if (python === undefined) return contestants;
    const script = new URL("torch_texts.py", import.meta.url).pathname;
    const args = [script, student, teacher, String(threads)];
    contestants.#child = spawn(python, args, { stdio: ["pipe", "pipe", "inherit"] });
    contestants.#answers = createInterface(contestants.#child.stdout)[Symbol.asyncIterator]();
    return contestants;
  }

  torch() {
    if (this.#child === null) return [];
    return ["student fp32", "student bf16", "teacher fp32", "teacher bf16"].map((model) => ({
      name: `${model}, PyTorch`,
      run: async (texts) => {
        this.#child.stdin.write(`${JSON.stringify({ model, texts })}\n`);
        const { value } = await this.#answers.next();
        if (value === undefined) throw new Error("PyTorch's process has ended: see above");
        return JSON.parse(value);
      },
    }));
  }

  /** The same student, its fp32 file quantised by ONNX Runtime's own tool. */
  async quantised(name, threads) {
    if (this.#child === null) return [];
    const folder = `${this.#student}-ort-quantised`;
    const from = join(this.#student, "onnx/model.onnx");
    const to = join(folder, "onnx/model_quantized.onnx");
    if (!existsSync(to)) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(join(folder, "onnx"), { recursive: true });
      for (const file of ["config.json", "tokenizer.json"]) cpSync(join(this.#student, file), join(folder, file));
      const code =
        "import sys\nfrom onnxruntime.quantization import QuantType, quantize_dynamic\nquantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8)";
      execFileSync(process.env.LIMBECK_PYTHON, ["-c", code, from, to], { stdio: ["ignore", "ignore", "inherit"] });
    }
    return [await ours(name, folder, { dtype: "int8", fused: false, threads })];
  }

  async stop() {
    this.#child?.stdin.end();
  }
}
