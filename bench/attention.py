"""Attention by PyTorch's own kernel and by batched products, forward and backward, one thread: docs/LOG.md, 2026-11-25.

Run it with a Python that has torch, and OMP_WAIT_POLICY=passive on a busy machine. native/ops.cc has the second in bf16.
"""

import math
import statistics
import time

import torch
import torch.nn.functional as F

SHAPES = [(32, 4, 16, 32), (32, 4, 32, 32), (32, 4, 128, 32), (8, 12, 128, 64), (8, 12, 512, 64)]  # B, H, S, d


def own(q, k, v, mask):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def products(q, k, v, mask):
    scores = torch.matmul(q * (1 / math.sqrt(q.shape[-1])), k.transpose(-1, -2)) + mask
    return torch.matmul(torch.softmax(scores, -1), v)


def milliseconds(attention, shape, dtype):
    B, H, S, d = shape
    qkv = torch.randn(B, S, 3, H, d, dtype=dtype, requires_grad=True)
    mask = torch.zeros(B, 1, 1, S, dtype=dtype)
    gradient = torch.randn(B, H, S, d, dtype=dtype)

    def step():
        attention(*qkv.permute(2, 0, 3, 1, 4).unbind(), mask).backward(gradient)
        qkv.grad = None

    times = []
    for _ in range(12):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[2:])


torch.set_num_threads(1)
for shape in SHAPES:
    rows = [("own, bf16", own, torch.bfloat16), ("own, f32", own, torch.float32), ("products, bf16", products, torch.bfloat16)]
    times = [f"{name} {milliseconds(attention, shape, dtype):.2f} ms" for name, attention, dtype in rows]
    print("{} x {} heads x {} tokens of {}:".format(*shape), ", ".join(times))
