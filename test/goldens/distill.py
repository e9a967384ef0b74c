"""A small random BERT teacher and DistilBERT student, and the authors' triple loss of one batch with its gradients.

    python test/goldens/distill.py

writes, under test/goldens/distill/, the model folders teacher/ and student/, and results.safetensors, whose names are
CASE.WHAT: the batch (inputIds, labels, attentionMask), the three losses (ce, mlm, cos) and the gradient of their
weighted sum with respect to each parameter of the student (grad.PARAMETER, under Hugging Face's name). The temperature
and the weights of each case are in results.json. The lines that compute the losses are PyTorch's own, as the authors use
them: KLDivLoss(batchmean) times T², CrossEntropyLoss, CosineEmbeddingLoss(mean). Computed in float64, rounded to float32.
"""

import json
import pathlib
import shutil

import torch
import transformers
from models import BERT, DISTILBERT, MASK, PAD, POSITIONS, VOCABULARY, build
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent / "distill"

AUTHORS = dict(alphaCe=5.0, alphaMlm=2.0, alphaCos=1.0, temperature=2.0, restrictCeToMask=False)
CASES = {
    "padded": ([11, 7, 2], AUTHORS),
    "full": ([POSITIONS, POSITIONS], AUTHORS),
    "restricted": ([11, 7, 2], AUTHORS | dict(restrictCeToMask=True)),
    "withoutCe": ([9, 4], AUTHORS | dict(alphaCe=0.0)),
    "withoutMlm": ([9, 4], AUTHORS | dict(alphaMlm=0.0, temperature=1.0)),
    "withoutCos": ([9, 4], AUTHORS | dict(alphaCos=0.0, temperature=3.5)),
}


def batch(lengths: list[int]) -> dict[str, torch.Tensor]:
    size = max(lengths)
    ids = torch.randint(5, VOCABULARY, (len(lengths), size))
    real = torch.arange(size)[None] < torch.tensor(lengths)[:, None]
    chosen = (torch.rand(ids.shape) < 0.3) & real
    chosen[0, 1] = True
    return {
        "inputIds": torch.where(chosen, MASK, ids).masked_fill(~real, PAD),
        "labels": torch.where(chosen, ids, -100),
        "attentionMask": real.long(),
    }


def losses(teacher, student, inputs, recipe) -> dict[str, torch.Tensor]:
    arguments = {"input_ids": inputs["inputIds"], "attention_mask": inputs["attentionMask"]}
    with torch.no_grad():
        t = teacher(**arguments, output_hidden_states=True)
    s = student(**arguments, output_hidden_states=True)
    real, chosen = inputs["attentionMask"].bool(), inputs["labels"] != -100
    at, T = chosen if recipe["restrictCeToMask"] else real, recipe["temperature"]
    s_hidden, t_hidden = s.hidden_states[-1][real], t.hidden_states[-1][real]
    return {
        "ce": torch.nn.KLDivLoss(reduction="batchmean")(
            torch.log_softmax(s.logits[at] / T, -1), torch.softmax(t.logits[at] / T, -1)
        )
        * T**2,
        "mlm": torch.nn.CrossEntropyLoss(ignore_index=-100)(s.logits.view(-1, VOCABULARY), inputs["labels"].view(-1)),
        "cos": torch.nn.CosineEmbeddingLoss(reduction="mean")(s_hidden, t_hidden, torch.ones(len(s_hidden))),
    }


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    models = {"teacher": build("BertForMaskedLM", BERT), "student": build("DistilBertForMaskedLM", DISTILBERT | dict(n_layers=2))}
    for name, model in models.items():
        model.save_pretrained(OUT / name)
        (OUT / name / "generation_config.json").unlink(missing_ok=True)
        model.double().eval()
    student = models["student"]
    expected = {}
    for name, (lengths, recipe) in CASES.items():
        inputs = batch(lengths)
        student.zero_grad()
        results = losses(models["teacher"], student, inputs, recipe)
        sum(recipe[f"alpha{loss.capitalize()}"] * value for loss, value in results.items()).backward()
        results |= {f"grad.{parameter}": tensor.grad for parameter, tensor in student.named_parameters()}
        rounded = {what: tensor.detach().float() for what, tensor in results.items()}
        expected |= {f"{name}.{what}": tensor.contiguous() for what, tensor in (inputs | rounded).items()}
    save_file(expected, OUT / "results.safetensors")
    recipes = {name: recipe for name, (_, recipe) in CASES.items()}
    (OUT / "results.json").write_text(json.dumps(recipes, indent=1) + "\n")


if __name__ == "__main__":
    main()
