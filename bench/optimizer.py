"""PyTorch's side of bench/optimizer.mjs: the first line has shapes and options, every other {"steps"}, answered with {"ms"} of one."""

import json
import sys
import time

import torch


def make(request):
    torch.set_num_threads(request["threads"])
    groups = {True: [], False: []}
    for entry in request["shapes"]:
        parameter = torch.nn.Parameter(torch.randn(entry["shape"]) * 0.02)
        parameter.grad = torch.full_like(parameter, 1e-3)
        groups[entry["decays"]].append(parameter)
    decays, others = groups[True], groups[False]
    return torch.optim.AdamW(
        [{"params": decays, "weight_decay": request["weightDecay"]}, {"params": others, "weight_decay": 0.0}],
        lr=request["learningRate"],
        betas=(request["beta1"], request["beta2"]),
        eps=request["eps"],
        fused=True,
    )


optimizer = make(json.loads(sys.stdin.readline()))
optimizer.step()
print("{}", flush=True)
for line in sys.stdin:
    steps = json.loads(line)["steps"]
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.step()
    print(json.dumps({"ms": 1000 * (time.perf_counter() - start) / steps}), flush=True)
