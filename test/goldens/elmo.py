"""Writes elmo.json: small random ELMo encoders, and what PyTorch computes with them in float64.

    python test/goldens/elmo.py

The encoder is written down from Peters et al. 2018 and AllenNLP's classes of the names below, on torch.nn's modules: the
cells are torch.nn.LSTM with proj_size, its second bias at zero, where nothing is clipped, and LstmCellWithProjection's
own loop where something is. Weights are multiples of 1/64, exact in f32, and named as Limbeck names them.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

CONFIG = {
    "characters": 262,
    "maxCharacters": 9,
    "characterSize": 3,
    "filters": [{"width": 1, "count": 2}, {"width": 2, "count": 3}, {"width": 4, "count": 5}],
    "highways": 2,
    "projection": 4,
    "cells": 6,
    "layers": 2,
}
SENTENCES = [["A", "cat", "sat", "."], ["Übermäßige", "naïveté", "!"], []]


def drawn(*shape, scale=1.0):
    size = math.prod(shape)
    return (torch.randint(-64, 65, (size,)).double() * scale).round().div(64).reshape(shape)


def weights():
    sizes = [each["count"] for each in CONFIG["filters"]]
    total, projection, cells = sum(sizes), CONFIG["projection"], CONFIG["cells"]
    out = {"words.embeddings.weight": drawn(CONFIG["characters"], CONFIG["characterSize"])}
    for i, each in enumerate(CONFIG["filters"]):
        out[f"words.convolutions.{i}.weight"] = drawn(each["count"], CONFIG["characterSize"], each["width"])
        out[f"words.convolutions.{i}.bias"] = drawn(each["count"])
    for i in range(CONFIG["highways"]):
        out[f"words.highways.{i}.both.weight"] = drawn(2 * total, total, scale=0.5)
        out[f"words.highways.{i}.both.bias"] = drawn(2 * total)
    out["words.projection.weight"] = drawn(projection, total, scale=0.5)
    out["words.projection.bias"] = drawn(projection)
    for direction in ["forward", "backward"]:
        for i in range(CONFIG["layers"]):
            out[f"{direction}.{i}.input.weight"] = drawn(4 * cells, projection)
            out[f"{direction}.{i}.state.weight"] = drawn(4 * cells, projection)
            out[f"{direction}.{i}.state.bias"] = drawn(4 * cells)
            out[f"{direction}.{i}.projection.weight"] = drawn(projection, cells)
    out["mix.weights"] = drawn(CONFIG["layers"] + 1)
    out["mix.gamma"] = torch.tensor([1.25], dtype=torch.float64)
    return out


def character_ids(words):
    """ELMoCharacterMapper.convert_word_to_char_ids, between beginning and end of sentence."""
    size = CONFIG["maxCharacters"]

    def row(characters):
        characters = list(characters)[: size - 2]
        ids = [258, *characters, 259]
        return [each + 1 for each in ids + [260] * (size - len(ids))]

    return [row([256]), *(row(word.encode("utf-8")) for word in words), row([257])]


def highway(x, weight, bias):
    """allennlp.modules.Highway, one layer."""
    projected = F.linear(x, weight, bias)
    size = x.shape[-1]
    gate = torch.sigmoid(projected[:, size:])
    return gate * x + (1 - gate) * torch.relu(projected[:, :size])


def words_of(w, ids):
    """_ElmoCharacterEncoder."""
    embedded = F.embedding(ids, w["words.embeddings.weight"]).transpose(1, 2)
    parts = []
    for i in range(len(CONFIG["filters"])):
        convolved = F.conv1d(embedded, w[f"words.convolutions.{i}.weight"], w[f"words.convolutions.{i}.bias"])
        parts.append(torch.relu(convolved.max(dim=-1).values))
    x = torch.cat(parts, dim=-1)
    for i in range(CONFIG["highways"]):
        x = highway(x, w[f"words.highways.{i}.both.weight"], w[f"words.highways.{i}.both.bias"])
    return F.linear(x, w["words.projection.weight"], w["words.projection.bias"])


def by_module(w, name, x):
    lstm = torch.nn.LSTM(CONFIG["projection"], CONFIG["cells"], proj_size=CONFIG["projection"]).double()
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(w[f"{name}.input.weight"])
        lstm.weight_hh_l0.copy_(w[f"{name}.state.weight"])
        lstm.bias_ih_l0.zero_()
        lstm.bias_hh_l0.copy_(w[f"{name}.state.bias"])
        lstm.weight_hr_l0.copy_(w[f"{name}.projection.weight"])
    return lstm(x[:, None])[0][:, 0]


def by_cell(w, name, x, clip):
    """LstmCellWithProjection.forward. Also says what the clip cut: how often the memory, how often the output."""
    cells = CONFIG["cells"]
    hidden, memory = torch.zeros(CONFIG["projection"]).double(), torch.zeros(cells).double()
    outputs, cut = [], torch.zeros(2)
    for word in x:
        projected_input = F.linear(word, w[f"{name}.input.weight"])
        projected_state = F.linear(hidden, w[f"{name}.state.weight"], w[f"{name}.state.bias"])
        gates = [(projected_input + projected_state)[i * cells : (i + 1) * cells] for i in range(4)]
        input_gate, forget_gate, output_gate = (torch.sigmoid(gates[i]) for i in (0, 1, 3))
        free = input_gate * torch.tanh(gates[2]) + forget_gate * memory
        memory = free.clamp(-clip, clip)
        unclipped = F.linear(output_gate * torch.tanh(memory), w[f"{name}.projection.weight"])
        hidden = unclipped.clamp(-clip, clip)
        cut += torch.tensor([(free != memory).sum(), (unclipped != hidden).sum()])
        outputs.append(hidden)
    return torch.stack(outputs), cut


def run(w, sentence, clip):
    ids = torch.tensor(character_ids(sentence))
    words = words_of(w, ids)
    layers, cut = [torch.cat([words, words], dim=-1)], torch.zeros(2)
    ahead = back = words
    for i in range(CONFIG["layers"]):
        next_ahead, cut_ahead = by_cell(w, f"forward.{i}", ahead, clip)
        reversed_back, cut_back = by_cell(w, f"backward.{i}", back.flip(0), clip)
        cut += cut_ahead + cut_back
        if clip == 3:
            torch.testing.assert_close(next_ahead, by_module(w, f"forward.{i}", ahead))
            torch.testing.assert_close(reversed_back, by_module(w, f"backward.{i}", back.flip(0)))
        next_back = reversed_back.flip(0)
        ahead, back = (next_ahead, next_back) if i == 0 else (next_ahead + ahead, next_back + back)
        layers.append(torch.cat([ahead, back], dim=-1))
    assert clip == 3 and cut.sum() == 0 or clip < 3 and (len(sentence) == 0 or (cut > 0).all()), (clip, cut)
    shares = torch.softmax(w["mix.weights"], dim=0) * w["mix.gamma"]
    mixed = sum(share * layer for share, layer in zip(shares, layers))[1:-1]
    return {
        "words": sentence,
        "ids": ids.flatten().tolist(),
        "layers": [numbers(layer) for layer in layers],
        "mixed": numbers(mixed),
    }


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def main():
    torch.manual_seed(3)
    w = weights()
    golden = {
        "config": CONFIG,
        "weights": {name: {"shape": list(value.shape), "data": value.flatten().tolist()} for name, value in w.items()},
        "cases": [
            {"clip": clip, "sentences": [run(w, sentence, clip) for sentence in SENTENCES]} for clip in (3, 0.125)
        ],
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
