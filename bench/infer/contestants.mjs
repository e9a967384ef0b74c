// Who runs in bench/infer.mjs. Each has a name and `run(texts)`, one text at a time unless `together`; what times itself
// returns its milliseconds, by the clock and of the processor.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import { classify, openModel } from "../../dist/infer/node.js";
import { RivalProcess, rivalPython } from "../lib/rivals.mjs";

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

/** What only Python has; nothing where there is none. */
export class PythonContestants {
  /** Why there is none, in words. */
  missing;
  #python;
  #rival = null;
  #student;

  constructor({ student, teacher, threads }) {
    this.#student = student;
    const { python, missing = null } = rivalPython(["torch", "transformers", "onnxruntime", "onnx"]);
    this.#python = python;
    this.missing = missing;
    if (python !== undefined)
      this.#rival = new RivalProcess(python, new URL("torch_texts.py", import.meta.url), {
        args: [student, teacher, threads],
      });
  }

  torch() {
    if (this.#rival === null) return [];
    return ["student fp32", "student bf16", "teacher fp32", "teacher bf16"].map((model) => ({
      name: `${model}, PyTorch`,
      run: (texts) => this.#rival.ask({ model, texts }),
    }));
  }

  /** The same student, its fp32 file quantised by ONNX Runtime's own tool. */
  async quantised(name, threads) {
    if (this.#rival === null) return [];
    const folder = `${this.#student}-ort-quantised`;
    const from = join(this.#student, "onnx/model.onnx");
    const to = join(folder, "onnx/model_quantized.onnx");
    if (!existsSync(to)) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(join(folder, "onnx"), { recursive: true });
      for (const file of ["config.json", "tokenizer.json"]) cpSync(join(this.#student, file), join(folder, file));
      const code =
        "import sys\nfrom onnxruntime.quantization import QuantType, quantize_dynamic\nquantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8)";
      execFileSync(this.#python, ["-c", code, from, to], { stdio: ["ignore", "ignore", "inherit"] });
    }
    return [await ours(name, folder, { dtype: "int8", fused: false, threads })];
  }

  async stop() {
    await this.#rival?.stop();
  }
}
