"""Small random BERT and DistilBERT checkpoints with the heads of tasks, and what Python transformers computes with them.

    python test/goldens/heads.py

writes, under test/goldens/heads/, a Hugging Face model folder NAME/ for each model below and its expected results in
NAME.safetensors. Made with torch 2.13.0 and transformers 5.18.0; another version gives other random weights.

Names in NAME.safetensors are CASE.WHAT: the inputs (inputIds, attentionMask, tokenTypeIds, and lossLogits, the weights
of the loss, which is a sum of the logits), the results (logits [B, L], or [B, S, 2] of start and end) and the gradient
of the loss with respect to each parameter (grad.PARAMETER, under Hugging Face's name). Results are computed in float64
and rounded to float32 once. The case dropHead is in training mode with the head's own dropout at 1 and all others at 0:
nothing is random, and the result tells where it stands.
"""

import pathlib
import shutil

import torch
import transformers
from models import build
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "heads"
VOCABULARY, POSITIONS, PAD = 31, 12, 0

SHARED = dict(
    vocab_size=VOCABULARY, max_position_embeddings=POSITIONS, pad_token_id=PAD, attn_implementation="eager",
)  # fmt: skip
BERT = SHARED | dict(hidden_size=8, num_attention_heads=2, intermediate_size=12, num_hidden_layers=2)
DISTILBERT = SHARED | dict(dim=8, n_heads=2, hidden_dim=12, n_layers=2)

THREE = dict(id2label={0: "entailment", 1: "neutral", 2: "contradiction"}, problem_type="single_label_classification")
SCORE = dict(num_labels=1, problem_type="regression")

# No head drops what is its default, so that a model that ignores its config's is seen.
MODELS = {
    "bert-classification": ("BertForSequenceClassification", BERT | THREE | dict(classifier_dropout=0.3)),
    "bert-regression": ("BertForSequenceClassification", BERT | SCORE),
    "bert-answers": ("BertForQuestionAnswering", BERT),
    "distilbert-classification": ("DistilBertForSequenceClassification", DISTILBERT | THREE | dict(seq_classif_dropout=0.4)),
    "distilbert-regression": ("DistilBertForSequenceClassification", DISTILBERT | SCORE),
    "distilbert-answers": ("DistilBertForQuestionAnswering", DISTILBERT | dict(qa_dropout=0.3)),
}


def case(name: str) -> dict[str, torch.Tensor]:
    """Inputs; sequences of a padded case are of different lengths, the first one full."""
    lengths, size = {
        "plain": ([6, 6], 6),
        "padded": ([9, 5, 2], 9),
        "pairs": ([POSITIONS, 7], POSITIONS),
        "dropHead": ([4, 3], 4),
    }[name]
    ids = torch.randint(5, VOCABULARY, (len(lengths), size))
    real = torch.arange(size)[None] < torch.tensor(lengths)[:, None]
    inputs = {"inputIds": ids.masked_fill(~real, PAD)}
    if not real.all():
        inputs["attentionMask"] = real.long()
    if name == "pairs":
        inputs["tokenTypeIds"] = ((torch.arange(size)[None] >= torch.tensor([[5], [3]])) & real).long()
    return inputs


def run(model, name: str) -> dict[str, torch.Tensor]:
    inputs = case(name)
    arguments = {"input_ids": inputs["inputIds"], "attention_mask": inputs.get("attentionMask")}
    if "tokenTypeIds" in inputs:
        arguments["token_type_ids"] = inputs["tokenTypeIds"]
    model.zero_grad()
    outputs = model(**arguments)
    logits = outputs.logits if "logits" in outputs else torch.stack([outputs.start_logits, outputs.end_logits], dim=-1)
    results = {"logits": logits}
    if not model.training:
        # No weight on padding: transformers drops the gradient of the padding token's embedding, and so it is zero here.
        real = inputs.get("attentionMask", torch.ones_like(inputs["inputIds"]))
        inputs["lossLogits"] = torch.randn(logits.shape) * (real[..., None] if logits.dim() == 3 else 1)
        (logits * inputs["lossLogits"].double()).sum().backward()
        results |= {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
    results = {what: result.detach().float() for what, result in results.items()}
    return {f"{name}.{what}": tensor.contiguous() for what, tensor in (inputs | results).items()}


def drop_head_only(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if hasattr(model, "dropout"):
        model.dropout.p = 1.0


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    transformers.utils.logging.disable_progress_bar()
    for seed, (name, (architecture, config)) in enumerate(MODELS.items()):
        torch.manual_seed(100 + seed)
        model = build(architecture, config)
        model.save_pretrained(OUT / name)
        model.double().eval()
        expected = {}
        for each in ["plain", "padded"] + (["pairs"] if architecture.startswith("Bert") else []):
            expected |= run(model, each)
        model.train()
        drop_head_only(model)
        expected |= run(model, "dropHead")
        save_file(expected, OUT / f"{name}.safetensors")


if __name__ == "__main__":
    main()
