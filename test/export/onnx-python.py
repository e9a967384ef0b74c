"""Says what Python makes of exported folders: `onnx-python.py FOLDER...` prints one JSON object by folder.

Every ONNX file is checked by onnx with full shape inference, and run by onnxruntime; transformers loads the folder and
computes the same. Inputs are three sequences, of which two are padded.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import transformers

ONNX_OWN = {"", "ai.onnx"}


def inputs(config):
    ids = torch.tensor([[2 + (31 * i) % 55 for i in range(12)] for _ in range(3)])
    mask = torch.tensor([[1] * 12, [1] * 7 + [0] * 5, [1] * 3 + [0] * 9])
    both = {"input_ids": ids, "attention_mask": mask}
    return {**both, "token_type_ids": torch.zeros_like(ids)} if config.model_type == "bert" else both


def declared(model, inferred):
    """Shapes of outputs as they are declared, with what inference adds; None where the two contradict."""
    shapes = {}
    for value, found in zip(model.graph.output, inferred.graph.output):
        sizes = lambda v: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        shapes[value.name] = sizes(value) if sizes(value) == sizes(found) else None
    return shapes


def look(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    model_class = getattr(transformers, config.architectures[0])
    model, loading = model_class.from_pretrained(folder, output_loading_info=True)
    model.eval()
    given = inputs(config)
    with torch.no_grad():
        expected = model(**given)
    real = given["attention_mask"].numpy().astype(bool)
    files = {}
    for path in sorted(Path(folder, "onnx").glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
        graph = onnx.load(path)
        inferred = onnx.shape_inference.infer_shapes(graph, check_type=True, strict_mode=True)
        session = onnxruntime.InferenceSession(str(path))
        names = [output.name for output in session.get_outputs()]
        outputs = dict(zip(names, session.run(None, {k: v.numpy() for k, v in given.items()})))
        differences = {}
        for name, value in outputs.items():
            other = expected[name].numpy()
            keep = real if other.shape[:2] == real.shape else slice(None)
            differences[name] = float(np.abs(value - other)[keep].max())
        files[path.name] = {
            "outputs": declared(graph, inferred),
            "domains": sorted({node.domain for node in graph.graph.node} - ONNX_OWN),
            "opset": next(o.version for o in graph.opset_import if o.domain == ""),
            "differences": differences,
        }
    return {
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
        "tokens": transformers.AutoTokenizer.from_pretrained(folder)("a bc")["input_ids"],
        "files": files,
    }


print(json.dumps({folder: look(folder) for folder in sys.argv[1:]}))
