"""PyTorch's side of bench/dispatch.mjs: reads {"op", "count"} a line, answers {"us"}: microseconds of one of so many."""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
x = torch.ones(4)
row = torch.ones(1, 8)
weight = torch.ones(8, 8)
bias = torch.ones(8)
trained = torch.ones(4, requires_grad=True)

OPS = {
    "add [4]": lambda: x.add(x),
    "add_ [4]": lambda: x.add_(x),
    "add [4], recorded for gradients": lambda: trained.add(x),
    "mul by a number [4]": lambda: x.mul(2),
    "view [4] as [2, 2]": lambda: x.view(2, 2),
    "linear [1, 8] to [1, 8]": lambda: F.linear(row, weight, bias),
    "softmax [4]": lambda: x.softmax(-1),
    "item": lambda: x.sum().item(),
}


def time_run(op, count):
    start = time.perf_counter()
    for _ in range(count):
        op()
    return (time.perf_counter() - start) * 1e6 / count


for line in sys.stdin:
    request = json.loads(line)
    with torch.set_grad_enabled("recorded" in request["op"]):
        print(json.dumps({"us": time_run(OPS[request["op"]], request["count"])}), flush=True)
