"""Prints PyTorch's own microseconds per small op as JSON, for dispatch.mjs: dispatch.py RUNS OPS_PER_RUN."""

import json
import statistics
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


def main():
    runs, count = int(sys.argv[1]), int(sys.argv[2])
    result = {}
    for name, op in OPS.items():
        with torch.set_grad_enabled("recorded" in name):
            time_run(op, count)
            result[name] = statistics.median(time_run(op, count) for _ in range(runs))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
