"""Writes optim.json: AdamW and gradient clipping by PyTorch in float64. Run it with no arguments."""

import json
import pathlib
import random

import torch

# A weight that decays, a bias that does not; sizes that leave gaps in a buffer aligned to 16 elements.
SIZES = {"weight": 6, "bias": 3}
STEPS = 6
RATES = [0.001, 0.01, 0.1, 0.05, 0.02, 0.0]

ADAMW = {
    "without weight decay": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weightDecay": 0.0},
    "with weight decay": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weightDecay": 0.01},
    "with the betas and epsilon of BERT and RoBERTa": {"beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weightDecay": 0.5},
}

generator = random.Random(11)


def drawn(size, scale=1.0):
    """Multiples of 1/16 in [-2, 2] times a power of two: exact in f32."""
    return [generator.randint(-32, 32) / 16 * scale for _ in range(size)]


def digits(values):
    return [float(f"{value:.9g}") for value in values]


def adamw(title, options, gradients, start):
    tensors = {name: torch.tensor(values, dtype=torch.float64, requires_grad=True) for name, values in start.items()}
    groups = [
        {"params": [tensors["weight"]], "weight_decay": options["weightDecay"]},
        {"params": [tensors["bias"]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(options["beta1"], options["beta2"]), eps=options["eps"])
    after = []
    for rate, gradient in zip(RATES, gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for name, tensor in tensors.items():
            tensor.grad = torch.tensor(gradient[name], dtype=torch.float64)
        optimizer.step()
        after.append({name: digits(tensor.tolist()) for name, tensor in tensors.items()})
    moments = {
        name: {"first": digits(state["exp_avg"].tolist()), "second": digits(state["exp_avg_sq"].tolist())}
        for name, state in ((name, optimizer.state[tensor]) for name, tensor in tensors.items())
    }
    return {"title": title, "options": options, "after": after, "moments": moments}


def clipping(gradient, max_norm):
    tensor = torch.zeros(len(gradient), dtype=torch.float64, requires_grad=True)
    tensor.grad = torch.tensor(gradient, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_([tensor], max_norm)
    return {"gradient": gradient, "maxNorm": max_norm, "norm": digits([norm.item()])[0], "clipped": digits(tensor.grad.tolist())}


def main():
    start = {name: drawn(size) for name, size in SIZES.items()}
    # Steps of very different size, one of them all zeros: where v is small, epsilon decides.
    scales = [1.0, 2.0**-20, 0.0, 2.0**10, 1.0, 1.0]
    gradients = [{name: drawn(size, scale) for name, size in SIZES.items()} for scale in scales]
    golden = {
        "rates": RATES,
        "start": start,
        "gradients": gradients,
        "adamw": [adamw(title, options, gradients, start) for title, options in ADAMW.items()],
        "clipping": [
            clipping(gradient, max_norm)
            for gradient in [[3.0, -4.0], drawn(40), drawn(40, 2.0**-24), [0.0, 0.0]]
            for max_norm in [1.0, 5.0, 1000.0]
        ],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main()
