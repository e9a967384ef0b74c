"""PyTorch's side of bench/infer.mjs: reads {"model", "texts"} a line, answers {"ms", "processorMs"} for all of them, one text at a time."""

import json
import sys
import time

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

student, teacher, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.set_grad_enabled(False)

models, tokenizers = {}, {}
for name, folder in {"student": student, "teacher": teacher}.items():
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for dtype in ("fp32", "bf16"):
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32 if dtype == "fp32" else torch.bfloat16)
        models[f"{name} {dtype}"], tokenizers[f"{name} {dtype}"] = model.eval(), tokenizer

for line in sys.stdin:
    request = json.loads(line)
    model, tokenizer = models[request["model"]], tokenizers[request["model"]]
    start, processor = time.perf_counter(), time.process_time()
    for text in request["texts"]:
        model(**tokenizer(text, truncation=True, max_length=512, return_tensors="pt")).logits.softmax(-1)
    ms, processor_ms = 1000 * (time.perf_counter() - start), 1000 * (time.process_time() - processor)
    print(json.dumps({"ms": ms, "processorMs": processor_ms}), flush=True)
