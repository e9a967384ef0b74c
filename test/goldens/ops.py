"""Writes ops.json: inputs, outputs and gradients of every op by PyTorch in float64. Run it with no arguments.

A case names an op by its binding. Inputs are multiples of 1/16, exact in f32, and a "transposed" one is a view with its
last two dimensions swapped, whose gradient is that of the tensor under it. Gradients are those of the sum of all outputs,
each element i weighted by ((7 i) mod 11 - 5) / 4. Infinities and NaN are strings.
"""

import json
import math
import pathlib
import random

import torch
import torch.nn.functional as F

def self_attention(qkv, mask=None):
    """Two heads."""
    (B, S, D), H = (qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3), 2
    q, k, v = qkv.reshape(B, S, 3, H, D // H).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).reshape(B, S, D)


OPS = {
    # Pointwise.
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "addScalar": lambda x, value: x + value,
    "mulScalar": lambda x, value: x * value,
    "neg": lambda x: -x,
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "rsqrt": lambda x: x.rsqrt(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "relu": lambda x: x.relu(),
    "gelu": lambda x, approximate: F.gelu(x, approximate=approximate),
    "clampMin": lambda x, value: x.clamp(min=value),
    "clamp": lambda x, min, max: x.clamp(min, max),
    "eq": lambda x, y: x == y,
    "where": torch.where,
    "maskedFill": lambda x, mask, value: x.masked_fill(mask, value),
    "isfinite": torch.isfinite,
    # In place, on a copy.
    "add_": lambda x, y, value: x.clone().add_(y, alpha=value),
    "addScalar_": lambda x, value: x.clone().add_(value),
    "mul_": lambda x, y: x.clone().mul_(y),
    "div_": lambda x, y: x.clone().div_(y),
    "mulScalar_": lambda x, value: x.clone().mul_(value),
    "sub_": lambda x, y: x.clone().sub_(y),
    "exp_": lambda x: x.clone().exp_(),
    "zero_": lambda x: x.clone().zero_(),
    "copy_": lambda x, y: x.clone().copy_(y),
    # Reductions.
    "sum": lambda x: x.sum(),
    "sumDim": lambda x, dims, keepDim: x.sum(dims, keepdim=keepDim),
    "mean": lambda x: x.mean(),
    "amax": lambda x, dims, keepDim: x.amax(dims, keepdim=keepDim),
    "argmax": lambda x, dim: x.argmax(dim),
    "topk": lambda x, k, dim: tuple(x.topk(k, dim)),
    "norm": lambda x: torch.linalg.vector_norm(x),
    "logsumexp": lambda x, dims, keepDim: x.logsumexp(dims, keepdim=keepDim),
    "softmax": lambda x, dim: x.softmax(dim),
    "logSoftmax": lambda x, dim: x.log_softmax(dim),
    # Linear algebra.
    "matmul": torch.matmul,
    "linear": F.linear,
    "linearInputGradient": lambda gradient, weight: gradient @ weight,
    "addLinearWeightGradient_": lambda into, gradient, x: into.clone() + gradient.T @ x,
    # Shapes.
    "view": lambda x, shape: x.view(shape),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, dims: x.transpose(*dims),
    "permute": lambda x, dims: x.permute(dims),
    "contiguous": lambda x: x.contiguous(),
    "narrow": lambda x, dim, start, length: x.narrow(dim, start, length),
    "select": lambda x, dim, index: x.select(dim, index),
    "unsqueeze": lambda x, dim: x.unsqueeze(dim),
    "squeeze": lambda x, dim: x.squeeze(dim),
    "expand": lambda x, shape: x.expand(shape),
    "cat": lambda *xs, dim: torch.cat(xs, dim),
    "unbind": lambda x, dim: x.unbind(dim),
    "indexSelect": lambda x, index, dim: x.index_select(dim, index),
    "gather": lambda x, index, dim: x.gather(dim, index),
    # Layers.
    "embedding": lambda weight, ids: F.embedding(ids, weight),
    "conv1d": F.conv1d,
    "layerNorm": lambda x, weight, bias, eps: F.layer_norm(x, weight.shape, weight, bias, eps),
    "selfAttention": self_attention,
    "residualNorm": lambda x, y, weight, bias, eps: F.layer_norm(x + y, weight.shape, weight, bias, eps),
    "nllLoss": lambda x, target, ignoreIndex: F.nll_loss(x, target, ignore_index=ignoreIndex, reduction="sum"),
    # Storage.
    "clone": lambda x: x.clone(),
    "toDType": lambda x, dtype: x.to(getattr(torch, dtype)),
}

CASES = []
generator = random.Random(11)


def case(op, *inputs, grad=True, autocast=None, **args):
    CASES.append({"op": op, "inputs": inputs, "args": args, "grad": grad, "autocast": autocast})


def given(data, dtype=torch.float32):
    return {"tensor": torch.tensor(data, dtype=dtype), "transposed": False}


def ids(data):
    return given(data, torch.int64)


def mask(data):
    return given(data, torch.bool)


def drawn(*shape, low=-3.0, high=3.0):
    """Multiples of 1/16 between low and high."""
    data = [generator.randint(int(low * 16), int(high * 16)) / 16 for _ in range(math.prod(shape))]
    return {"tensor": torch.tensor(data, dtype=torch.float32).reshape(shape), "transposed": False}


def distinct(*shape):
    """Multiples of 1/16 around zero, no two the same: the largest is never a tie."""
    size = math.prod(shape)
    data = [(each - size // 2) / 16 for each in generator.sample(range(size), size)]
    return {"tensor": torch.tensor(data, dtype=torch.float32).reshape(shape), "transposed": False}


def transposed(spec):
    return {**spec, "transposed": True}


def positive(*shape):
    return drawn(*shape, low=0.25, high=4.0)


def pointwise():
    inf, nan = math.inf, math.nan
    edges = [-1000.0, -20.0, -1.5, -0.0, 0.0, 0.0625, 1.0, 20.0, 1000.0]
    for op in ["add", "sub", "mul"]:
        case(op, drawn(2, 3), drawn(2, 3))
        case(op, drawn(2, 3, 4), drawn(4))
        case(op, drawn(3, 1), drawn(1, 4))
        case(op, transposed(drawn(3, 2)), drawn(2, 3))
        case(op, drawn(2, 3), given(2.5))
        case(op, ids([1, -2, 3]), ids([4, 5, -6]))
    case("mul", given([1.0, 0.0, inf, -inf]), given([0.0, nan, 0.0, 2.0]), grad=False)
    case("add", given([16777216.0, 1e38, inf]), given([2.0, 2e38, -inf]), grad=False)
    case("div", drawn(2, 3), positive(2, 3))
    case("div", drawn(2, 3, 4), positive(3, 1))
    case("div", transposed(drawn(3, 2)), transposed(positive(3, 2)))
    case("div", given([1.0, -1.0, 0.0]), given([0.0, 0.0, 0.0]), grad=False)
    for value in [2.5, -3, 0]:
        case("addScalar", drawn(2, 3), value=value)
        case("mulScalar", drawn(2, 3), value=value)
        case("addScalar", ids([1, -2, 3]), value=value)
        case("mulScalar", ids([1, -2, 3]), value=value)
    case("neg", given(edges))
    case("exp", given([-1000.0, -20.0, -1.0, 0.0, 1.0, 20.0, 88.0]))
    case("exp", given([-inf, inf, nan]), grad=False)
    case("log", given([0.0625, 0.5, 1.0, 2.0, 1000.0]))
    case("log", given([0.0, -1.0]), grad=False)
    case("rsqrt", given([0.0625, 0.5, 1.0, 2.0, 1000.0]))
    case("tanh", given(edges))
    case("relu", given(edges))
    case("relu", transposed(drawn(2, 3, 4)))
    for approximate in ["none", "tanh"]:
        case("gelu", given(edges), approximate=approximate)
        case("gelu", transposed(drawn(3, 4)), approximate=approximate)
    for value in [0, -1.5, 1e-12]:
        case("clampMin", given(edges), value=value)
    case("eq", ids([[1, 2], [3, 4]]), ids([1, 4]))
    case("eq", given([0.0, 1.5, inf, nan]), given([-0.0, 1.5, inf, nan]))
    case("where", mask([[True, False, True]]), drawn(2, 3), drawn(2, 1))
    case("where", mask([True, False]), given([1.0, inf]), given([nan, 2.0]))
    case("maskedFill", drawn(2, 3), mask([True, False, True]), value=-inf)
    case("maskedFill", transposed(drawn(3, 2)), mask([[True], [False]]), value=7.5)
    case("isfinite", given([0.0, 1e38, inf, -inf, nan]))


def in_place():
    case("add_", drawn(2, 3), drawn(2, 3), value=1)
    case("add_", drawn(2, 3), drawn(3), value=-0.5)
    case("add_", transposed(drawn(3, 2)), drawn(2, 1), value=2)
    case("addScalar_", drawn(2, 3), value=-1.25)
    case("addScalar_", ids([1, 2]), value=3)
    for op in ["sub_", "mul_", "copy_"]:
        case(op, drawn(2, 3), drawn(2, 3))
        case(op, drawn(2, 3), drawn(3))
        case(op, drawn(2, 3), transposed(drawn(3, 2)))
    case("div_", drawn(2, 3), positive(2, 3))
    case("div_", drawn(2, 3), positive(2, 1))
    case("mulScalar_", drawn(2, 3), value=0.75)
    case("mulScalar_", ids([1, 2]), value=3)
    case("exp_", drawn(2, 3))
    case("zero_", drawn(2, 3))


def reductions():
    case("sum", drawn(2, 3, 4))
    case("sum", transposed(drawn(3, 4)))
    case("sum", given(2.5))
    case("sum", ids([1, 2, 3]))
    case("sum", mask([True, False, True]))
    case("mean", drawn(2, 3, 4))
    case("mean", transposed(drawn(3, 4)))
    for dims, keepDim in [([0], False), ([1], True), ([-1], False), ([0, 2], False), ([-1, -2], True)]:
        case("sumDim", drawn(2, 3, 4), dims=dims, keepDim=keepDim)
        case("logsumexp", drawn(2, 3, 4), dims=dims, keepDim=keepDim)
        case("amax", distinct(2, 3, 4), dims=dims, keepDim=keepDim)
    case("sumDim", mask([[True, False], [True, True]]), dims=[1], keepDim=False)
    case("logsumexp", given([[100.0, 99.0, -100.0], [-100.0, -99.0, -math.inf]]), dims=[1], keepDim=False)
    case("amax", given([[1.0, 3.0, 3.0], [-2.0, -2.0, -5.0]]), dims=[1], keepDim=False)  # A tie shares its gradient.
    case("argmax", distinct(3, 4), dim=0)
    case("argmax", transposed(distinct(3, 4)), dim=-1)
    case("topk", distinct(3, 5), k=2, dim=-1)
    case("topk", transposed(distinct(2, 5, 3)), k=3, dim=2)
    case("topk", distinct(4, 2), k=4, dim=0)
    case("norm", drawn(2, 3, 4))
    case("norm", transposed(drawn(3, 4)))
    case("norm", given([0.0, 0.0]))
    case("norm", given([3.0, math.inf]), grad=False)
    case("norm", given([3.0, math.nan]), grad=False)
    for op in ["softmax", "logSoftmax"]:
        case(op, drawn(2, 3, 4), dim=-1)
        case(op, drawn(2, 3, 4), dim=1)
        case(op, transposed(drawn(2, 4, 3)), dim=-1)
        case(op, given([[1000.0, 999.0, 0.0], [-1000.0, -1000.0, -999.0]]), dim=1)
        case(op, drawn(2, 40, low=-9, high=9), dim=1)  # Longer than a vector register.
    case("softmax", given([0.5, -math.inf, 1.0]), dim=0)


def linear_algebra():
    case("matmul", drawn(3, 4), drawn(4, 2))
    case("matmul", drawn(2, 3, 4), drawn(4, 2))
    case("matmul", drawn(2, 3, 4), drawn(2, 4, 2))
    case("matmul", drawn(2, 1, 3, 4), drawn(3, 4, 2))
    case("matmul", transposed(drawn(4, 3)), transposed(drawn(2, 4)))
    case("matmul", drawn(4), drawn(4))
    case("matmul", drawn(17, 33, low=-1, high=1), drawn(33, 9, low=-1, high=1))
    case("linear", drawn(3, 4), drawn(2, 4), drawn(2))
    case("linear", drawn(2, 3, 4), drawn(5, 4), drawn(5))
    case("linear", drawn(2, 3, 4), drawn(5, 4))
    case("linear", transposed(drawn(4, 3)), transposed(drawn(4, 2)), drawn(2))
    case("linear", drawn(2, 3, 8), drawn(5, 8), drawn(5), autocast="bfloat16")
    case("linear", drawn(2, 3, 8), drawn(5, 8), autocast="bfloat16")
    case("linear", drawn(2, 3, 8), drawn(6, 8), drawn(6), autocast="bfloat16")
    case("linearInputGradient", drawn(3, 4), drawn(4, 2))
    case("addLinearWeightGradient_", drawn(4, 2), drawn(3, 4), drawn(3, 2))
    case("matmul", drawn(3, 8), drawn(8, 4), autocast="bfloat16")
    case("matmul", drawn(2, 3, 8), drawn(2, 8, 4), autocast="bfloat16")


def shapes():
    case("view", drawn(2, 6), shape=[3, 4])
    case("view", drawn(2, 6), shape=[-1])
    case("reshape", drawn(2, 6), shape=[4, -1])
    case("reshape", transposed(drawn(2, 6)), shape=[3, 4])
    case("transpose", drawn(2, 3, 4), dims=[0, 2])
    case("transpose", drawn(2, 3, 4), dims=[-1, -2])
    case("permute", drawn(2, 3, 4), dims=[2, 0, 1])
    case("permute", drawn(2, 3, 2, 2), dims=[0, 2, 1, 3])
    case("contiguous", transposed(drawn(2, 3)))
    case("contiguous", drawn(2, 3))
    case("narrow", drawn(4, 3), dim=0, start=1, length=2)
    case("narrow", transposed(drawn(2, 4, 3)), dim=-1, start=2, length=2)
    case("select", drawn(3, 4), dim=0, index=1)
    case("select", drawn(2, 3, 4), dim=-1, index=-1)
    case("unsqueeze", drawn(2, 3), dim=0)
    case("unsqueeze", drawn(2, 3), dim=-1)
    case("squeeze", drawn(2, 1, 3), dim=1)
    case("squeeze", drawn(2, 3), dim=0)
    case("expand", drawn(3, 1), shape=[2, 3, 4])
    case("expand", drawn(3), shape=[2, -1])
    case("cat", drawn(2, 3), drawn(1, 3), dim=0)
    case("cat", drawn(2, 1), transposed(drawn(2, 2)), drawn(2, 3), dim=-1)
    case("cat", ids([1, 2]), ids([3]), dim=0)
    case("unbind", drawn(3, 2), dim=0)
    case("unbind", drawn(2, 3, 2), dim=1)
    case("indexSelect", drawn(4, 3), ids([2, 0, 2]), dim=0)
    case("indexSelect", transposed(drawn(4, 3)), ids([3, 3]), dim=1)
    case("gather", drawn(3, 4), ids([[0, 0], [3, 1], [2, 2]]), dim=1)
    case("gather", drawn(3, 2), ids([[2, 0], [2, 1]]), dim=0)


def layers():
    case("embedding", drawn(5, 3), ids([[0, 4, 4], [2, 0, 4]]))
    case("embedding", drawn(5, 3), ids([1]))
    case("layerNorm", drawn(2, 3, 8), drawn(8), drawn(8), eps=1e-12)
    case("layerNorm", drawn(4, 6), positive(6), drawn(6), eps=1e-5)
    case("layerNorm", transposed(drawn(6, 4)), positive(6), drawn(6), eps=1e-5)
    case("layerNorm", given([[32.0, 32.5, 33.0, 31.5]]), positive(4), drawn(4), eps=1e-12)
    case("layerNorm", given([[2.0, 2.0, 2.0, 2.0]]), positive(4), drawn(4), eps=1e-5, grad=False)
    padding = {**given([[[[0.0, 0.0, 0.0]]], [[[0.0, 0.0, -math.inf]]]]), "constant": True}
    case("selfAttention", drawn(2, 3, 24))
    case("selfAttention", drawn(2, 3, 24), padding)
    case("selfAttention", transposed(drawn(1, 30, 4)))
    # Small: scores far apart cancel in the gradients, and f32 keeps less than 1e-5 of what is left.
    case("selfAttention", drawn(1, 20, 48, low=-1, high=1))
    case("selfAttention", drawn(2, 3, 24, low=-1, high=1), autocast="bfloat16")
    case("selfAttention", drawn(2, 3, 24, low=-1, high=1), padding, autocast="bfloat16")
    case("residualNorm", drawn(2, 3, 8), drawn(2, 3, 8), drawn(8), drawn(8), eps=1e-12)
    case("residualNorm", drawn(5, 40), drawn(5, 40), positive(40), drawn(40), eps=1e-5)
    case("residualNorm", drawn(3, 6), transposed(drawn(6, 3)), positive(6), drawn(6), eps=1e-5)
    case("nllLoss", drawn(4, 5), ids([0, 4, -100, 2]), ignoreIndex=-100)
    case("nllLoss", drawn(3, 5), ids([1, 1, 3]), ignoreIndex=1)
    case("nllLoss", drawn(2, 3), ids([-100, -100]), ignoreIndex=-100)


def storage():
    case("clone", drawn(2, 3))
    case("clone", transposed(drawn(2, 3)))
    case("toDType", given([1.00390625, 1.01171875, -3.140625, 65504.0, 1e30]), dtype="bfloat16")
    case("toDType", given([1.00048828125, -3.140625, 65504.0, 1e-7]), dtype="float16")
    case("toDType", given([-1.75, -0.5, 0.5, 2.9375]), dtype="int64")
    case("toDType", given([0.0, -0.0, 0.5, -2.0]), dtype="bool")
    case("toDType", ids([-3, 0, 16777217]), dtype="float32")


def characters_and_cells():
    """What ELMo needs. The last group: every drawn number depends on those before it."""
    case("sigmoid", given([-1000.0, -20.0, -1.5, -0.0, 0.0, 0.0625, 1.0, 20.0, 1000.0]))
    case("sigmoid", transposed(drawn(2, 3, 4)))
    for least, most in [(-1.5, 1.0), (0, 2), (-3, -1)]:
        case("clamp", given([-20.0, -1.25, -0.5, 0.0, 0.0625, 0.75, 1.75, 20.0]), min=least, max=most)
    case("clamp", given([-math.inf, math.inf, math.nan]), min=-3, max=3, grad=False)
    case("conv1d", drawn(2, 3, 7), drawn(4, 3, 1), drawn(4))
    case("conv1d", drawn(2, 3, 7), drawn(5, 3, 4), drawn(5))
    case("conv1d", transposed(drawn(2, 6, 3)), drawn(2, 3, 6), drawn(2))


def weights(shape):
    index = torch.arange(math.prod(shape), dtype=torch.float64)
    return ((index * 7 % 11 - 5) / 4).reshape(shape)


def numbers(tensor):
    """Nine significant digits are enough for f32."""

    def text(value):
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        return float(f"{value:.9g}") if isinstance(value, float) else int(value)

    return [text(value) for value in tensor.detach().flatten().tolist()]


def leaf_of(spec, grad):
    if spec is None:
        return None
    tensor = spec["tensor"]
    if not tensor.is_floating_point():
        return tensor
    return tensor.to(torch.float64).requires_grad_(grad and not spec.get("constant", False))


def dtype_of(output, args, autocast):
    """The dtype the op has in f32, where here it has float64."""
    name = str(output.dtype).removeprefix("torch.")
    return (autocast or "float32") if name == "float64" else name


def record(case):
    specs = case["inputs"]
    leaves = [leaf_of(spec, case["grad"]) for spec in specs]
    inputs = [leaf.transpose(-1, -2) if spec["transposed"] else leaf for leaf, spec in zip(leaves, specs)]
    result = OPS[case["op"]](*inputs, **case["args"])
    outputs = list(result) if isinstance(result, tuple) else [result]
    roots = [output for output in outputs if output.requires_grad]
    if roots:
        torch.autograd.backward(roots, [weights(root.shape).to(root.dtype) for root in roots])

    def input_record(leaf, spec):
        out = {"dtype": str(spec["tensor"].dtype).removeprefix("torch."), "shape": list(leaf.shape), "data": numbers(leaf)}
        if spec["transposed"]:
            out["transposed"] = True
        if roots and leaf.requires_grad:
            out["gradient"] = numbers(leaf.grad if leaf.grad is not None else torch.zeros_like(leaf))
        return out

    out = {"op": case["op"]}
    if case["args"]:
        out["args"] = {key: str(value) if value in (math.inf, -math.inf) else value for key, value in case["args"].items()}
    if case["autocast"]:
        out["autocast"] = case["autocast"]
    out["inputs"] = [input_record(leaf, spec) for leaf, spec in zip(leaves, specs)]
    out["outputs"] = [
        {"dtype": dtype_of(output, case["args"], case["autocast"]), "shape": list(output.shape), "data": numbers(output)}
        for output in outputs
    ]
    return out


def main():
    for group in [pointwise, in_place, reductions, linear_algebra, shapes, layers, storage, characters_and_cells]:
        group()
    lines = [json.dumps(record(each), separators=(",", ":"), allow_nan=False) for each in CASES]
    pathlib.Path(__file__).with_suffix(".json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
