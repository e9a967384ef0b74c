"""Small random BERT and DistilBERT checkpoints, and what Python transformers computes with them.

    python test/goldens/models.py

writes, under test/goldens/models/, a Hugging Face model folder NAME/ for each model below and its expected results in
NAME.safetensors. Made with torch 2.13.0 and transformers 5.18.0; another version gives other random weights.

Names in NAME.safetensors are CASE.WHAT: the inputs (inputIds, attentionMask, tokenTypeIds, labels, and for encoders
without a head the weights of the loss, lossHidden and lossPooled), the results (hidden.I, logits, pooled, loss) and the
gradient of the loss with respect to each parameter (grad.PARAMETER, under Hugging Face's name). Results are computed in
float64 and rounded to float32 once, so that a comparison's tolerance is spent on one implementation's rounding, not on
two. The cases dropHidden and dropAttention are in training mode with one of the two dropout probabilities at 1 and the
other at 0: nothing is random, and the results tell where dropout stands.
"""

import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "models"
VOCABULARY, POSITIONS, MASK, PAD = 61, 24, 3, 0

BERT = dict(
    vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, hidden_size=16, num_attention_heads=2,
    intermediate_size=24, num_hidden_layers=3, pad_token_id=PAD, attn_implementation="eager",
)  # fmt: skip
DISTILBERT = dict(
    vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, dim=16, n_heads=2,
    hidden_dim=24, n_layers=3, pad_token_id=PAD, attn_implementation="eager",
)  # fmt: skip

# Some epsilons are large, so that a model that ignores its config's is seen.
MODELS = {
    "bert-mlm": ("BertForMaskedLM", BERT),
    "bert-mlm-gelu-new": ("BertForMaskedLM", BERT | dict(hidden_act="gelu_new", layer_norm_eps=1e-2, num_hidden_layers=1)),
    "bert": ("BertModel", BERT | dict(hidden_act="relu", layer_norm_eps=1e-3, num_hidden_layers=2, type_vocab_size=3)),
    "distilbert-mlm": ("DistilBertForMaskedLM", DISTILBERT),
    "distilbert-mlm-relu": ("DistilBertForMaskedLM", DISTILBERT | dict(activation="relu", n_layers=1)),
    "distilbert": ("DistilBertModel", DISTILBERT | dict(activation="gelu_new", n_layers=2)),
}


def build(architecture: str, config: dict):
    cls = getattr(transformers, architecture)
    model = cls(cls.config_class(**config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm" in name or "layer_norm" in name:
                parameter.normal_(1.0 if name.endswith("weight") else 0.0, 0.3)
            else:
                parameter.normal_(0.0, 0.5 if "embeddings" in name else 0.25)
    return model


def case(name: str, types: int) -> dict[str, torch.Tensor]:
    """Inputs; sequences of a padded case are of different lengths, the first one full."""
    lengths, size = {
        "plain": ([9, 9, 9], 9),
        "padded": ([11, 7, 2], 11),
        "pairs": ([12, 12, 8], 12),
        "full": ([POSITIONS], POSITIONS),
        "dropHidden": ([6, 4], 6),
        "dropAttention": ([6, 4], 6),
    }[name]
    ids = torch.randint(5, VOCABULARY, (len(lengths), size))
    real = torch.arange(size)[None] < torch.tensor(lengths)[:, None]
    chosen = (torch.rand(ids.shape) < 0.3) & real
    chosen[0, 1] = True
    labels = torch.where(chosen, ids, -100)
    inputs = {"inputIds": torch.where(chosen, MASK, ids).masked_fill(~real, PAD), "labels": labels}
    if not real.all():
        inputs["attentionMask"] = real.long()
    if name == "pairs":
        inputs["tokenTypeIds"] = ((torch.arange(size)[None] >= torch.tensor([[5], [1], [3]])) & real).long() * (types - 1)
    return inputs


def run(model, name: str) -> dict[str, torch.Tensor]:
    config = model.config
    inputs = case(name, getattr(config, "type_vocab_size", 0))
    arguments = {"input_ids": inputs["inputIds"], "attention_mask": inputs.get("attentionMask")}
    if "tokenTypeIds" in inputs:
        arguments["token_type_ids"] = inputs["tokenTypeIds"]
    if hasattr(model, "get_output_embeddings") and model.get_output_embeddings() is not None:
        arguments["labels"] = inputs["labels"]
    else:
        del inputs["labels"]
    model.zero_grad()
    outputs = model(**arguments, output_hidden_states=True)
    results = {f"hidden.{i}": hidden for i, hidden in enumerate(outputs.hidden_states)}
    if "labels" in arguments:
        results |= {"logits": outputs.logits, "loss": outputs.loss}
    else:
        last, pooled = outputs.last_hidden_state, getattr(outputs, "pooler_output", None)
        # No weight on padding: transformers drops the gradient of the padding token's embedding, and so it is zero here.
        real = inputs.get("attentionMask", torch.ones_like(inputs["inputIds"]))
        inputs["lossHidden"] = torch.randn(last.shape) * real[..., None]
        results["loss"] = (last * inputs["lossHidden"].double()).sum()
        if pooled is not None:
            inputs["lossPooled"] = torch.randn(pooled.shape)
            results["pooled"] = pooled
            results["loss"] = results["loss"] + (pooled * inputs["lossPooled"].double()).sum()
    if not model.training:
        results["loss"].backward()
        results |= {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
    results = {what: result.detach().float() for what, result in results.items()}
    return {f"{name}.{what}": tensor.contiguous() for what, tensor in (inputs | results).items()}


def set_dropout(model, *, hidden: float, attention: float):
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = attention if name.endswith(("attention.self.dropout", "attention.dropout")) else hidden


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    transformers.utils.logging.disable_progress_bar()
    for seed, (name, (architecture, config)) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        model = build(architecture, config)
        model.save_pretrained(OUT / name)
        (OUT / name / "generation_config.json").unlink(missing_ok=True)
        model.double().eval()
        expected = {}
        for each in ["plain", "padded", "full"] + (["pairs"] if architecture.startswith("Bert") else []):
            expected |= run(model, each)
        model.train()
        for each, probabilities in {
            "dropHidden": dict(hidden=1.0, attention=0.0),
            "dropAttention": dict(hidden=0.0, attention=1.0),
        }.items():
            set_dropout(model, **probabilities)
            expected |= run(model, each)
        save_file(expected, OUT / f"{name}.safetensors")


if __name__ == "__main__":
    main()
