"""Loads model folders with Python transformers, from the architecture that their config.json names.

    python transformers-load.py FOLDER...

Prints a JSON object: for each folder the keys that from_pretrained finds missing, unexpected or of another shape, the
number of parameters, the tokens it was run on, and the results: logits, or last hidden states for an encoder without a
head, and the pooler output where there is one; start and end logits for question answering. And what config.json says of
labels.
"""

import json
import sys

import torch
import transformers

transformers.utils.logging.disable_progress_bar()


def load(folder: str) -> dict:
    architecture = json.load(open(f"{folder}/config.json"))["architectures"][0]
    model, info = getattr(transformers, architecture).from_pretrained(folder, output_loading_info=True)
    ids = torch.arange(2 * 10).view(2, 10) * 7 % model.config.vocab_size
    mask = torch.tensor([[1] * 10, [1] * 6 + [0] * 4])
    with torch.no_grad():
        outputs = model(input_ids=ids, attention_mask=mask)
    names = [name for name in ("logits", "start_logits", "end_logits", "last_hidden_state", "pooler_output") if name in outputs]
    return {
        "wrong": {kind: [str(key) for key in keys] for kind, keys in info.items()},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "inputIds": ids.tolist(),
        "attentionMask": mask.tolist(),
        "labels": [model.config.id2label[index] for index in range(model.config.num_labels)],
        "problemType": model.config.problem_type,
        "results": {name: outputs[name].flatten().tolist() for name in names},
    }


print(json.dumps({folder: load(folder) for folder in sys.argv[1:]}))
