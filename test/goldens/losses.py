"""Writes losses.json: the three losses and their gradients by PyTorch in float64. Run it with no arguments."""

import json
import pathlib
import random

import torch
import torch.nn.functional as F

generator = random.Random(7)


def drawn(*shape, span=4.0):
    """Multiples of 1/16 in [-span, span]: exact in f32."""
    limit = int(16 * span)
    if len(shape) == 1:
        return [generator.randint(-limit, limit) / 16 for _ in range(shape[0])]
    return [drawn(*shape[1:], span=span) for _ in range(shape[0])]


def digits(tensor):
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def leaf(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def soft_targets(rows, vocabulary, temperature, span):
    """The authors' line: KLDivLoss(batchmean) of log softmax and softmax at T, times T²; here summed over the rows."""
    student, teacher = leaf(drawn(rows, vocabulary, span=span)), leaf(drawn(rows, vocabulary, span=span))
    mean = F.kl_div(
        F.log_softmax(student / temperature, -1), F.softmax(teacher.detach() / temperature, -1), reduction="batchmean"
    )
    loss = mean * temperature**2 * rows
    loss.backward()
    return {
        "student": student.tolist(),
        "teacher": teacher.tolist(),
        "temperature": temperature,
        "loss": digits(loss)[0],
        "gradient": digits(student.grad),
    }


def masked_lm(rows, vocabulary, masked):
    logits = leaf(drawn(rows, vocabulary))
    labels = [generator.randrange(vocabulary) if row in masked else -100 for row in range(rows)]
    loss = F.cross_entropy(logits, torch.tensor(labels), ignore_index=-100, reduction="sum")
    loss.backward()
    return {"logits": logits.tolist(), "labels": labels, "loss": digits(loss)[0], "gradient": digits(logits.grad)}


def cosine(rows, size, scale):
    student = leaf([[value * scale for value in row] for row in drawn(rows, size)])
    teacher = leaf(drawn(rows, size))
    loss = torch.nn.CosineEmbeddingLoss(reduction="sum")(student, teacher.detach(), torch.ones(rows))
    loss.backward()
    return {
        "student": student.tolist(),
        "teacher": teacher.tolist(),
        "loss": digits(loss)[0],
        "gradient": digits(student.grad),
    }


def main():
    golden = {
        "softTargets": [
            soft_targets(3, 5, temperature, span) for temperature, span in [(1.0, 4.0), (2.0, 4.0), (2.0, 40.0), (0.5, 1.0)]
        ],
        "maskedLm": [masked_lm(4, 6, masked) for masked in [{0, 2}, {0, 1, 2, 3}, set()]],
        "cosine": [cosine(4, 6, scale) for scale in [1.0, 2.0**-10]],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main()
