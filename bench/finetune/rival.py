"""PyTorch's side of bench/finetune.mjs: the first line has the features, every other the batches of an epoch over them."""

import json
import sys
import time

import torch
from transformers import DistilBertConfig, DistilBertForQuestionAnswering, DistilBertForSequenceClassification

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
torch.manual_seed(1)
answers = options["kind"] == "answers"
model = (DistilBertForQuestionAnswering if answers else DistilBertForSequenceClassification)(DistilBertConfig()).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01, fused=True)
features = json.loads(sys.stdin.readline())["features"]
print("{}", flush=True)


def collate(indices):
    rows = [features[index] for index in indices]
    longest = max(len(row["inputIds"]) for row in rows)
    padded = [row["inputIds"] + [0] * (longest - len(row["inputIds"])) for row in rows]
    mask = [[1] * len(row["inputIds"]) + [0] * (longest - len(row["inputIds"])) for row in rows]
    batch = {"input_ids": torch.tensor(padded), "attention_mask": torch.tensor(mask)}
    if answers:
        spans = torch.tensor([row["targets"]["span"] for row in rows])
        return batch | {"start_positions": spans[:, 0], "end_positions": spans[:, 1]}
    return batch | {"labels": torch.tensor([row["targets"]["label"] for row in rows])}


for line in sys.stdin:
    batches = json.loads(line)["batches"]
    start = time.perf_counter()
    for indices in batches:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**collate(indices)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
